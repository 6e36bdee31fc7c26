import { Injectable } from '@nestjs/common';
import { risk } from '@lockstep/shared';
import type { Address } from 'viem';
import { ChainTime } from '../chain/chain-time.js';
import { Chains } from '../chain/chains.js';
import { FeedSnapshots, type StoredSnapshot } from '../stages/feed-snapshots.js';
import { isoOfSeconds } from './chain-names.js';
import type { PricesView } from './price-views.js';

const EVER = -1n;

/** Reads signed snapshots of the feeds. */
@Injectable()
export class PriceQueries {
  constructor(
    private readonly chains: Chains,
    private readonly time: ChainTime,
    private readonly snapshots: FeedSnapshots,
  ) {}

  /** @param after seconds: signed for a later time. @param underlying null: all of them */
  async newest(feeds: Address, after: bigint | null, underlying: number | null): Promise<PricesView> {
    const { hub } = this.chains;
    const underlyings = underlying === null ? null : [underlying];
    const [now, chosen, known] = await Promise.all([
      this.time.now(hub),
      this.snapshots.newest(feeds, { after: after ?? EVER, underlyings }),
      this.snapshots.newest(feeds, { after: EVER, underlyings }),
    ]);
    const asked = (snapshots: readonly StoredSnapshot[]): number[] => underlyingsOf(snapshots, underlyings);
    return {
      eid: hub.eid,
      chain: hub.name,
      feeds,
      now: isoOfSeconds(now),
      snapshots: chosen.map((snapshot) => viewOf(snapshot, now)),
      awaited: asked(known).filter((one) => !asked(chosen).includes(one)),
    };
  }
}

function underlyingsOf(snapshots: readonly StoredSnapshot[], among: readonly number[] | null): number[] {
  const all = snapshots.flatMap(({ feeds }) => feeds.map((feed) => risk.feedName(feed).underlying));
  return [...new Set(all)].filter((one) => among === null || among.includes(one)).sort((a, b) => a - b);
}

function viewOf(snapshot: StoredSnapshot, now: bigint): PricesView['snapshots'][number] {
  const { time, signers, feeds, prices, tx } = snapshot;
  return {
    time: `${time}`,
    at: isoOfSeconds(BigInt(time)),
    ageSeconds: Number(now) - time,
    signers: [...signers],
    underlyings: underlyingsOf([snapshot], null),
    feeds: feeds.map((id) => {
      const { underlying, kind, expiry } = risk.feedName(id);
      return { id: `${id}`, underlying, kind, expiry: expiry === 0n ? null : isoOfSeconds(expiry) };
    }),
    prices,
    tx,
  };
}
