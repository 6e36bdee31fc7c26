import { Inject, Injectable } from '@nestjs/common';
import { iWithdrawalsAbi } from '@lockstep/contracts';
import { decodeEntry, type Eid, type Sequence } from '@lockstep/shared';
import { encodeFunctionData, type Hex } from 'viem';
import { Chains } from '../chain/chains.js';
import type { RevertReason } from '../sender/intent.js';
import { revertOf } from '../sender/revert-reason.js';
import { FeedSnapshots } from './feed-snapshots.js';

/** A withdrawal that was asked for on a chain's log. */
export interface RecordedRequest {
  readonly srcEid: Eid;
  readonly sequence: Sequence;
  /** the entry, from its chain's log */
  readonly bytes: Hex;
}

/** Whether the hub would decide a request now. `prices`: what it needs beyond those of the hub; `data`: the call with them. */
export type Trial =
  { readonly kind: 'passes'; readonly prices: Hex; readonly data: Hex } | { readonly kind: 'refused'; readonly reason: RevertReason };

/** The hub refuses it because no cash may leave: it has to wait, and so has everybody's. */
export const isBraked = (reason: RevertReason): boolean => reason.kind === 'error' && reason.name === 'CashBraked';

const NO_PRICES: Hex = '0x';

/** Tries `processRequest` without sending it: at the prices of the hub, then at the newest ones signed since the request. */
@Injectable()
export class RequestTrial {
  constructor(
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    private readonly snapshots: FeedSnapshots,
  ) {}

  /** No answer of a provider is no refusal: it throws. */
  async of(request: RecordedRequest): Promise<Trial> {
    const { data, reason } = await this.#try(request, NO_PRICES);
    if (reason === null) return { kind: 'passes', prices: NO_PRICES, data };
    const prices = await this.#newestPrices(request);
    if (prices === null) return { kind: 'refused', reason };
    const again = await this.#try(request, prices);
    return again.reason === null ? { kind: 'passes', prices, data: again.data } : { kind: 'refused', reason: again.reason };
  }

  async #try({ srcEid, sequence, bytes }: RecordedRequest, prices: Hex): Promise<{ data: Hex; reason: RevertReason | null }> {
    const { hub } = this.chains;
    const data = encodeFunctionData({
      abi: iWithdrawalsAbi,
      functionName: 'processRequest',
      args: [srcEid, sequence, bytes, prices],
    });
    try {
      await hub.client.call({ to: hub.contract('Withdrawals'), data });
      return { data, reason: null };
    } catch (error) {
      const reason = revertOf(error);
      if (reason === null) throw error;
      return { data, reason };
    }
  }

  /** The hub asks for prices of the request's own second or later. */
  async #newestPrices({ bytes }: RecordedRequest): Promise<Hex | null> {
    const feeds = this.chains.hub.find('Feeds');
    if (feeds === null) return null;
    const entry = decodeEntry(bytes);
    if (entry.kind !== 'WithdrawRequested') return null;
    const [newest] = await this.snapshots.newest(feeds, { after: entry.timestamp - 1n, underlyings: null });
    return newest?.prices ?? null;
  }
}
