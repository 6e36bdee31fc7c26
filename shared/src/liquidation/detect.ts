import { concat, keccak256, numberToHex, type Address } from 'viem';
import { abs, floorDiv, max, min, mulDown, q64ToWad, WAD } from '../risk/decimal.js';
import { evaluate } from '../risk/evaluate.js';
import { OPTION_LOT, type Holdings } from '../risk/holdings.js';
import type { Haircut, PortfolioParameters, StandardParameters } from '../risk/parameters.js';
import type { Collateral, Expiry, Portfolio, Underlying } from '../risk/portfolio.js';
import { scan } from '../risk/scan/scan.js';
import { scanBook } from '../risk/scan/book.js';
import { scanSheet, toFloat } from '../risk/scan/sheet.js';
import { strikeVolatility, type SmileSlice } from '../risk/smile.js';
import type { AccountId } from '../units.js';

/**
 * Which of many accounts may be below maintenance margin at one price epoch. A filter: nobody who is below is left out, some who are not may be
 * named, and the contract's own figures decide. Prices and cash have 18 decimals, times are seconds.
 */

/** An expiry at one block. */
export interface MarketExpiry {
  /** before expiry the forward, of which the part already averaged is the average; from expiry on the settlement price */
  readonly forward: bigint;
  /** share of it that is averaged already and moves no more, wad */
  readonly averaged: bigint;
  /** null: it is over */
  readonly slice: SmileSlice | null;
}

export interface MarketUnderlying {
  readonly spot: bigint;
  readonly mark: bigint;
  /** what funding has cost one unit held long since the listing, brought to the block */
  readonly index: bigint;
  /** by place of the listing */
  readonly strikes: ReadonlyMap<number, { readonly strike: bigint; readonly expiry: bigint }>;
  readonly expiries: ReadonlyMap<bigint, MarketExpiry>;
}

/** A collateral asset at one block. */
export interface MarketAsset {
  readonly decimals: number;
  /** of a whole unit */
  readonly price: bigint;
  /** whose spot prices it */
  readonly underlying: number;
  /** class of its haircut: tiers count over all of a class */
  readonly class: number;
  /** what its chain takes of the rest, wads */
  readonly chain: { readonly initial: bigint; readonly maintenance: bigint };
}

/** Rules and prices of the hub at one block. */
export interface HubMarket {
  readonly now: bigint;
  readonly underlyings: ReadonlyMap<number, MarketUnderlying>;
  readonly assets: ReadonlyMap<number, MarketAsset>;
  readonly classes: readonly Haircut[];
  readonly portfolio: PortfolioParameters;
  readonly cross: StandardParameters;
  readonly isolated: StandardParameters;
}

export type MarginMode = 'cross' | 'isolated' | 'portfolio';

/** An account as it was read last. */
export interface ExposedAccount {
  readonly account: AccountId;
  readonly mode: MarginMode;
  readonly holdings: Holdings;
  /** funding index of each underlying it holds, at the time of reading */
  readonly indexes: ReadonlyMap<number, bigint>;
}

/** An account that may be below maintenance margin. */
export interface Suspect {
  readonly account: AccountId;
  /** equity less maintenance margin, as shares of maintenance margin; below 0: below it. −Infinity without margin, and in debt */
  readonly health: number;
  /** most that it may lack of maintenance margin, cash: what the figures say, and what they may be off by */
  readonly lacking: number;
  /** what it lacks by the figures alone, cash; below 0: nothing */
  readonly short: number;
  /** maintenance margin, cash */
  readonly margin: number;
}

/** What an option is off by at most where the chain rounds: 2e-8 of contracts times forward and strike; see the test of the fixed-point engine. */
const CHAIN_ROUNDING = 2e-8;
/** Interest that debt may have grown by since it was read: 90% a year over ten minutes, and then some. */
const DEBT_GROWTH = 1e-4;
/** Least that counts as a distance: a cent. */
const DUST = 0.01;
/** Volatility of what is over: only its payoff is left. */
const NO_VOL = WAD / 10_000n;
const DAY = 86_400n;

const nameOf = (underlying: number): string => `${underlying}`;

function expiryOf(market: HubMarket, expiry: bigint, { forward, averaged }: MarketExpiry): Omit<Expiry, 'options'> {
  return { days: floorDiv(max(0n, expiry - market.now) * WAD, DAY), forward: max(1n, forward), averaged, rate: 0n };
}

function volOf({ forward, slice }: MarketExpiry, strike: bigint): bigint {
  return slice === null ? NO_VOL : max(NO_VOL, q64ToWad(strikeVolatility(slice, strike, max(1n, forward))));
}

/**
 * An account as the engines of this package value it.
 * @throws RangeError if it holds what the market does not have
 */
export function portfolioOf(market: HubMarket, { holdings, indexes }: ExposedAccount): Portfolio {
  const held = new Set(holdings.underlyings.map(({ underlying }) => underlying));
  const collateral = holdings.collateral.flatMap(({ assetId, amount }): Collateral[] => {
    const asset = market.assets.get(assetId);
    // What has no rule counts nothing.
    if (asset === undefined) return [];
    return [
      {
        asset: nameOf(asset.class),
        amount: (amount * WAD) / 10n ** BigInt(asset.decimals),
        price: asset.price,
        ...(held.has(asset.underlying) ? { underlying: nameOf(asset.underlying) } : {}),
        chain: nameOf(assetId),
      },
    ];
  });
  const underlyings = holdings.underlyings.map(({ underlying, size, quote, options }): Underlying => {
    const priced = market.underlyings.get(underlying);
    if (priced === undefined) throw new RangeError(`the market has no underlying ${underlying}; expected it`);
    const grown = priced.index - (indexes.get(underlying) ?? priced.index);
    const now = quote - mulDown(size, grown);
    const byExpiry = new Map<bigint, Expiry['options']>();
    for (const { place, isPut, lots } of options) {
      const entry = priced.strikes.get(place);
      const expiry = entry === undefined ? undefined : priced.expiries.get(entry.expiry);
      if (entry === undefined || expiry === undefined)
        throw new RangeError(`the market has no strike at place ${place} of underlying ${underlying}; expected it with its expiry`);
      const option = { kind: isPut ? ('put' as const) : ('call' as const), strike: entry.strike, size: lots * OPTION_LOT };
      byExpiry.set(entry.expiry, [...(byExpiry.get(entry.expiry) ?? []), { ...option, vol: volOf(expiry, entry.strike) }]);
    }
    return {
      name: nameOf(underlying),
      spot: priced.spot,
      confidence: WAD,
      ...(size === 0n ? {} : { perpetual: { size, mark: priced.mark, entry: floorDiv(-now * WAD, size) } }),
      expiries: [...byExpiry].map(([expiry, some]) => {
        const at = priced.expiries.get(expiry);
        if (at === undefined) throw new RangeError(`the market has no expiry ${expiry} of underlying ${underlying}; expected it`);
        return { ...expiryOf(market, expiry, at), options: some };
      }),
    };
  });
  const { initialFactor, maxLeverage } = holdings;
  const profile = {
    initialFactor: max(WAD, (BigInt(initialFactor) * WAD) / 100n),
    warnAt: WAD,
    ...(maxLeverage === 0 ? {} : { maxLeverage: (BigInt(maxLeverage) * WAD) / 100n }),
  };
  return { cash: holdings.cash, settlementPrice: WAD, collateral, chains: {}, profile, underlyings };
}

/** The rules with the haircuts that the chain has: of a class under its number, of a chain under the number of the asset it holds. */
function withHaircuts<P extends PortfolioParameters | StandardParameters>(market: HubMarket, parameters: P): P {
  const add = [...market.assets].map(([assetId, { chain }]) => {
    const rates = { maintenance: chain.maintenance, initialExtra: max(0n, chain.initial - chain.maintenance) };
    return [nameOf(assetId), rates] as const;
  });
  const none = { maintenance: 0n, initialExtra: 0n };
  return {
    ...parameters,
    haircuts: Object.fromEntries(market.classes.map((tiers, number) => [nameOf(number), tiers])),
    chains: { add: { ...Object.fromEntries(add), '*': none }, states: { degraded: none, quarantined: none, 'written-down': none } },
  };
}

/** What the account's positions are off by at most between this package and the chain, cash. */
function uncertainty(portfolio: Portfolio): number {
  let gross = 0;
  for (const { expiries } of portfolio.underlyings)
    for (const { forward, options } of expiries)
      for (const { size, strike } of options) gross += toFloat(abs(size)) * (toFloat(forward) + toFloat(strike));
  return gross * CHAIN_ROUNDING + Math.max(0, -toFloat(portfolio.cash)) * DEBT_GROWTH + DUST;
}

/** Of gross positions, what they may have lost and what maintenance margin may ask on them beside. */
const GROSS_SHARE = 3;

/**
 * More than an account can lack of maintenance margin, cash, from its sizes alone: what it owes, what its positions cost, and three times what they come
 * to at the mark. Costs next to nothing to know.
 */
function reachOf(market: HubMarket, { holdings, indexes }: ExposedAccount): number {
  let reach = Math.max(0, -toFloat(holdings.cash));
  for (const { underlying, size, quote, options } of holdings.underlyings) {
    const priced = market.underlyings.get(underlying);
    if (priced === undefined) return Number.POSITIVE_INFINITY;
    const held = Math.abs(toFloat(size));
    const funding = toFloat(priced.index - (indexes.get(underlying) ?? priced.index));
    reach += GROSS_SHARE * held * toFloat(priced.mark) + held * Math.abs(funding) + Math.abs(toFloat(quote));
    for (const { place, lots } of options) {
      const entry = priced.strikes.get(place);
      const expiry = entry === undefined ? undefined : priced.expiries.get(entry.expiry);
      if (entry === undefined || expiry === undefined) return Number.POSITIVE_INFINITY;
      reach += GROSS_SHARE * Math.abs(toFloat(lots * OPTION_LOT)) * (toFloat(expiry.forward) + toFloat(entry.strike));
    }
  }
  return reach;
}

interface ExpiryRow {
  readonly expiry: Expiry;
  readonly options: Map<string, Expiry['options'][number]>;
}

/** Every instrument that somebody holds, once, as a sheet wants them. */
function marketOf(portfolios: readonly Portfolio[]): Portfolio {
  const underlyings = new Map<string, { readonly underlying: Underlying; readonly expiries: Map<bigint, ExpiryRow> }>();
  for (const portfolio of portfolios)
    for (const underlying of portfolio.underlyings) {
      const known = underlyings.get(underlying.name) ?? { underlying, expiries: new Map<bigint, ExpiryRow>() };
      underlyings.set(underlying.name, underlying.perpetual === undefined ? known : { ...known, underlying });
      for (const expiry of underlying.expiries) {
        const row: ExpiryRow = known.expiries.get(expiry.days) ?? { expiry, options: new Map() };
        known.expiries.set(expiry.days, row);
        for (const option of expiry.options) row.options.set(`${option.kind}${option.strike}`, option);
      }
    }
  return {
    ...{ cash: 0n, settlementPrice: WAD, collateral: [], chains: {} },
    underlyings: [...underlyings.values()].map(({ underlying, expiries }) => ({
      ...underlying,
      expiries: [...expiries.values()].map(({ expiry, options }) => ({ ...expiry, options: [...options.values()] })),
    })),
  };
}

const healthOf = (equity: number, margin: number): number =>
  margin > 0 ? (equity - margin) / margin : equity < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;

/**
 * Accounts that may be below maintenance margin: whom most may be lacking first, so that no number of tiny accounts stands before a large one.
 *
 * Portfolio margin is scanned in floats, within the scan's own error bound; cross and isolated margin are evaluated exactly. To that comes what the
 * chain's fixed-point engine may differ by, and what a debt may have grown by since it was read. Offsets between underlyings are left out: they
 * only ever lower a margin.
 * @param least cash: who cannot lack as much is not valued, however many there are
 * @throws RangeError if an account holds what the market does not have
 */
export function detect(market: HubMarket, accounts: readonly ExposedAccount[], least = 0): Suspect[] {
  const suspects: Suspect[] = [];
  const judge = (account: AccountId, equity: number, margin: number, slack: number): void => {
    if (equity - margin < slack)
      suspects.push({ account, health: healthOf(equity, margin), lacking: margin - equity + slack, short: margin - equity, margin });
  };
  const rules = { cross: withHaircuts(market, market.cross), isolated: withHaircuts(market, market.isolated) };
  const scanned: { readonly account: AccountId; readonly portfolio: Portfolio }[] = [];
  for (const exposed of accounts) {
    if (least > 0 && reachOf(market, exposed) < least) continue;
    const portfolio = portfolioOf(market, exposed);
    if (exposed.mode === 'portfolio') {
      scanned.push({ account: exposed.account, portfolio });
      continue;
    }
    const { equity, maintenanceMargin } = evaluate(portfolio, rules[exposed.mode]);
    judge(exposed.account, toFloat(equity), toFloat(maintenanceMargin), uncertainty(portfolio));
  }
  if (scanned.length > 0) {
    const portfolios = scanned.map(({ portfolio }) => portfolio);
    const parameters = { ...withHaircuts(market, market.portfolio), correlated: [] };
    const sheet = scanSheet(marketOf(portfolios), parameters);
    const { equity, maintenanceMargin, errorBound } = scan(sheet, scanBook(sheet, portfolios));
    scanned.forEach(({ account, portfolio }, index) => {
      const bound = 2 * (errorBound[index] ?? 0) + uncertainty(portfolio);
      judge(account, equity[index] ?? 0, maintenanceMargin[index] ?? 0, bound);
    });
  }
  return suspects.sort((a, b) =>
    a.lacking !== b.lacking ? b.lacking - a.lacking : a.health !== b.health ? a.health - b.health : a.account < b.account ? -1 : 1,
  );
}

/**
 * So many of the suspects at most: in turn whom most is lacking by the figures and whom most may be lacking, because the second is also large where
 * figures are large that cancel out, and coarse.
 * @param suspects as `detect` orders them
 */
export function worstOf(suspects: readonly Suspect[], most: number): AccountId[] {
  if (suspects.length <= most) return suspects.map(({ account }) => account);
  const byFigures = [...suspects].sort((a, b) => b.short - a.short);
  const chosen = new Set<AccountId>();
  for (let i = 0; chosen.size < most && i < suspects.length; i++)
    for (const one of [byFigures[i], suspects[i]]) if (one !== undefined && chosen.size < most) chosen.add(one.account);
  return [...chosen];
}

/**
 * How many blocks a keeper lets others go first with an account: 0 … turns − 1, another order of keepers for each account and each time it was
 * found. Keepers need not know of each other; with `turns` of about their number, one of them usually goes first alone.
 * @param found block in which the account was found below maintenance margin
 */
export function turnOf(account: AccountId, keeper: Address, found: bigint, turns: number): bigint {
  const hash = keccak256(concat([account, keeper, numberToHex(found, { size: 32 })]));
  return BigInt(hash) % BigInt(max(1n, min(BigInt(turns), 1_000n)));
}

/**
 * How many of several keepers that know each other go before one of them with an account, one a block: 0 … as many as there are others. No two are in
 * the same place, and the order differs between accounts.
 * @param others the keeper itself may be among them
 */
export function placeOf(account: AccountId, keeper: Address, others: readonly Address[]): bigint {
  const weight = (one: Address): bigint => BigInt(keccak256(concat([account, one])));
  const own = weight(keeper);
  return BigInt(new Set(others.map(weight).filter((one) => one < own)).size);
}
