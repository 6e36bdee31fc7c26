import { shortfallsAbi } from '@lockstep/contracts';
import { accountId, type AccountId } from '@lockstep/shared';
import { parseEventLogs, type Address, type PublicClient } from 'viem';
import { RangeSizer } from '../../chain/range-sizer.js';

/** Blocks read again at every step: what a shallow reorg changed is seen anew. */
const OVERLAP = 16n;
const MAX_RANGE = 10_000;
/** An answer of up to so many logs is fine. */
const TARGET_LOGS = 2_000;

/** Whose collateral is being auctioned, learnt from the events alone: what an account owes by now does not tell. */
export class ShortfallBook {
  readonly #open = new Set<AccountId>();
  readonly #sizer = new RangeSizer(MAX_RANGE, TARGET_LOGS);
  #next: bigint;

  /** @param from block of the deployment */
  constructor(
    private readonly client: Pick<PublicClient, 'getLogs'>,
    private readonly shortfalls: Address,
    from: bigint,
  ) {
    this.#next = from;
  }

  get open(): ReadonlySet<AccountId> {
    return this.#open;
  }

  /** Reads events up to a block, in pieces that the provider takes. */
  async advance(to: bigint): Promise<void> {
    let from = this.#next > OVERLAP ? this.#next - OVERLAP : 0n;
    while (from <= to) {
      const size = this.#sizer.size;
      const until = from + BigInt(size) - 1n < to ? from + BigInt(size) - 1n : to;
      const asked = Number(until - from) + 1;
      try {
        this.#sizer.answered(asked, await this.#read(from, until));
      } catch (error) {
        if (!this.#sizer.refused(asked)) throw error;
        continue;
      }
      from = until + 1n;
      if (from > this.#next) this.#next = from;
    }
  }

  async #read(fromBlock: bigint, toBlock: bigint): Promise<number> {
    const logs = await this.client.getLogs({ address: this.shortfalls, fromBlock, toBlock });
    for (const { eventName, args } of parseEventLogs({ abi: shortfallsAbi, eventName: ['ShortfallStarted', 'ShortfallEnded'], logs })) {
      if (eventName === 'ShortfallStarted') this.#open.add(accountId(args.account));
      else this.#open.delete(accountId(args.account));
    }
    return logs.length;
  }
}
