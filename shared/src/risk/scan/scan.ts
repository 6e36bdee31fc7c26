import type { ScanBook } from './book.js';
import { accountHaircuts, type Haircuts } from './collateral.js';
import { GREEK_COUNT, type ScanSheet, toFloat } from './sheet.js';

/** What a scan says of each account, one entry per account. Money in units of settlement cash. */
export interface ScanResult {
  readonly equity: Float64Array;
  readonly initialMargin: Float64Array;
  readonly maintenanceMargin: Float64Array;
  readonly withdrawable: Float64Array;
  /** Combined loss before factors. */
  readonly loss: Float64Array;
  /** Lane of the least P&L of the account. */
  readonly worstScenario: Int32Array;
  /** Delta and gamma times spot, vega, theta, rho: `greeks[account · 5 + i]`. */
  readonly greeks: Float64Array;
  /** Every amount above, Greeks apart, differs from the exact engine's by at most this. */
  readonly errorBound: Float64Array;
}

/** Rounding of one double operation. */
const UNIT = 2 ** -53;
/** Operations on any path from an input to an output, beyond one addition per position, collateral, underlying and group. */
const STEPS = 64;

const results = (n: number): ScanResult => ({
  equity: new Float64Array(n),
  initialMargin: new Float64Array(n),
  maintenanceMargin: new Float64Array(n),
  withdrawable: new Float64Array(n),
  loss: new Float64Array(n),
  worstScenario: new Int32Array(n),
  greeks: new Float64Array(n * GREEK_COUNT),
  errorBound: new Float64Array(n),
});

/**
 * Margins of every account of a book from a sheet: the float mirror of `evaluate` for the portfolio method.
 *
 * Error bound. Prices, rates and amounts enter within 2 roundings of the exact engine's. From there on every step is an addition, a product
 * with such a constant, or a map that does not stretch distances (min, max, |x|, the positive part, the discount, which is linear on each
 * side of 0 and continuous there). So an output that sums terms of absolute size G over paths of at most k operations is within 2·k·2^−53·G
 * of the exact value, where G takes each term at its largest lane and the factors it passes through. The exact engine's own roundings,
 * 10^−18 each, are added times the same factors.
 */
export function scan(sheet: ScanSheet, book: ScanBook): ScanResult {
  const { parameters, lanes, values, marks, sizes, greeks, expiryOf, strikeOf, moves, weights, absolute, factors } = sheet;
  const count = sheet.underlyings.length;
  const scenarios = parameters.scenarios.length;
  const lanesKept = lanes - 2;
  const out = results(book.accounts);
  const spots = Float64Array.from(sheet.underlyings, ({ spot }) => spot);
  const perpMarks = Float64Array.from(sheet.underlyings, ({ mark }) => mark);
  const unsure = Float64Array.from(sheet.underlyings, ({ unsure: share }) => share);
  const groups = parameters.correlated.map(({ underlyings, correlation }) => ({
    members: sheet.underlyings.map(({ name }) => underlyings.includes(name)),
    credit: Math.min(toFloat(correlation), toFloat(parameters.correlationCap)),
  }));
  const floor =
    parameters.minDelta === null ? null : { net: toFloat(parameters.minDelta.net), hedged: toFloat(parameters.minDelta.hedged) };
  const { perpetual: perpetualPair, nakedShort } = parameters.contingency;
  const charge = {
    perpMaintenance: toFloat(perpetualPair.maintenance),
    perpInitial: toFloat(perpetualPair.maintenance + perpetualPair.initialExtra),
    shortMaintenance: toFloat(nakedShort.maintenance),
    shortInitial: toFloat(nakedShort.maintenance + nakedShort.initialExtra),
  };
  const widest = moves.reduce((most, move) => Math.max(most, Math.abs(move)), 0);
  const stretch =
    3 *
    Math.max(1, factors.initial, factors.maintenance) *
    Math.max(1, ...weights, ...sheet.expiries.map(({ basis }) => basis)) *
    Math.max(1, ...sheet.expiries.map(({ obligation }) => obligation));
  const largestSpot = Math.max(1, ...spots);

  // One account at a time.
  const current = new Float64Array(lanes);
  const profits = new Float64Array(count * lanes);
  const total = new Float64Array(lanesKept);
  const touched = new Uint8Array(count);
  const linear = new Float64Array(count);
  const followers = new Float64Array(count);
  const perpetual = new Float64Array(count);
  const naked = new Float64Array(count);
  const netOptions = new Float64Array(count);
  const basis = new Float64Array(count);
  const losses = new Float64Array(count);
  const delta = new Float64Array(count);
  const gross = new Float64Array(count);
  const contracts = new Float64Array(count);
  const taken = new Uint8Array(count);
  const haircuts: Haircuts = { value: 0, initial: 0, maintenance: 0 };

  const perUnderlying = [linear, followers, perpetual, naked, netOptions, basis, losses, delta, gross, contracts];

  const touch = (u: number): void => {
    if (touched[u] === 1) return;
    touched[u] = 1;
    for (const array of perUnderlying) array[u] = 0;
    profits.fill(0, u * lanes, (u + 1) * lanes);
  };

  /** Adds an expiry's P&L, discounted, to its underlying and clears the lanes for the next. */
  const closeExpiry = (e: number, mark: number): void => {
    const expiry = sheet.expiries[e];
    if (expiry === undefined) return;
    const { underlying, gain, obligation } = expiry;
    const base = underlying * lanes;
    // min picks the right factor without a branch: gain ≤ 1 ≤ obligation.
    for (let lane = 0; lane < scenarios; lane++) {
      const value = current[lane] ?? 0;
      current[lane] = 0;
      profits[base + lane] = (profits[base + lane] ?? 0) + (Math.min(value * gain, value * obligation) - mark);
    }
    for (let lane = scenarios; lane < lanesKept; lane++) {
      const value = current[lane] ?? 0;
      current[lane] = 0;
      const profit = Math.min(value * gain, value * obligation) - mark;
      profits[base + lane] = (profits[base + lane] ?? 0) + (absolute[lane] === 1 ? -Math.abs(profit) : profit);
    }
    const up = current[lanesKept] ?? 0;
    const down = current[lanesKept + 1] ?? 0;
    const worse = Math.min(0, Math.min(up * gain, up * obligation) - mark, Math.min(down * gain, down * obligation) - mark);
    current[lanesKept] = 0;
    current[lanesKept + 1] = 0;
    basis[underlying] = (basis[underlying] ?? 0) + worse * expiry.basis;
  };

  for (let account = 0; account < book.accounts; account++) {
    touched.fill(0);
    total.fill(0);
    let profit = 0;
    let mark = 0;
    let rounding = 0;
    let gamma = 0;
    let vega = 0;
    let theta = 0;
    let rho = 0;
    const first = book.start[account] ?? 0;
    const end = book.start[account + 1] ?? first;

    let expiry = -1;
    let strike = -1;
    let expiryMark = 0;
    let expiryNet = 0;
    let strikeNet = 0;
    let underlying = -1;
    for (let position = first; position <= end; position++) {
      const i = position < end ? (book.instrument[position] ?? 0) : -1;
      const nextStrike = i < 0 ? -1 : (strikeOf[i] ?? -1);
      if (strike >= 0 && nextStrike !== strike) {
        if (strikeNet < 0) naked[underlying] = (naked[underlying] ?? 0) - strikeNet;
        strikeNet = 0;
      }
      const nextExpiry = i < 0 ? -1 : (expiryOf[i] ?? -1);
      if (expiry >= 0 && nextExpiry !== expiry) {
        closeExpiry(expiry, expiryMark);
        netOptions[underlying] = (netOptions[underlying] ?? 0) + Math.abs(expiryNet);
        mark += expiryMark;
        expiryMark = 0;
        expiryNet = 0;
      }
      strike = nextStrike;
      expiry = nextExpiry;
      if (i < 0) break;
      const size = book.size[position] ?? 0;
      const held = Math.abs(size);
      if (i < count) {
        touch(i);
        const price = perpMarks[i] ?? 0;
        const entry = book.entry[position] ?? 0;
        perpetual[i] = (perpetual[i] ?? 0) + size;
        linear[i] = (linear[i] ?? 0) + size * price;
        profit += size * (price - entry);
        delta[i] = (delta[i] ?? 0) + size;
        gross[i] = (gross[i] ?? 0) + held;
        rounding += held * (price * (1 + widest) + entry + (spots[i] ?? 0));
        continue;
      }
      underlying = sheet.expiries[expiry]?.underlying ?? 0;
      touch(underlying);
      const base = i * lanes;
      for (let lane = 0; lane < lanes; lane++) current[lane] = (current[lane] ?? 0) + size * (values[base + lane] ?? 0);
      expiryMark += size * (marks[i] ?? 0);
      expiryNet += size;
      strikeNet += size;
      contracts[underlying] = (contracts[underlying] ?? 0) + held;
      rounding += held * ((sizes[i] ?? 0) + (spots[underlying] ?? 0));
      const g = i * GREEK_COUNT;
      const unit = greeks[g] ?? 0;
      delta[underlying] = (delta[underlying] ?? 0) + size * unit;
      gross[underlying] = (gross[underlying] ?? 0) + held * Math.abs(unit);
      gamma += size * (greeks[g + 1] ?? 0) * (spots[underlying] ?? 0);
      vega += size * (greeks[g + 2] ?? 0);
      theta += size * (greeks[g + 3] ?? 0);
      rho += size * (greeks[g + 4] ?? 0);
    }

    accountHaircuts(book, account, haircuts, (u, value) => {
      touch(u);
      linear[u] = (linear[u] ?? 0) + value;
      followers[u] = (followers[u] ?? 0) + value;
    });

    let sum = 0;
    let initialCharges = 0;
    let maintenanceCharges = 0;
    let notional = 0;
    let cashDelta = 0;
    for (let u = 0; u < count; u++) {
      if (touched[u] !== 1) continue;
      const spot = spots[u] ?? 0;
      const base = u * lanes;
      const slope = linear[u] ?? 0;
      let worst = Math.min(0, basis[u] ?? 0);
      for (let lane = 0; lane < lanesKept; lane++) {
        const value = ((profits[base + lane] ?? 0) + slope * (moves[lane] ?? 0)) * (weights[lane] ?? 0);
        profits[base + lane] = value;
        total[lane] = (total[lane] ?? 0) + value;
        if (value < worst) worst = value;
      }
      const net = Math.abs(delta[u] ?? 0);
      const least = floor === null ? 0 : spot * (floor.net * net + (floor.hedged * Math.max(0, (gross[u] ?? 0) - net)) / 2);
      const own = Math.max(-worst, least);
      losses[u] = own;
      sum += own;
      const perp = Math.abs(perpetual[u] ?? 0);
      const short = (naked[u] ?? 0) * spot;
      initialCharges += perp * spot * charge.perpInitial + short * charge.shortInitial;
      initialCharges += ((perp + (netOptions[u] ?? 0)) * spot + (followers[u] ?? 0)) * (unsure[u] ?? 0);
      maintenanceCharges += perp * spot * charge.perpMaintenance + short * charge.shortMaintenance;
      notional += (contracts[u] ?? 0) * spot + perp * (perpMarks[u] ?? 0);
      cashDelta += (delta[u] ?? 0) * spot;
    }

    let credit = 0;
    taken.fill(0);
    for (const group of groups) credit += creditOf(group);

    let worst = 0;
    for (let lane = 1; lane < lanesKept; lane++) if ((total[lane] ?? 0) < (total[worst] ?? 0)) worst = lane;
    const loss = sum - credit;
    const maintenance = loss * factors.maintenance + haircuts.maintenance + maintenanceCharges;
    const ruled = Math.max(maintenance, loss * factors.initial + haircuts.initial + initialCharges);
    const factor = book.initialFactor[account] ?? 1;
    const leverage = book.maxLeverage[account] ?? Infinity;
    const byLeverage = leverage === Infinity ? 0 : haircuts.initial + notional / leverage;
    const initial = Math.max(ruled * factor, byLeverage);
    const equity = (book.cash[account] ?? 0) + haircuts.value + profit + mark;
    out.equity[account] = equity;
    out.initialMargin[account] = initial;
    out.maintenanceMargin[account] = maintenance;
    out.withdrawable[account] = Math.max(0, equity - Math.max(initial, haircuts.initial + Math.max(0, profit) + Math.max(0, mark)));
    out.loss[account] = loss;
    out.worstScenario[account] = worst;
    out.greeks.set([cashDelta, gamma, vega, theta, rho], account * GREEK_COUNT);
    const steps = end - first + ((book.collateralStart[account + 1] ?? 0) - (book.collateralStart[account] ?? 0)) + 2 * count + STEPS;
    const terms =
      stretch * (rounding + haircuts.value * (1 + widest)) +
      Math.abs(book.cash[account] ?? 0) +
      4 * (haircuts.value + initialCharges) +
      (leverage === Infinity ? 0 : notional / leverage);
    out.errorBound[account] = 4 * factor * steps * (UNIT * terms + 1e-18 * stretch * largestSpot);
  }
  return out;

  /** What the members of a group lose less together than apart, times the credit. */
  function creditOf({ members, credit }: (typeof groups)[number]): number {
    let held = 0;
    let alone = 0;
    let joint = 0;
    current.fill(0);
    for (let u = 0; u < count; u++) {
      if (touched[u] !== 1 || taken[u] === 1 || members[u] !== true) continue;
      taken[u] = 1;
      held += 1;
      alone += losses[u] ?? 0;
      joint += basis[u] ?? 0;
      for (let lane = 0; lane < lanesKept; lane++) current[lane] = (current[lane] ?? 0) + (profits[u * lanes + lane] ?? 0);
    }
    let worst = Math.min(0, joint);
    for (let lane = 0; lane < lanesKept; lane++) worst = Math.min(worst, current[lane] ?? 0);
    current.fill(0);
    return held < 2 ? 0 : Math.max(0, alone + worst) * credit;
  }
}
