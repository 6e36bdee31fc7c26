import type { Haircut, Parameters } from '../parameters.js';
import type { Collateral, Portfolio } from '../portfolio.js';
import { chainRates } from '../haircuts.js';
import { type ScanSheet, toFloat } from './sheet.js';

/** One kind of collateral: an asset at a price, on a chain, following an underlying or none. */
export interface ScanCollateral {
  /** Equal for kinds of one asset: their tiers count together. */
  readonly asset: number;
  readonly price: number;
  /** Index of the underlying it follows; −1 for none. */
  readonly underlying: number;
  readonly tiers: readonly { readonly from: number; readonly initial: number; readonly maintenance: number }[];
  /** What the chain adds, of what the asset's own haircut leaves. */
  readonly chainInitial: number;
  readonly chainMaintenance: number;
}

/** Many accounts in flat arrays; positions of account a are `start[a] … start[a + 1] − 1`, sorted by instrument. */
export interface ScanBook {
  readonly accounts: number;
  readonly cash: Float64Array;
  readonly start: Uint32Array;
  readonly instrument: Uint32Array;
  readonly size: Float64Array;
  /** Average price paid for a perpetual; 0 for options. */
  readonly entry: Float64Array;
  readonly collateralStart: Uint32Array;
  readonly collateralKind: Uint32Array;
  readonly collateralAmount: Float64Array;
  readonly kinds: readonly ScanCollateral[];
  /** Profile: factor on initial margin, and leverage cap (Infinity for none). */
  readonly initialFactor: Float64Array;
  readonly maxLeverage: Float64Array;
}

const tiersOf = (haircut: Haircut): ScanCollateral['tiers'] =>
  haircut.map(({ from, maintenance, initialExtra }) => ({
    from: toFloat(from),
    initial: Math.min(1, toFloat(maintenance + initialExtra)),
    maintenance: Math.min(1, toFloat(maintenance)),
  }));

/**
 * Packs accounts for scanning.
 * @throws RangeError if an account holds what the sheet does not have, or collateral without a haircut
 */
export function scanBook(sheet: ScanSheet, accounts: readonly Portfolio[]): ScanBook {
  const parameters: Parameters = sheet.parameters;
  const byName = new Map(sheet.underlyings.map(({ name }, index) => [name, index]));
  const byTerms = new Map(
    sheet.instruments.map((instrument, index) => [
      instrument.kind === 'perpetual'
        ? `${instrument.underlying}`
        : `${instrument.underlying} ${sheet.expiries[instrument.expiry]?.days} ${instrument.option.kind} ${instrument.option.strike}`,
      index,
    ]),
  );
  const indexOf = (terms: string): number => {
    const index = byTerms.get(terms);
    if (index === undefined) throw new RangeError(`the sheet has no instrument "${terms}"; expected one of its ${byTerms.size}`);
    return index;
  };
  const underlyingOf = (name: string): number => {
    const index = byName.get(name);
    if (index === undefined) throw new RangeError(`the sheet has no ${name}; expected one of ${[...byName.keys()].join(', ')}`);
    return index;
  };
  const kinds = new Map<string, { index: number; kind: ScanCollateral }>();
  const assets = new Map<string, number>();
  const kindOf = (portfolio: Portfolio, item: Collateral): number => {
    const rates = chainRates(parameters, portfolio, item);
    const key = [item.asset, item.price, item.underlying, rates.initial, rates.maintenance].join('|');
    const known = kinds.get(key);
    if (known !== undefined) return known.index;
    const haircut = parameters.haircuts[item.asset] ?? parameters.haircuts['*'];
    if (haircut === undefined) throw new RangeError(`no haircut for ${item.asset}; expected it, or "*"`);
    const asset = assets.get(item.asset) ?? assets.size;
    assets.set(item.asset, asset);
    const kind: ScanCollateral = {
      asset,
      price: toFloat(item.price),
      underlying: item.underlying === undefined ? -1 : underlyingOf(item.underlying),
      tiers: tiersOf(haircut),
      chainInitial: toFloat(rates.initial),
      chainMaintenance: toFloat(rates.maintenance),
    };
    kinds.set(key, { index: kinds.size, kind });
    return kinds.size - 1;
  };

  const rows = accounts.map((portfolio) => {
    const positions = portfolio.underlyings.flatMap(({ name, perpetual, expiries }) => {
      const u = underlyingOf(name);
      const own =
        perpetual === undefined ? [] : [{ instrument: indexOf(`${u}`), size: toFloat(perpetual.size), entry: toFloat(perpetual.entry) }];
      const options = expiries.flatMap(({ days, options: held }) =>
        held.map(({ kind, strike, size }) => ({ instrument: indexOf(`${u} ${days} ${kind} ${strike}`), size: toFloat(size), entry: 0 })),
      );
      return [...own, ...options];
    });
    return {
      cash: toFloat(portfolio.cash),
      positions: positions.sort((a, b) => a.instrument - b.instrument),
      collateral: portfolio.collateral.map((item) => ({ kind: kindOf(portfolio, item), amount: toFloat(item.amount) })),
      initialFactor: portfolio.profile === undefined ? 1 : toFloat(portfolio.profile.initialFactor),
      maxLeverage: portfolio.profile?.maxLeverage === undefined ? Infinity : toFloat(portfolio.profile.maxLeverage),
    };
  });
  const starts = (lengths: readonly number[]): Uint32Array => {
    const out = new Uint32Array(lengths.length + 1);
    lengths.forEach((length, index) => (out[index + 1] = (out[index] ?? 0) + length));
    return out;
  };
  const positions = rows.flatMap((row) => row.positions);
  const collateral = rows.flatMap((row) => row.collateral);
  return {
    accounts: rows.length,
    cash: Float64Array.from(rows, (row) => row.cash),
    start: starts(rows.map((row) => row.positions.length)),
    instrument: Uint32Array.from(positions, (position) => position.instrument),
    size: Float64Array.from(positions, (position) => position.size),
    entry: Float64Array.from(positions, (position) => position.entry),
    collateralStart: starts(rows.map((row) => row.collateral.length)),
    collateralKind: Uint32Array.from(collateral, (item) => item.kind),
    collateralAmount: Float64Array.from(collateral, (item) => item.amount),
    kinds: [...kinds.values()].map(({ kind }) => kind),
    initialFactor: Float64Array.from(rows, (row) => row.initialFactor),
    maxLeverage: Float64Array.from(rows, (row) => row.maxLeverage),
  };
}
