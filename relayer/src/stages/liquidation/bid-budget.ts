import { liquidationAbi, shortfallsAbi } from '@lockstep/contracts';
import { risk, type AccountId } from '@lockstep/shared';
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
  /** most that they may take of the bidder's equity above initial margin: each its price, or more */
  readonly taken: bigint;
}

/** What a bid may take of its bidder. Cash, 18 decimals. */
export interface Promised {
  /** most that it may cost; below 0: it is paid for */
  readonly price: bigint;
  /** of the equity above initial margin */
  readonly equity: bigint;
}

type ChainReads = Pick<PublicClient, 'getBlock' | 'getLogs'>;
type BidContracts = Pick<LiquidationHub, 'liquidation' | 'shortfalls'>;
type BidSender = Pick<LiquidationSender, 'became' | 'open'>;

/**
 * What one bidder spends, on auctions of accounts and of debtors' collateral alike: bids of both kinds come out of one budget and one equity. A bid
 * counts from the moment it is sent, also by another process with the same sender; what that one thought it takes of equity beyond its price is not
 * known.
 */
export class BidBudget {
  /** by key of the need: until it is over, or among the events */
  readonly #held = new Map<string, Promised>();
  readonly #paid = new Map<string, { readonly price: bigint; readonly block: bigint }>();
  /** of the blocks that something was paid in, seconds */
  readonly #times = new Map<bigint, bigint>();
  #walk: LogWalk | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly client: ChainReads,
    private readonly hub: BidContracts,
    private readonly sender: BidSender,
    private readonly bidder: AccountId,
  ) {}

  /** Of whoever bids; null: nobody does. */
  static of(client: ChainReads, hub: BidContracts, sender: BidSender, bid: { readonly account: AccountId } | null): BidBudget | null {
    return bid === null ? null : new BidBudget(client, hub, sender, bid.account);
  }

  /** Runs one after another what asks what may be spent and then spends it: two at once would spend the same. */
  inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /**
   * A bid was sent.
   * @param what key of its need
   */
  hold(what: string, { price, equity }: Promised): void {
    this.#held.set(what, { price: risk.max(price, 0n), equity: risk.max(equity, 0n) });
  }

  /**
   * @param block as of which everything counts
   * @param now   its time, seconds
   */
  async committed(block: bigint, now: bigint): Promise<Committed> {
    return { spent: await this.#spent(block, now), ...(await this.#underWay(block)) };
  }

  async #spent(block: bigint, now: bigint): Promise<bigint> {
    this.#walk ??= new LogWalk(await blockBefore(this.client, now - DAY), (from, to) => this.#read(from, to));
    await this.#walk.advance(block);
    let spent = 0n;
    for (const [key, { price, block: at }] of this.#paid) {
      const time = this.#times.get(at) ?? (await this.client.getBlock({ blockNumber: at })).timestamp;
      this.#times.set(at, time);
      if (now - time < DAY) spent += price;
      else {
        this.#paid.delete(key);
        this.#times.delete(at);
      }
    }
    return spent;
  }

  async #read(fromBlock: bigint, toBlock: bigint): Promise<number> {
    const { liquidation, shortfalls } = this.hub;
    const address = shortfalls === null ? [liquidation] : [liquidation, shortfalls];
    const logs = await this.client.getLogs({ address, fromBlock, toBlock });
    // A reorg may have taken them back, or these heights; what comes after `toBlock` is read next.
    for (const [key, { block }] of this.#paid) if (block >= fromBlock) this.#paid.delete(key);
    for (const block of this.#times.keys()) if (block >= fromBlock) this.#times.delete(block);
    for (const { args, blockNumber, blockHash, logIndex } of parseEventLogs({ abi: EVENTS, eventName: [...BIDS], logs }))
      if (args.bidder === this.bidder && args.price > 0n)
        this.#paid.set(`${blockHash}:${logIndex}`, { price: args.price, block: blockNumber });
    return logs.length;
  }

  async #underWay(block: bigint): Promise<Pick<Committed, 'held' | 'taken'>> {
    for (const { what, ...call } of await this.sender.open()) {
      const price = this.#mostOf(call);
      if (price !== null) this.hold(what, { price, equity: this.#held.get(what)?.equity ?? 0n });
    }
    const sum = { held: 0n, taken: 0n };
    for (const [what, { price, equity }] of this.#held) {
      const became = await this.sender.became(what);
      if (became?.state === 'open' || (became?.state === 'mined' && became.block > block)) {
        sum.held += price;
        sum.taken += risk.max(price, equity);
      } else this.#held.delete(what);
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
