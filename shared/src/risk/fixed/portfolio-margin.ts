import { abs, floorDiv, max, min, mulDown, mulUp, WAD } from '../decimal.js';
import type { Requirement } from '../standard.js';
import { laneSums, UNIT, type FixedExpiry } from './option-lanes.js';
import { SKEW_LANES, TAIL_LANES } from './sheet-rows.js';

/** Twin of contracts/src/hub/risk/PortfolioMargin.sol, bit for bit. Money and sizes are wads; roundings are against the account. */

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

const LOT = WAD / 1000n;
const ONE = 10_000n;
const share = (tenThousandths: bigint): bigint => (tenThousandths * WAD) / ONE;
/** Moves and weights, 1e-4 each. */
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
/** Scenarios in their order: the core, the tails, the tilts. Values of a tail's lane count eight times. */
const GRID: readonly { readonly lane: number; readonly eighths: bigint; readonly move: bigint; readonly weight: bigint }[] = [
  ...Array.from({ length: 27 }, (_, s) => ({ lane: s, eighths: 1n, move: BigInt(Math.floor(s / 3)) * 400n - 1600n, weight: ONE })),
  ...TAILS.map(([move, weight], i) => ({ lane: TAIL_LANES + i, eighths: 8n, move, weight })),
  ...[0, 1].map((i) => ({ lane: SKEW_LANES + i, eighths: 1n, move: 0n, weight: ONE })),
];

interface Leg {
  readonly profits: readonly bigint[];
  readonly basis: bigint;
  readonly mark: bigint;
  readonly naked: bigint;
  readonly net: bigint;
}
const NOTHING: Leg = { profits: [], basis: 0n, mark: 0n, naked: 0n, net: 0n };
const total = (values: readonly bigint[]): bigint => values.reduce((sum, value) => sum + value, 0n);

function legOf(underlying: FixedUnderlying): Leg {
  const { lanes, scale, mark, basis, naked, net } = laneSums(underlying.expiries, underlying.spot);
  const linear = mulDown(underlying.perpetualSize, underlying.perpetualMark) + underlying.followers;
  const profits = GRID.map(({ lane, eighths, move, weight }) => {
    const options = (eighths * (lanes[lane] ?? 0n) - mark) << scale;
    return floorDiv((options * ONE + linear * UNIT * move) * weight, UNIT * ONE * ONE);
  });
  return { profits, naked, net, basis: floorDiv(basis << scale, UNIT), mark: floorDiv(mark << scale, UNIT) };
}

function chargeOf(underlying: FixedUnderlying, sums: Leg): Requirement {
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
const jointly = (all: readonly Leg[]): bigint[] => GRID.map((_, s) => total(all.map(({ profits }) => profits[s] ?? 0n)));

function lossOf(account: FixedAccount, sums: readonly Leg[]): bigint {
  const members = account.underlyings.map(({ group, correlation }, i) => ({ group, correlation, sums: sums[i] ?? NOTHING }));
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

/** The risk of an account as the portfolio engine on chain computes it. */
export function fixedPortfolioRisk(account: FixedAccount): FixedRisk {
  const { underlyings, haircuts } = account;
  const sums = underlyings.map(legOf);
  const charges = underlyings.map((underlying, i) => chargeOf(underlying, sums[i] ?? NOTHING));
  const gains = total(underlyings.map(({ perpetualProfit }) => perpetualProfit));
  const marks = total(sums.map(({ mark }) => mark));
  const loss = lossOf(account, sums);
  const depeg = mulUp(max(0n, share(9900n) - account.settlementPrice), 4n * WAD);
  const maintenance = haircuts.maintenance + total(charges.map((charge) => charge.maintenance)) + mulUp(loss, share(8000n));
  const initial = max(maintenance, haircuts.initial + total(charges.map((charge) => charge.initial)) + mulUp(loss, WAD + depeg));
  const notional = total(
    underlyings.map(
      ({ spot, perpetualSize, perpetualMark, expiries }) =>
        mulUp(total(expiries.flatMap(({ options }) => options.map(({ lots }) => abs(lots)))) * LOT, spot) +
        mulUp(abs(perpetualSize), perpetualMark),
    ),
  );
  const byLeverage = account.maxLeverage === 0n ? 0n : haircuts.initial - floorDiv(-notional * WAD, account.maxLeverage);
  const required = max(byLeverage, account.initialFactor > WAD ? mulUp(initial, account.initialFactor) : initial);
  const common = jointly(sums);
  const least = common.reduce((a, b) => min(a, b));
  return {
    equity: account.cash + account.collateral + gains + marks,
    initialMargin: required,
    maintenanceMargin: maintenance,
    unrealisedGain: max(0n, haircuts.initial + max(0n, gains) + max(0n, marks) - required),
    worstScenario: BigInt(Math.max(0, common.indexOf(least))),
  };
}
