import { abs, floorDiv, max, min, mulDown, mulUp, WAD } from '../decimal.js';
import type { Requirement } from '../standard.js';
import {
  BASIS_LANES,
  isTail,
  laneForward,
  LANES,
  MARK_LANE,
  sheetHeader,
  sheetLanes,
  SKEW_LANES,
  STRIKE_LANE,
  TAIL_LANES,
  type SheetExpiry,
} from './sheet-rows.js';

/** Twin of contracts/src/hub/risk/PortfolioMargin.sol, bit for bit. Money and sizes are wads; roundings are against the account. */

/** An option position, in lots of 0.001. Sigma per √year, Q64. */
export interface FixedOption {
  readonly strike: bigint;
  readonly sigma: bigint;
  readonly isPut: boolean;
  readonly lots: bigint;
}
export interface FixedExpiry extends SheetExpiry {
  readonly options: readonly FixedOption[];
}
export interface FixedUnderlying {
  readonly spot: bigint;
  readonly perpetualSize: bigint;
  readonly perpetualMark: bigint;
  readonly perpetualProfit: bigint;
  /** Value of collateral priced by this underlying. */
  readonly followers: bigint;
  readonly confidence: bigint;
  /** 0: offsets with nothing. */
  readonly group: bigint;
  /** Within the group, at most 0.75. */
  readonly correlation: bigint;
  readonly expiries: readonly FixedExpiry[];
}
export interface FixedAccount {
  readonly cash: bigint;
  readonly collateral: bigint;
  readonly haircuts: Requirement;
  readonly settlementPrice: bigint;
  /** Profile; 0: none. */
  readonly initialFactor: bigint;
  readonly maxLeverage: bigint;
  readonly underlyings: readonly FixedUnderlying[];
}
export interface FixedRisk {
  readonly equity: bigint;
  readonly initialMargin: bigint;
  readonly maintenanceMargin: bigint;
  readonly unrealisedGain: bigint;
  readonly worstScenario: bigint;
}

/** Most lots an expiry may hold, long and short together: no lane of a sheet can carry below it. */
export const MAX_GROSS_LOTS = 1n << 30n;
const SCENARIOS = 37;
const UNIT = 1000n << 31n;
const LOT = WAD / 1000n;
const share = (tenThousandths: bigint): bigint => (tenThousandths * WAD) / 10_000n;
const TAILS = [
  [-6600n, 2424n],
  [-3300n, 4848n],
  [5000n, 3200n],
  [10_000n, 1600n],
  [20_000n, 800n],
  [30_000n, 533n],
  [40_000n, 400n],
  [50_000n, 320n],
] as const;
const GRID = Array.from({ length: SCENARIOS }, (_, s): { move: bigint; weight: bigint } => {
  if (s < TAIL_LANES) return { move: share(BigInt(Math.floor(s / 3)) * 400n - 1600n), weight: WAD };
  const tail = s < SKEW_LANES ? TAILS[s - TAIL_LANES] : undefined;
  return tail === undefined ? { move: 0n, weight: WAD } : { move: share(tail[0]), weight: share(tail[1]) };
});

interface Sums {
  readonly profits: readonly bigint[];
  readonly basis: bigint;
  readonly mark: bigint;
  readonly naked: bigint;
  readonly net: bigint;
  readonly gross: bigint;
}
const NONE: Sums = { profits: Array<bigint>(SCENARIOS).fill(0n), basis: 0n, mark: 0n, naked: 0n, net: 0n, gross: 0n };
const total = (values: readonly bigint[]): bigint => values.reduce((sum, value) => sum + value, 0n);

/** @throws RangeError if the expiry holds more than MAX_GROSS_LOTS */
function expirySums(expiry: FixedExpiry): Sums {
  const { options } = expiry;
  const gross = total(options.map(({ lots }) => abs(lots)));
  if (gross === 0n) return NONE;
  if (gross > MAX_GROSS_LOTS) throw new RangeError(`an expiry holds ${gross} lots; expected at most ${MAX_GROSS_LOTS}`);
  const { forward, gain, basis, settled } = sheetHeader(expiry);
  const sizes = new Map<bigint, bigint>();
  for (const { strike, lots } of options) sizes.set(strike, (sizes.get(strike) ?? 0n) + lots);
  const rows = new Map(options.map(({ strike, sigma }) => [strike, sheetLanes(expiry, strike, sigma)]));
  const naked = total([...sizes.values()].map((size) => max(0n, -size)));
  const puts = options.filter(({ isPut }) => isPut);
  const put = total(puts.map(({ lots }) => lots));
  const putStrikes = total(puts.map(({ strike, lots }) => lots * (rows.get(strike)?.[STRIKE_LANE] ?? 0n) + min(0n, lots)));
  const values = Array.from({ length: LANES - 1 }, (_, lane) => {
    const calls = total([...sizes].map(([strike, size]) => size * (rows.get(strike)?.[lane] ?? 0n)));
    const tail = isTail(lane);
    const value = calls + (putStrikes << (tail ? 1n : 4n)) - naked - put * laneForward(lane, settled);
    return (tail ? value << 3n : value) * forward;
  });
  const mark = values[MARK_LANE] ?? 0n;
  const profits = values.map((value) => (value > 0n ? (value * gain) >> 64n : value) - mark);
  const least = profits.slice(BASIS_LANES).reduce((a, b) => min(a, b), 0n);
  return { profits: profits.slice(0, SCENARIOS), basis: mulDown(least, basis), mark, naked, net: abs(total([...sizes.values()])), gross };
}

function underlyingSums(underlying: FixedUnderlying): Sums {
  const sums = underlying.expiries.map(expirySums).reduce(
    (a, b) => ({
      profits: a.profits.map((profit, s) => profit + (b.profits[s] ?? 0n)),
      basis: a.basis + b.basis,
      mark: a.mark + b.mark,
      naked: a.naked + b.naked,
      net: a.net + b.net,
      gross: a.gross + b.gross,
    }),
    NONE,
  );
  const linear = mulDown(underlying.perpetualSize, underlying.perpetualMark) + underlying.followers;
  const profits = GRID.map(({ move, weight }, s) => mulDown(floorDiv(sums.profits[s] ?? 0n, UNIT) + mulDown(linear, move), weight));
  return { ...sums, profits, basis: floorDiv(sums.basis, UNIT), mark: floorDiv(sums.mark, UNIT) };
}

function chargeOf(underlying: FixedUnderlying, sums: Sums): Requirement {
  const { spot, confidence, followers } = underlying;
  const held = abs(underlying.perpetualSize);
  const perpetual = mulUp(held, spot);
  const short = mulUp(sums.naked * LOT, spot);
  const notional = mulUp(held + sums.net * LOT, spot) + followers;
  const unsure = confidence >= share(5500n) ? 0n : mulUp(notional, WAD - confidence);
  return {
    maintenance: mulUp(perpetual, share(300n)) + mulUp(short, share(30n)),
    initial: mulUp(perpetual, share(400n)) + mulUp(short, share(50n)) + unsure,
  };
}

const worst = (profits: readonly bigint[], basis: bigint): bigint => -profits.reduce((a, b) => min(a, b), min(0n, basis));
const jointly = (all: readonly Sums[]): bigint[] => GRID.map((_, s) => total(all.map(({ profits }) => profits[s] ?? 0n)));

function lossOf(account: FixedAccount, sums: readonly Sums[]): bigint {
  const members = account.underlyings.map(({ group, correlation }, i) => ({ group, correlation, sums: sums[i] ?? NONE }));
  const credits = [...new Set(members.map(({ group }) => group))]
    .filter((group) => group !== 0n)
    .map((group) => {
      const own = members.filter((member) => member.group === group);
      const alone = total(own.map((member) => worst(member.sums.profits, member.sums.basis)));
      const joint = worst(jointly(own.map((member) => member.sums)), total(own.map((member) => member.sums.basis)));
      const correlation = own.reduce((least, member) => min(least, member.correlation), share(7500n));
      return mulDown(max(0n, alone - joint), correlation);
    });
  return total(sums.map(({ profits, basis }) => worst(profits, basis))) - total(credits);
}

/**
 * The risk of an account as the portfolio engine on chain computes it.
 * @throws RangeError if an expiry is too large or a strike too far from its forward
 */
export function fixedPortfolioRisk(account: FixedAccount): FixedRisk {
  const { underlyings, haircuts } = account;
  const sums = underlyings.map(underlyingSums);
  const charges = underlyings.map((underlying, i) => chargeOf(underlying, sums[i] ?? NONE));
  const gains = total(underlyings.map(({ perpetualProfit }) => perpetualProfit));
  const marks = total(sums.map(({ mark }) => mark));
  const loss = lossOf(account, sums);
  const depeg = mulUp(max(0n, share(9900n) - account.settlementPrice), 4n * WAD);
  const maintenance = haircuts.maintenance + total(charges.map((charge) => charge.maintenance)) + mulUp(loss, share(8000n));
  const initial = max(maintenance, haircuts.initial + total(charges.map((charge) => charge.initial)) + mulUp(loss, WAD + depeg));
  const notional = total(
    underlyings.map(
      ({ spot, perpetualSize, perpetualMark }, i) => mulUp((sums[i]?.gross ?? 0n) * LOT, spot) + mulUp(abs(perpetualSize), perpetualMark),
    ),
  );
  const byLeverage = account.maxLeverage === 0n ? 0n : haircuts.initial - floorDiv(-notional * WAD, account.maxLeverage);
  const common = jointly(sums);
  const least = common.reduce((a, b) => min(a, b));
  return {
    equity: account.cash + account.collateral + gains + marks,
    initialMargin: max(byLeverage, account.initialFactor > WAD ? mulUp(initial, account.initialFactor) : initial),
    maintenanceMargin: maintenance,
    unrealisedGain: max(0n, gains) + max(0n, marks),
    worstScenario: BigInt(Math.max(0, common.indexOf(least))),
  };
}
