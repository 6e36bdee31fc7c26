import { liquidationAbi, shortfallsAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { decodeFunctionData, isAddressEqual, parseEventLogs, type PublicClient } from 'viem';
import { LogWalk } from '../../chain/log-walk.js';
import type { HubCall } from '../hub-calls.js';
import { blockBefore } from './block-before.js';
import type { LiquidationHub } from './hub.js';
import type { LiquidationSender } from './wants.js';

const DAY = 86_400n;
const EVENTS = [...liquidationAbi, ...shortfallsAbi].filter((item) => item.type === 'event');
const BIDS = ['BidTaken', 'ShortfallBidTaken'] as const;

/** Cash, 18 decimals, as of a block. */
export interface Committed {
  /** paid for bids that were taken in the day before */
  readonly spent: bigint;
  /** most that bids may cost which are on their way */
  readonly held: bigint;
}

/**
 * What one bidder spends, on auctions of accounts and of debtors' collateral alike: bids of both kinds come out of one budget and one equity. A bid counts from
 * the moment it is sent, also by another process with the same sender.
 */
export class BidBudget {
  /** cash that a bid may cost, by key of the need: until it is over, or among the events */
  readonly #held = new Map<string, bigint>();
  readonly #paid = new Map<string, { readonly price: bigint; readonly block: bigint }>();
  readonly #times = new Map<bigint, bigint>();
  #walk: LogWalk | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly client: Pick<PublicClient, 'getBlock' | 'getLogs'>,
    private readonly hub: Pick<LiquidationHub, 'liquidation' | 'shortfalls'>,
    private readonly sender: Pick<LiquidationSender, 'became' | 'open'>,
    private readonly bidder: AccountId,
  ) {}

  /** Runs one after another what asks what may be spent and then spends it: two at once would spend the same. */
  inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /**
   * A bid was sent.
   * @param what key of its need
   * @param most cash that it may cost; below 0: it is paid for
   */
  hold(what: string, most: bigint): void {
    this.#held.set(what, most > 0n ? most : 0n);
  }

  /**
   * @param block as of which everything counts
   * @param now   its time, seconds
   */
  async committed(block: bigint, now: bigint): Promise<Committed> {
    return { spent: await this.#spent(block, now), held: await this.#underWay(block) };
  }

  async #spent(block: bigint, now: bigint): Promise<bigint> {
    this.#walk ??= new LogWalk(await blockBefore(this.client, now - DAY), (from, to) => this.#read(from, to));
    await this.#walk.advance(block);
    let spent = 0n;
    for (const [key, { price, block: at }] of this.#paid) {
      const time = this.#times.get(at) ?? (await this.client.getBlock({ blockNumber: at })).timestamp;
      this.#times.set(at, time);
      if (now - time < DAY) spent += price;
      else this.#paid.delete(key);
    }
    return spent;
  }

  async #read(fromBlock: bigint, toBlock: bigint): Promise<number> {
    const { liquidation, shortfalls } = this.hub;
    const address = shortfalls === null ? [liquidation] : [liquidation, shortfalls];
    const logs = await this.client.getLogs({ address, fromBlock, toBlock });
    for (const { args, blockNumber, blockHash, logIndex } of parseEventLogs({ abi: EVENTS, eventName: [...BIDS], logs }))
      if (args.bidder === this.bidder && args.price > 0n)
        this.#paid.set(`${blockHash}:${logIndex}`, { price: args.price, block: blockNumber });
    return logs.length;
  }

  async #underWay(block: bigint): Promise<bigint> {
    for (const { what, ...call } of await this.sender.open()) {
      const most = this.#mostOf(call);
      if (most !== null) this.hold(what, most);
    }
    let sum = 0n;
    for (const [what, most] of this.#held) {
      const became = await this.sender.became(what);
      if (became?.state === 'open' || (became?.state === 'mined' && became.block > block)) sum += most;
      else this.#held.delete(what);
    }
    return sum;
  }

  /** What a call may cost the bidder; null: it is no bid of his. */
  #mostOf({ to, data }: Pick<HubCall, 'to' | 'data'>): bigint | null {
    const { liquidation, shortfalls } = this.hub;
    if (isAddressEqual(to, liquidation)) {
      const { functionName, args } = decodeFunctionData({ abi: liquidationAbi, data });
      if (functionName !== 'bid' && functionName !== 'bidAndWithdraw') return null;
      const [{ bidder, priceLimit }] = args;
      return bidder === this.bidder ? priceLimit : null;
    }
    if (shortfalls === null || !isAddressEqual(to, shortfalls)) return null;
    const { functionName, args } = decodeFunctionData({ abi: shortfallsAbi, data });
    if (functionName !== 'bid' && functionName !== 'bidAndWithdraw') return null;
    const [, bidder, , priceLimit] = args;
    return bidder === this.bidder ? priceLimit : null;
  }
}
