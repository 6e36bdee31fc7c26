import { iLedgerAbi } from '@lockstep/contracts';
import { decodeCreditReceipt } from '@lockstep/shared';
import type { Hex } from 'viem';
import type { HubChain } from '../harness/stack.js';

/**
 * Balances by `account|asset` in the journal's own words: `balance:0x…|token:40001:1`, `cash:0x…|cash`, `reserved|token:…`, `queued|cash`,
 * `clearing|cash`, `interest|cash`, `spread|cash`, `written-down|token:…`.
 */
export type Totals = Map<string, bigint>;

/** What the ledger said, in order. */
export type LedgerEvent = Said<Awaited<ReturnType<typeof ledgerEvents>>[number]>;
type Said<Log> = Log extends { readonly eventName: infer Name; readonly args: infer Args }
  ? { readonly eventName: Name; readonly args: Args }
  : never;

/** What the ledger's events add up to. */
export interface Rebuilt {
  readonly totals: Totals;
  /** everybody they name */
  readonly accounts: ReadonlySet<Hex>;
  /** the token behind every asset id, those that ended included */
  readonly tokens: ReadonlyMap<number, Token>;
}

/** A token as the ledger was told of it. */
export interface Token {
  readonly name: string;
  readonly decimals: number;
  /** it counts, or counted until it was frozen, as cash */
  readonly settlement: boolean;
}

const NO_ACCOUNT: Hex = `0x${'00'.repeat(32)}`;
const CASH = 'cash';
const CASH_DECIMALS = 18;
/** `ILedger.ReserveSource`. */
const ReserveSource = { balance: 0, cash: 1 } as const;
/** `ILedger.AssetStanding`. */
const [SETTLEMENT, FROZEN] = [2, 3];

/** Every event of the hub's ledger up to a block. */
export const ledgerEvents = (hub: Pick<HubChain, 'client' | 'ledger' | 'deployedAt'>, toBlock: bigint) =>
  hub.client.getContractEvents({ address: hub.ledger, abi: iLedgerAbi, fromBlock: hub.deployedAt, toBlock, strict: true });

export const tokenName = (eid: number, asset: number): string => `token:${eid}:${asset}`;

/** Adds to one balance; what comes to nothing is not there. */
export function add(totals: Totals, account: string, asset: string, amount: bigint): void {
  const key = `${account}|${asset}`;
  const sum = (totals.get(key) ?? 0n) + amount;
  if (sum === 0n) totals.delete(key);
  else totals.set(key, sum);
}

/** Books every event of the ledger anew. @throws Error if one names an asset that none before it configured */
export function rebuild(events: readonly LedgerEvent[]): Rebuilt {
  const books = new Books();
  for (const event of events) books.book(event);
  return books;
}

class Books implements Rebuilt {
  readonly totals: Totals = new Map();
  readonly accounts = new Set<Hex>();
  readonly tokens = new Map<number, Token>();
  /** decimals by the token's name: what is reserved is named by token, not by id */
  readonly #decimals = new Map<string, number>();

  book(event: LedgerEvent): void {
    switch (event.eventName) {
      case 'AssetConfigured': {
        const { assetId, eid, asset, config } = event.args;
        const name = tokenName(eid, asset);
        const before = [...this.tokens.values()].findLast((token) => token.name === name)?.settlement ?? false;
        const settlement = config.standing === FROZEN ? before : config.standing === SETTLEMENT;
        this.tokens.set(assetId, { name, decimals: config.decimals, settlement });
        this.#decimals.set(name, config.decimals);
        return;
      }
      case 'Credited': {
        const { assetId, amount, destination } = decodeCreditReceipt(event.args.receipt);
        return this.#give(event.args.account, assetId, amount, destination === 'cash');
      }
      case 'Corrected': {
        const { account, assetId, booked } = event.args;
        // On suspense, which INV-LEDGER-1 covers.
        if (account === NO_ACCOUNT) return;
        return this.#give(account, assetId, booked, this.#token(assetId).settlement);
      }
      case 'Transferred': {
        const { from, to, assetId, amount } = event.args;
        this.#give(from, assetId, -amount, false);
        return this.#give(to, assetId, amount, false);
      }
      case 'CashTransferred': {
        const { from, to, amount } = event.args;
        this.#pay(from, -amount);
        return this.#pay(to, amount);
      }
      case 'CashChanged':
        return this.#move(event.args.account, event.args.change, 'clearing');
      case 'InterestCharged':
        return this.#move(event.args.account, -event.args.amount, 'interest');
      case 'InterestCollected':
        return this.#move(event.args.account, event.args.amount, 'interest');
      case 'LossSpread':
        return this.#move(event.args.account, event.args.amount, 'spread');
      case 'LossCharged':
        return this.#move(event.args.account, -event.args.amount, 'spread');
      case 'CashQueued':
        return this.#move(event.args.account, -event.args.cash, 'queued');
      case 'CashUnqueued':
        return this.#move(event.args.account, event.args.cash, 'queued');
      case 'AssetWrittenDown': {
        const { eid, asset, balances, free, bearer } = event.args;
        const name = tokenName(eid, asset);
        // Accounts still hold all of it; each loses its part when it is turned into the successor.
        add(this.totals, 'written-down', name, -balances);
        return free === 0n ? undefined : this.#pay(bearer, -this.#atPar(name, free));
      }
      case 'BalanceWrittenDown': {
        const { account, assetId, held, kept } = event.args;
        add(this.totals, 'written-down', this.#token(assetId).name, held - kept);
        return this.#give(account, assetId, kept - held, false);
      }
      case 'Reserved': {
        const { account, eid, asset, units, from } = event.args;
        const name = tokenName(eid, asset);
        add(this.totals, 'reserved', name, units);
        if (from === ReserveSource.balance) add(this.totals, `balance:${account}`, name, -units);
        if (from === ReserveSource.cash) add(this.totals, 'queued', CASH, -this.#atPar(name, units));
        return;
      }
      case 'Unreserved': {
        const { account, eid, asset, units, to } = event.args;
        const name = tokenName(eid, asset);
        add(this.totals, 'reserved', name, -units);
        if (to === ReserveSource.balance) add(this.totals, `balance:${account}`, name, units);
        if (to === ReserveSource.cash) this.#pay(account, this.#atPar(name, units));
        return;
      }
      case 'Released':
        return add(this.totals, 'reserved', tokenName(event.args.eid, event.args.asset), -event.args.units);
      case 'Reinstated':
        return add(this.totals, 'reserved', tokenName(event.args.eid, event.args.asset), event.args.units);
      case 'BrakeSet':
      case 'CollateralDisabled':
      case 'CollateralEnabled':
      case 'InterestModelSet':
      case 'MarginCheckSet':
      case 'ModuleSet':
        return;
    }
  }

  #give(account: Hex, assetId: number, units: bigint, asCash: boolean): void {
    const { name } = this.#token(assetId);
    if (asCash) return this.#pay(account, this.#atPar(name, units));
    add(this.totals, `balance:${account}`, name, units);
    this.accounts.add(account);
  }

  #pay(account: Hex, cash: bigint): void {
    add(this.totals, `cash:${account}`, CASH, cash);
    this.accounts.add(account);
  }

  /** What an account has more is out of the pot. */
  #move(account: Hex, change: bigint, pot: 'clearing' | 'interest' | 'spread' | 'queued'): void {
    this.#pay(account, change);
    add(this.totals, pot, CASH, -change);
  }

  #token(assetId: number): Token {
    const token = this.tokens.get(assetId);
    if (token === undefined)
      throw new Error(`asset ${assetId} was never configured; expected one of ${[...this.tokens.keys()].join(', ')}`);
    return token;
  }

  #atPar(name: string, units: bigint): bigint {
    const decimals = this.#decimals.get(name);
    if (decimals === undefined || decimals > CASH_DECIMALS)
      throw new Error(`${name} has ${decimals ?? 'unknown'} decimals; expected at most ${CASH_DECIMALS} of what is cash`);
    return units * 10n ** BigInt(CASH_DECIMALS - decimals);
  }
}
