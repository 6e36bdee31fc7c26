import { abs, max, mulDown } from '../risk/decimal.js';
import { OPTION_LOT } from '../risk/holdings.js';
import { decodeInstrument, type Instrument, type InstrumentId } from '../exchange/instrument.js';
import type { AccountId } from '../units.js';
import { settleExpired } from './expiry.js';
import { fund } from './funding.js';
import { changePerpetual, FLAT, isReduced } from './perpetual.js';
import {
  ACCOUNT_LIMITS,
  type CashMove,
  type Market,
  type MarketPrices,
  type MarketRefusal,
  type MarketsState,
  NO_POSITIONS,
  type Positions,
  withEntry,
} from './state.js';

/** Size goes from seller to buyer. Size in units, price in cash per unit, 18 decimals. */
export interface Trade {
  readonly buyer: AccountId;
  readonly seller: AccountId;
  readonly instrument: InstrumentId;
  readonly size: bigint;
  readonly price: bigint;
}

export type TradeResult =
  | {
      readonly kind: 'traded';
      readonly state: MarketsState;
      readonly moves: readonly CashMove[];
      readonly buyerReduced: boolean;
      readonly sellerReduced: boolean;
    }
  | { readonly kind: 'refused'; readonly why: MarketRefusal };

const MAX_PERPETUAL = (1n << 103n) - 1n;
const MAX_LOTS = (1n << 32n) - 1n;

/** One side after the trade. */
interface SideResult {
  readonly positions: Positions;
  readonly cash: bigint;
  readonly reduced: boolean;
  /** of the position in the instrument, in its unit */
  readonly before: bigint;
  readonly after: bigint;
}

/** Trades. Expired options of both sides in the underlying are settled first, where their price is known. */
export function trade(state: MarketsState, order: Trade, prices: MarketPrices): TradeResult {
  const instrument = decodeInstrument(order.instrument);
  const { underlying } = instrument;
  const why = refusalOf(state.markets.get(underlying), order, instrument, prices.now);
  if (why !== null) return { kind: 'refused', why };
  const afterBuyer = settleExpired(state, order.buyer, underlying, prices);
  const settled = settleExpired(afterBuyer.state, order.seller, underlying, prices);
  const market = funded(settled.state.markets.get(underlying), underlying, instrument, prices);
  const sides = [
    [order.buyer, order.size],
    [order.seller, -order.size],
  ] as const;
  const results = sides.map(([account, change]) => {
    const positions = settled.state.accounts.get(account) ?? NO_POSITIONS;
    const result =
      instrument.kind === 'perpetual'
        ? perpetualSide(positions, market, underlying, change, order.price)
        : optionSide(positions, order.instrument, change, order.price);
    return { account, ...result };
  });
  const refused = judge(results, market, instrument, order.instrument);
  if (refused !== null) return { kind: 'refused', why: refused };
  const risen = results.reduce((sum, { before, after }) => sum + max(0n, after) - max(0n, before), 0n);
  const accounts = new Map(settled.state.accounts);
  for (const { account, positions } of results) accounts.set(account, positions);
  const [buyer, seller] = results;
  return {
    kind: 'traded',
    state: { accounts, markets: withEntry(settled.state.markets, underlying, opened(market, instrument, order.instrument, risen)) },
    moves: [...afterBuyer.moves, ...settled.moves, ...results.map(({ account, cash }) => ({ account, change: cash }))].filter(
      ({ change }) => change !== 0n,
    ),
    buyerReduced: buyer?.reduced ?? false,
    sellerReduced: seller?.reduced ?? false,
  };
}

/** What speaks against a trade before anything is touched. */
function refusalOf(
  market: Market | undefined,
  { instrument: id, ...order }: Trade,
  instrument: Instrument,
  now: bigint,
): MarketRefusal | null {
  const { underlying } = instrument;
  if (order.buyer === order.seller) return { code: 'SAME_ACCOUNT', account: order.buyer };
  if (order.size <= 0n) return { code: 'SIZE_INVALID', instrument: id, size: order.size, expected: 'above 0' };
  if (market === undefined || market.standing === 'closed') return { code: 'UNDERLYING_NOT_OPEN', underlying, standing: 'closed' };
  if (instrument.kind === 'perpetual') return null;
  if (order.size % OPTION_LOT !== 0n) return { code: 'SIZE_INVALID', instrument: id, size: order.size, expected: 'a multiple of 0.001' };
  if (now >= instrument.expiry) return { code: 'SERIES_EXPIRED', instrument: id, now };
  if (!market.series.has(id)) return { code: 'SERIES_UNKNOWN', instrument: id };
  return null;
}

function funded(market: Market | undefined, underlying: number, { kind }: Instrument, prices: MarketPrices): Market {
  if (market === undefined) throw new RangeError(`underlying ${underlying} is not listed; expected one that is`);
  if (kind !== 'perpetual') return market;
  return { ...market, funding: fund(market.funding, market.fundingTerms, prices.funding(underlying), prices.now) };
}

function perpetualSide(positions: Positions, market: Market, underlying: number, change: bigint, price: bigint): SideResult {
  const held = positions.perpetuals.get(underlying) ?? FLAT;
  const { position, realised, reduced } = changePerpetual(held, change, price, market.funding.index);
  return {
    positions: { ...positions, perpetuals: withEntry(positions.perpetuals, underlying, position.size === 0n ? undefined : position) },
    cash: realised,
    reduced,
    before: held.size,
    after: position.size,
  };
}

function optionSide(positions: Positions, instrument: InstrumentId, change: bigint, price: bigint): SideResult {
  const before = positions.options.get(instrument) ?? 0n;
  const after = before + change / OPTION_LOT;
  // The same amount on both sides: it is one payment.
  const premium = mulDown(abs(change), price);
  return {
    positions: { ...positions, options: withEntry(positions.options, instrument, after === 0n ? undefined : after) },
    cash: change > 0n ? -premium : premium,
    reduced: isReduced(before, after),
    before,
    after,
  };
}

/** What speaks against the result, in the order in which the contract finds it. */
function judge(
  results: readonly (SideResult & { readonly account: AccountId })[],
  market: Market,
  instrument: Instrument,
  id: InstrumentId,
): MarketRefusal | null {
  for (const { account, positions, after } of results) {
    const why = limitOf(account, positions, instrument, after);
    if (why !== null) return why;
  }
  const risen = results.reduce((sum, { before, after }) => sum + max(0n, after) - max(0n, before), 0n);
  const next = opened(market, instrument, id, risen);
  const [open, cap] = instrument.kind === 'perpetual' ? [next.openPerpetual, market.perpetualCap] : [next.openLots, market.optionCap];
  const { underlying } = instrument;
  if (risen > 0n && open > cap) return { code: 'OPEN_INTEREST_CAP', underlying, open, cap };
  if (market.standing === 'reduce-only' && results.some(({ reduced }) => !reduced))
    return { code: 'UNDERLYING_NOT_OPEN', underlying, standing: market.standing };
  return null;
}

function opened(market: Market, { kind }: Instrument, id: InstrumentId, risen: bigint): Market {
  if (kind === 'perpetual') return { ...market, openPerpetual: market.openPerpetual + risen };
  return { ...market, openLots: market.openLots + risen, series: withEntry(market.series, id, (market.series.get(id) ?? 0n) + risen) };
}

/** What one account holds too much of. */
function limitOf(account: AccountId, { mode, perpetuals, options }: Positions, { kind }: Instrument, after: bigint): MarketRefusal | null {
  const series = [...options.keys()].map(decodeInstrument);
  const expiries = new Set(series.map((held) => (held.kind === 'perpetual' ? '' : `${held.underlying}/${held.expiry}`)));
  const underlyings = new Set([...perpetuals.keys(), ...series.map(({ underlying }) => underlying)]);
  const instruments = perpetuals.size + options.size;
  const [least, most] = kind === 'perpetual' ? [-MAX_PERPETUAL - 1n, MAX_PERPETUAL] : [-MAX_LOTS, MAX_LOTS];
  if (underlyings.size > ACCOUNT_LIMITS.underlyings) return { code: 'UNDERLYING_LIMIT', account, maximum: ACCOUNT_LIMITS.underlyings };
  if (after < least || after > most) return { code: 'POSITION_OUT_OF_RANGE', account, size: after };
  if (options.size > ACCOUNT_LIMITS.options) return { code: 'POSITION_LIMIT', account, maximum: ACCOUNT_LIMITS.options };
  if (expiries.size > ACCOUNT_LIMITS.expiries) return { code: 'EXPIRY_LIMIT', account, maximum: ACCOUNT_LIMITS.expiries };
  if (mode === 'isolated' && instruments > 1) return { code: 'ISOLATED_HOLDS_ONE', account, instruments };
  return null;
}
