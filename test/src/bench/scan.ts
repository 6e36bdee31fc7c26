import { performance } from 'node:perf_hooks';
import { risk } from '@lockstep/shared';
import { significant, type Results } from './results.js';

const ACCOUNTS = 100_000;
const POSITIONS = 20;
const REPEATS = 5;

/** Two underlyings, 8 expiries each, 16 strikes, calls and puts: 512 options and 2 perpetuals. */
function market(): risk.Portfolio {
  const days = [1, 3, 7, 14, 30, 60, 120, 270];
  const underlyings = [
    { name: 'BTC', spot: 60_000 },
    { name: 'ETH', spot: 3_000 },
  ];
  return risk.Portfolio.parse({
    underlyings: underlyings.map(({ name, spot }) => ({
      name,
      spot,
      perpetual: { size: 1, entry: spot, mark: spot },
      expiries: days.map((day) => ({
        days: day,
        forward: spot + day,
        rate: '0.04',
        options: Array.from({ length: 16 }, (_, i) => (spot * (60 + 5 * i)) / 100).flatMap((strike) =>
          ['call', 'put'].map((kind) => ({ kind, strike, size: 1, vol: '0.6' })),
        ),
      })),
    })),
  });
}

/** A generator of numbers in [0, 1) that gives the same ones every time (a 32-bit xorshift). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A perpetual, 19 different options and two collaterals for each account. */
function book(sheet: risk.ScanSheet): risk.ScanBook {
  const random = generator(20_260_101);
  const [perpetuals, instruments] = [sheet.underlyings.length, sheet.instruments.length];
  const instrument = new Uint32Array(ACCOUNTS * POSITIONS);
  for (let account = 0; account < ACCOUNTS; account++) {
    const held = new Set([Math.floor(random() * perpetuals)]);
    while (held.size < POSITIONS) held.add(perpetuals + Math.floor(random() * (instruments - perpetuals)));
    instrument.set(
      [...held].sort((a, b) => a - b),
      account * POSITIONS,
    );
  }
  const [one] = [risk.Portfolio.parse({ collateral: ['BTC', 'USDT'].map((asset) => ({ asset, amount: 1, price: 1 })) })];
  const { kinds } = risk.scanBook(sheet, [one]);
  const many = (length: number, each: (index: number) => number): Float64Array => Float64Array.from({ length }, (_, index) => each(index));
  return {
    accounts: ACCOUNTS,
    cash: many(ACCOUNTS, () => random() * 1e6),
    start: Uint32Array.from({ length: ACCOUNTS + 1 }, (_, index) => index * POSITIONS),
    instrument,
    size: many(ACCOUNTS * POSITIONS, () => random() * 10 - 5),
    entry: many(ACCOUNTS * POSITIONS, () => 50_000),
    collateralStart: Uint32Array.from({ length: ACCOUNTS + 1 }, (_, index) => index * kinds.length),
    collateralKind: Uint32Array.from({ length: ACCOUNTS * kinds.length }, (_, index) => index % kinds.length),
    collateralAmount: many(ACCOUNTS * kinds.length, () => random() * 10_000),
    kinds,
    initialFactor: many(ACCOUNTS, () => 1),
    maxLeverage: many(ACCOUNTS, () => Infinity),
  };
}

/** What `work` gives, and its seconds: of the processor for this process, and of the clock. */
export function timed<T>(work: () => T): readonly [T, { readonly processor: number; readonly clock: number }] {
  const [cpu, clock] = [process.cpuUsage(), performance.now()];
  const result = work();
  const { user, system } = process.cpuUsage(cpu);
  return [result, { processor: (user + system) / 1e6, clock: (performance.now() - clock) / 1000 }];
}

/** Values 100,000 accounts of 20 positions in every scenario, in one thread; the middle of five runs. */
export function measureScan(): Results {
  const parameters = risk.PortfolioParameters.parse(risk.PARAMETER_SETS.lockstep);
  const [sheet, pricing] = timed(() => risk.scanSheet(market(), parameters));
  const accounts = book(sheet);
  const runs = Array.from({ length: REPEATS }, () => timed(() => risk.scan(sheet, accounts))[1]).sort((a, b) => a.processor - b.processor);
  const middle = runs[Math.floor(REPEATS / 2)] ?? { processor: NaN, clock: NaN };
  const scenarios = parameters.scenarios.length + parameters.skewScenarios.length;
  return {
    'scan.accounts100k.seconds': {
      value: significant(middle.processor),
      unit: `s of processor time, ${ACCOUNTS} accounts × ${POSITIONS} positions × ${scenarios} scenarios, all terms, one thread`,
      target: '< 1',
      limit: `${significant(middle.clock)} s by the clock of a shared machine; the sheet of ${sheet.instruments.length} instruments took ${significant(pricing.processor)} s more, once per price epoch`,
    },
  };
}
