import { Injectable } from '@nestjs/common';
import { eid } from '@lockstep/shared';
import { Chains } from '../chain/chains.js';

/** A token as people know it. */
export interface AssetNames {
  readonly eid: number;
  readonly chain: string | null;
  readonly assetIndex: number;
  readonly symbol: string | null;
  readonly token: string | null;
  readonly decimals: number | null;
}

/** Names of chains and tokens, from the live files. */
@Injectable()
export class ChainNames {
  constructor(private readonly chains: Chains) {}

  chain(chainEid: number): string | null {
    return this.chains.byEid(eid(chainEid))?.name ?? null;
  }

  asset(chainEid: number, assetIndex: number): AssetNames {
    const listed = this.chains.byEid(eid(chainEid))?.live.assets.find(({ index }) => index === assetIndex);
    return {
      eid: chainEid,
      chain: this.chain(chainEid),
      assetIndex,
      symbol: listed?.symbol ?? null,
      token: listed?.token ?? null,
      decimals: listed?.decimals ?? null,
    };
  }

  get hubEid(): number {
    return this.chains.hub.eid;
  }
}

/** Unix seconds, as the database hands them over, in ISO 8601. */
export const isoOfSeconds = (seconds: string | bigint): string => new Date(Number(seconds) * 1000).toISOString();
