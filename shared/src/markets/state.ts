import type { AccountId } from '../units.js';
import type { InstrumentId } from '../exchange/instrument.js';
import type { Funding, FundingPrices, FundingTerms } from './funding.js';
import type { PerpetualPosition } from './perpetual.js';

/** What is listed and who holds what: everything contracts/src/hub/markets stores, as plain values. Times in seconds. */

/** What may be traded of an underlying. */
export type MarketStanding = 'closed' | 'open' | 'reduce-only';
/** Which engine judges an account; an isolated one holds one instrument at a time. */
export type AccountMode = 'cross' | 'isolated' | 'portfolio';

/** One underlying. */
export interface Market {
  readonly standing: MarketStanding;
  readonly fundingTerms: FundingTerms;
  /** most units of the perpetual that may be open, 18 decimals */
  readonly perpetualCap: bigint;
  /** most option lots that may be open, over all series */
  readonly optionCap: bigint;
  readonly funding: Funding;
  /** Σ long, units of 18 decimals */
  readonly openPerpetual: bigint;
  /** Σ long, lots, over all series */
  readonly openLots: bigint;
  /** listed option series, with the lots traded open in each */
  readonly series: ReadonlyMap<InstrumentId, bigint>;
  /** by expiry, fixed by the first settlement */
  readonly settled: ReadonlyMap<bigint, bigint>;
}

/** Positions of one account. */
export interface Positions {
  readonly mode: AccountMode;
  readonly perpetuals: ReadonlyMap<number, PerpetualPosition>;
  /** lots, signed, not 0 */
  readonly options: ReadonlyMap<InstrumentId, bigint>;
}

export interface MarketsState {
  readonly markets: ReadonlyMap<number, Market>;
  readonly accounts: ReadonlyMap<AccountId, Positions>;
}

/** What the feeds say at one time. */
export interface MarketPrices {
  readonly now: bigint;
  /** for funding; nothing while mark or spot is neither fresh nor aged */
  funding(underlying: number): FundingPrices;
  /** the final price of an expiry, nothing before it is known */
  settlement(underlying: number, expiry: bigint): bigint | null;
}

export const NO_POSITIONS: Positions = { mode: 'cross', perpetuals: new Map(), options: new Map() };

/** Cash that a step moves, in the order it is booked. The other side of each is the clearing account. */
export interface CashMove {
  readonly account: AccountId;
  readonly change: bigint;
}

/** Why a step is refused. */
export type MarketRefusal =
  | { readonly code: 'UNDERLYING_NOT_OPEN'; readonly underlying: number; readonly standing: MarketStanding }
  | { readonly code: 'SERIES_UNKNOWN'; readonly instrument: InstrumentId }
  | { readonly code: 'SERIES_EXPIRED'; readonly instrument: InstrumentId; readonly now: bigint }
  | { readonly code: 'SIZE_INVALID'; readonly instrument: InstrumentId; readonly size: bigint; readonly expected: string }
  | { readonly code: 'OPEN_INTEREST_CAP'; readonly underlying: number; readonly open: bigint; readonly cap: bigint }
  | {
      readonly code: 'POSITION_OUT_OF_RANGE';
      readonly account: AccountId;
      /** of a perpetual in units, of an option in lots */ readonly size: bigint;
    }
  | { readonly code: 'SAME_ACCOUNT'; readonly account: AccountId }
  | { readonly code: 'POSITION_LIMIT'; readonly account: AccountId; readonly maximum: number }
  | { readonly code: 'EXPIRY_LIMIT'; readonly account: AccountId; readonly maximum: number }
  | { readonly code: 'UNDERLYING_LIMIT'; readonly account: AccountId; readonly maximum: number }
  | { readonly code: 'ISOLATED_HOLDS_ONE'; readonly account: AccountId; readonly instruments: number };

/** Most option series, (underlying, expiry) pairs and underlyings of one account. */
export const ACCOUNT_LIMITS = { options: 128, expiries: 11, underlyings: 3 } as const;

/** A map with one entry replaced, or taken out. */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> {
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
}
