import { iLedgerAbi, iMarketsAbi, liquidationAbi } from '@lockstep/contracts';
import { accountId, exchange, type AccountId } from '@lockstep/shared';
import { parseEventLogs, type Hex, type Log, type ParseEventLogsReturnType, type PublicClient } from 'viem';
import { LogWalk } from '../../chain/log-walk.js';
import type { LiquidationHub } from './hub.js';

const EVENTS = [...iLedgerAbi, ...iMarketsAbi, ...liquidationAbi].filter((item) => item.type === 'event');
/** Events that bring a position or a debt to an account: it is watched from then on. */
const EXPOSING: ReadonlySet<string> = new Set(['Traded', 'SliceTransferred', 'CashChanged']);
/** Fields of events that name an account. */
const NAMES = ['account', 'from', 'to', 'buyer', 'seller', 'bidder'] as const;
const ACCOUNT = /^0x[0-9a-f]{64}$/;

type BookEvent = ParseEventLogsReturnType<typeof EVENTS, undefined, true>[number];
type Mined = Pick<Log<bigint, number, false>, 'blockHash' | 'blockNumber' | 'logIndex'>;
/** An event in one block and no other: after a reorg it is another. */
const keyOf = ({ blockHash, logIndex }: Mined): string => `${blockHash}:${logIndex}`;

/** What an event said that a reorg may take back. */
interface Taken {
  readonly block: bigint;
  /** named by it */
  readonly accounts: readonly AccountId[];
  /** whose auction it ended */
  readonly ended: AccountId | null;
}

/** Who may have to be liquidated, learnt from the hub's events alone. */
export class AccountBook {
  readonly #watched = new Set<AccountId>();
  readonly #changed = new Set<AccountId>();
  readonly #inAuction = new Set<AccountId>();
  readonly #named = new Set<AccountId>();
  readonly #markets = new Set<number>();
  /** events that were taken in and may be read again: the same one says nothing new */
  readonly #taken = new Map<string, Taken>();
  readonly #walk: LogWalk;

  /** @param from first block of interest */
  constructor(
    private readonly client: Pick<PublicClient, 'getLogs'>,
    private readonly hub: LiquidationHub,
    from: bigint,
  ) {
    this.#walk = new LogWalk(from, (first, last) => this.#read(first, last));
  }

  /** Accounts that traded, received positions or whose cash was moved by a module. */
  get watched(): ReadonlySet<AccountId> {
    return this.#watched;
  }

  /** Accounts whose auction is open. */
  get inAuction(): ReadonlySet<AccountId> {
    return this.#inAuction;
  }

  /** Every account that any event named: whoever holds something is among them, if the first block of interest is that of the deployment. */
  get named(): ReadonlySet<AccountId> {
    return this.#named;
  }

  /** Underlyings in which somebody traded. */
  get markets(): ReadonlySet<number> {
    return this.#markets;
  }

  /** Watched accounts whose books changed since this was asked last. */
  takeChanged(): AccountId[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  /** Watches accounts that are known from elsewhere. */
  add(accounts: readonly AccountId[]): void {
    for (const account of accounts) this.#watch(account);
  }

  /** Accounts whose auction was open before the first block of interest. */
  addAuctions(accounts: readonly AccountId[]): void {
    for (const account of accounts) this.#inAuction.add(account);
  }

  /** Reads events up to a block, in pieces that the provider takes. @param progress told how far it is */
  advance(to: bigint, progress?: (done: bigint, to: bigint) => void): Promise<void> {
    return this.#walk.advance(to, progress);
  }

  async #read(fromBlock: bigint, toBlock: bigint): Promise<number> {
    const { ledger, markets, liquidation } = this.hub;
    const logs = await this.client.getLogs({ address: [ledger, markets, liquidation], fromBlock, toBlock });
    this.#undo(new Set(logs.map(keyOf)), fromBlock, toBlock);
    const news = logs.filter((log) => !this.#taken.has(keyOf(log)));
    const taken = parseEventLogs({ abi: EVENTS, logs: news }).map((log) => [keyOf(log), this.#take(log)] as const);
    for (const [key, { block }] of this.#taken) if (block < fromBlock) this.#taken.delete(key);
    // Not before all of them are taken in: what failed is read again.
    for (const [key, one] of taken) this.#taken.set(key, one);
    return logs.length;
  }

  #take({ eventName, args, blockNumber }: BookEvent): Taken {
    const fields: Readonly<Record<string, unknown>> = args;
    const accounts: AccountId[] = [];
    for (const name of NAMES) {
      const value = fields[name];
      if (typeof value !== 'string' || !ACCOUNT.test(value)) continue;
      // CAST: 32 bytes of hex.
      const account = accountId(value as Hex);
      accounts.push(account);
      this.#named.add(account);
      if (EXPOSING.has(eventName)) this.#watch(account);
      else if (this.#watched.has(account)) this.#changed.add(account);
    }
    if (eventName === 'Traded') this.#markets.add(exchange.decodeInstrument(args.instrument).underlying);
    if (eventName === 'AuctionStarted') this.#inAuction.add(accountId(args.account));
    const ended = eventName === 'AuctionEnded' ? accountId(args.account) : null;
    if (ended !== null) this.#inAuction.delete(ended);
    return { block: blockNumber, accounts, ended };
  }

  /**
   * Where a reorg took an event back, all from there on are forgotten, because what they say may have followed from it: books are due that they
   * named, and auctions open that they ended, until what happened instead is taken in.
   */
  #undo(told: ReadonlySet<string>, fromBlock: bigint, toBlock: bigint): void {
    if (![...this.#taken].some(([key, { block }]) => block >= fromBlock && block <= toBlock && !told.has(key))) return;
    for (const [key, { block, accounts, ended }] of this.#taken) {
      if (block < fromBlock) continue;
      for (const account of accounts) if (this.#watched.has(account)) this.#changed.add(account);
      if (ended !== null) this.#inAuction.add(ended);
      this.#taken.delete(key);
    }
  }

  #watch(account: AccountId): void {
    // Its own: deficits that the fund, levies and all cash answer for, no trader's debts.
    if (account.startsWith(this.hub.liquidation.toLowerCase())) return;
    this.#watched.add(account);
    this.#changed.add(account);
  }
}
