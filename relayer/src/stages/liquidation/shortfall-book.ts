import { shortfallsAbi } from '@lockstep/contracts';
import { accountId, type AccountId } from '@lockstep/shared';
import { parseEventLogs, type Address, type PublicClient } from 'viem';
import { LogWalk } from '../../chain/log-walk.js';

/** Whose collateral is being auctioned, learnt from the events alone: what an account owes by now does not tell. */
export class ShortfallBook {
  readonly #open = new Set<AccountId>();
  readonly #walk: LogWalk;

  /** @param from block of the deployment */
  constructor(
    private readonly client: Pick<PublicClient, 'getLogs'>,
    private readonly shortfalls: Address,
    from: bigint,
  ) {
    this.#walk = new LogWalk(from, (first, last) => this.#read(first, last));
  }

  get open(): ReadonlySet<AccountId> {
    return this.#open;
  }

  /** Reads events up to a block, in pieces that the provider takes. */
  advance(to: bigint): Promise<void> {
    return this.#walk.advance(to);
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
