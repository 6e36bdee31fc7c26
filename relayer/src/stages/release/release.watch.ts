import { Inject, Injectable } from '@nestjs/common';
import { ChainTime } from '../../chain/chain-time.js';
import { Chains } from '../../chain/chains.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { PathProblems } from '../path-problems.js';
import { ReleaseRepository } from './release.repository.js';

/** Follows each order to its payout: an alarm for every path whose first unpaid order is older than expected. */
@Injectable()
export class ReleaseWatch {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly releases: ReleaseRepository,
    private readonly problems: PathProblems,
    private readonly time: ChainTime,
  ) {}

  /** Raises or clears the alarm of every path from the hub. */
  async look(): Promise<void> {
    const { hub } = this.chains;
    const now = await this.time.now(hub);
    for (const { eid: dstEid } of this.chains.all()) {
      const first = await this.releases.firstUnpaid(hub.eid, dstEid);
      const seconds = first === null ? 0 : Number(now - first.at);
      if (first === null || seconds <= this.config.release.lateSeconds) await this.problems.clear('release', hub.eid, dstEid);
      else
        await this.problems.raise('release', {
          ...{ code: 'RELEASE_LATE', srcEid: hub.eid, dstEid },
          ...{ sequence: first.sequence, claim: first.claim, seconds },
        });
    }
  }
}
