import type { Address } from 'viem';
import type { DesiredInput } from './schema.js';

type RiskInput = DesiredInput['risk'];

const WAD = 10n ** 18n;
const MILLION = 1_000_000n;
const BTC = 1;
const ETH = 2;

const COLLATERAL = { WBTC: { underlying: BTC, class: 0 }, WETH: { underlying: ETH, class: 1 }, ETH: { underlying: ETH, class: 1 } };

/** Ages that a publisher beating every few seconds never reaches. */
const BOUNDS = {
  spotFresh: 60,
  spotStale: 600,
  forwardFresh: 120,
  forwardStale: 1_200,
  surfaceFresh: 300,
  surfaceStale: 3_000,
  sourceStale: 3_600,
  maxSpread: 20_000_000,
  markBand: 600,
  disagreement: 200,
};

/**
 * The rates of the shipped parameter files (`lockstep margin --params lockstep-cross`), as the contracts take them.
 * @param symbols of the network's assets; what else has a rule is left out
 */
export function localRisk(feedSigners: readonly Address[], symbols: ReadonlySet<string>): RiskInput {
  const signers = [...feedSigners].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const underlying = (symbol: string, number: number, units: bigint, lower: bigint): RiskInput['underlyings'][number] => ({
    symbol,
    number,
    bounds: BOUNDS,
    standing: 'Open',
    perpetual: { openCap: units * WAD, fundingCap: 4_000_000, fundingBase: 12_500 },
    option: { openCap: 100_000_000 },
    openInterest: { lower, upper: 10n * lower },
    group: { id: 1, correlation: 750_000_000 },
  });
  return {
    feeds: { signers, threshold: signers.length, settlementThreshold: signers.length },
    interest: { base: WAD / 50n, slope: (8n * WAD) / 100n, kink: (85n * WAD) / 100n, full: (9n * WAD) / 10n },
    underlyings: [underlying('BTC', BTC, 100_000n, 50n * MILLION), underlying('ETH', ETH, MILLION, 40n * MILLION)],
    reduceBand: 5_000_000,
    classes: [
      [
        { from: 0n, maintenance: 50_000_000, initialExtra: 50_000_000 },
        { from: 5n * MILLION * WAD, maintenance: 100_000_000, initialExtra: 100_000_000 },
      ],
      [
        { from: 0n, maintenance: 100_000_000, initialExtra: 50_000_000 },
        { from: 5n * MILLION * WAD, maintenance: 150_000_000, initialExtra: 100_000_000 },
      ],
    ],
    collateral: Object.fromEntries(Object.entries(COLLATERAL).filter(([symbol]) => symbols.has(symbol))),
    chains: {},
    states: {
      Degraded: { maintenance: 0, initialExtra: 100_000_000 },
      Quarantined: { maintenance: 1_000_000_000, initialExtra: 1_000_000_000 },
      WrittenDown: { maintenance: 250_000_000, initialExtra: 750_000_000 },
    },
    standard: {
      perpetual: [
        { from: 0n, initial: 50_000_000, maintenance: 30_000_000 },
        { from: 5n * MILLION * WAD, initial: 100_000_000, maintenance: 60_000_000 },
        { from: 50n * MILLION * WAD, initial: 200_000_000, maintenance: 120_000_000 },
      ],
      option: {
        initialMax: 150_000_000,
        initialMin: 100_000_000,
        maintenance: 75_000_000,
        putMaintenanceOfMark: 75_000_000,
        unpairedInitial: 1_200_000_000,
        unpairedMaintenance: 1_100_000_000,
      },
    },
  };
}
