import { floorDiv, max, min, mulDown, mulUp, WAD } from '../decimal.js';
import type { PortfolioParameters } from '../parameters.js';
import type { Expiry, OptionPosition, Portfolio } from '../portfolio.js';
import { discountFactors, shockedVol, tiltedVol } from '../scenarios.js';
import { movedForward, optionMark, optionSensitivities, optionValue } from '../valuation.js';

/**
 * Every instrument of a market revalued once in every scenario, as floats in flat arrays. The prices are the exact engine's, each rounded
 * to the nearest double, so a scan differs from the engine by the rounding of its sums alone.
 */
export interface ScanSheet {
  readonly parameters: PortfolioParameters;
  readonly underlyings: readonly ScanUnderlying[];
  readonly expiries: readonly ScanExpiry[];
  /** Instruments: perpetuals by underlying first, then options sorted by underlying, expiry and strike. */
  readonly instruments: readonly ScanInstrument[];
  /** Lanes of an instrument: scenarios, skew scenarios, basis up, basis down. */
  readonly lanes: number;
  /** Value of one contract: `values[instrument · lanes + lane]`; 0 for perpetuals. */
  readonly values: Float64Array;
  /** Mark of one contract. */
  readonly marks: Float64Array;
  /** Largest |value| counted in any lane plus the mark: what bounds rounding. */
  readonly sizes: Float64Array;
  /** Delta, gamma, vega, theta, rho of one contract: `greeks[instrument · 5 + i]`; delta and gamma in units. */
  readonly greeks: Float64Array;
  readonly expiryOf: Int32Array;
  /** Equal for options of one expiry and strike. */
  readonly strikeOf: Int32Array;
  readonly moves: Float64Array;
  readonly weights: Float64Array;
  /** Lanes that charge |P&L| of each expiry. */
  readonly absolute: Uint8Array;
  /** Factors on the combined loss; the initial one with what a settlement token off its peg adds. */
  readonly factors: { readonly initial: number; readonly maintenance: number };
}

export interface ScanUnderlying {
  readonly name: string;
  readonly spot: number;
  readonly mark: number;
  /** (1 − confidence)·factor when the feeds are unsure, else 0. */
  readonly unsure: number;
}
export interface ScanExpiry {
  readonly underlying: number;
  readonly days: bigint;
  readonly gain: number;
  readonly obligation: number;
  /** What the basis moves' P&L is multiplied by. */
  readonly basis: number;
}
export type ScanInstrument =
  | { readonly kind: 'perpetual'; readonly underlying: number }
  | { readonly kind: 'option'; readonly underlying: number; readonly expiry: number; readonly option: OptionPosition };

/** Double nearest to a wad, to 2 roundings. */
export const toFloat = (wad: bigint): number => Number(wad) / 1e18;
const fromQ64 = (value: bigint): number => Number(value) / 2 ** 64;
/** Sensitivities per contract, in the order of `ScanSheet.greeks`. */
export const GREEK_COUNT = 5;

/** Values of one contract in every lane, by the exact engine's pricing. */
function lanesOf(parameters: PortfolioParameters, expiry: Expiry, option: OptionPosition): bigint[] {
  const one = { ...option, size: WAD };
  const at = (move: bigint, vol: bigint): bigint => optionValue(expiry, one, movedForward(expiry, move), vol);
  const { basis } = parameters;
  return [
    ...parameters.scenarios.map(({ spot, vol }) => at(spot, shockedVol(parameters, expiry, option.vol, vol))),
    ...parameters.skewScenarios.map((scenario) => at(0n, tiltedVol(parameters, expiry, option, scenario))),
    at(basis?.up ?? 0n, option.vol),
    at(basis?.down ?? 0n, option.vol),
  ];
}

function basisFactor({ basis }: PortfolioParameters, expiry: Expiry): number {
  if (basis === null) return 0;
  return toFloat(min(basis.cap, basis.add + mulDown(basis.multiple, floorDiv(expiry.days, 365n))));
}

/**
 * Revalues a market.
 * @param market every instrument that accounts may hold, once; sizes, cash and collateral are not read
 */
export function scanSheet(market: Portfolio, parameters: PortfolioParameters): ScanSheet {
  const { confidence, depeg } = parameters;
  const peg = depeg === null ? 0n : mulUp(max(0n, depeg.threshold - market.settlementPrice), depeg.factor);
  const flat = market.underlyings.flatMap((underlying, u) => underlying.expiries.map((expiry) => ({ expiry, underlying: u })));
  const sorted = flat.flatMap(({ expiry, underlying }, e) =>
    [...expiry.options]
      .sort((a, b) => (a.strike < b.strike ? -1 : a.strike > b.strike ? 1 : 0))
      .map((option) => ({ kind: 'option' as const, underlying, expiry: e, option })),
  );
  const instruments: ScanInstrument[] = [
    ...market.underlyings.map((_, underlying) => ({ kind: 'perpetual' as const, underlying })),
    ...sorted,
  ];
  const lanes = parameters.scenarios.length + parameters.skewScenarios.length + 2;
  const sheet: ScanSheet = {
    parameters,
    underlyings: market.underlyings.map(({ name, spot, perpetual, confidence: sure }) => ({
      name,
      spot: toFloat(spot),
      mark: toFloat(perpetual?.mark ?? spot),
      unsure: confidence === null || sure >= confidence.threshold ? 0 : toFloat(mulUp(WAD - sure, confidence.factor)),
    })),
    expiries: flat.map(({ expiry, underlying }) => {
      const { gain, obligation } = discountFactors(parameters, expiry);
      return {
        underlying,
        days: expiry.days,
        gain: fromQ64(gain),
        obligation: fromQ64(obligation),
        basis: basisFactor(parameters, expiry),
      };
    }),
    instruments,
    lanes,
    values: new Float64Array(instruments.length * lanes),
    marks: new Float64Array(instruments.length),
    sizes: new Float64Array(instruments.length),
    greeks: new Float64Array(instruments.length * GREEK_COUNT),
    expiryOf: new Int32Array(instruments.length).fill(-1),
    strikeOf: new Int32Array(instruments.length).fill(-1),
    moves: Float64Array.from([...parameters.scenarios.map(({ spot }) => toFloat(spot)), ...parameters.skewScenarios.map(() => 0), 0, 0]),
    weights: Float64Array.from([...parameters.scenarios, ...parameters.skewScenarios].map(({ weight }) => toFloat(weight))),
    absolute: Uint8Array.from([...parameters.scenarios.map(() => 0), ...parameters.skewScenarios.map((s) => (s.absolute ? 1 : 0)), 0, 0]),
    factors: { initial: toFloat(parameters.factors.initial + peg), maintenance: toFloat(parameters.factors.maintenance) },
  };
  let strike = -1;
  let before: { expiry: number; strike: bigint } | undefined;
  instruments.forEach((instrument, i) => {
    if (instrument.kind === 'perpetual') {
      sheet.greeks[i * GREEK_COUNT] = 1;
      return;
    }
    const { expiry: e, option } = instrument;
    const expiry = flat[e]?.expiry;
    if (expiry === undefined) throw new RangeError(`instrument ${i} is of expiry ${e}; expected one of ${flat.length}`);
    if (before?.expiry !== e || before.strike !== option.strike) strike += 1;
    before = { expiry: e, strike: option.strike };
    const one = { ...option, size: WAD };
    const values = lanesOf(parameters, expiry, option).map(toFloat);
    sheet.values.set(values, i * lanes);
    const mark = toFloat(optionMark(expiry, one));
    sheet.marks[i] = mark;
    sheet.sizes[i] = Math.max(...values) * Math.max(1, sheet.expiries[e]?.obligation ?? 1) + mark;
    const { delta, gamma, vega, theta, rho } = optionSensitivities(expiry, one);
    sheet.greeks.set([delta, gamma, vega, theta, rho].map(toFloat), i * GREEK_COUNT);
    sheet.expiryOf[i] = e;
    sheet.strikeOf[i] = strike;
  });
  return sheet;
}
