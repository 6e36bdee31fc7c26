import type { risk } from '@lockstep/shared';
import { MarginWorld } from './margin-world.js';

const WAD = 10n ** 18n;
let accounts = 0n;

/** Options at places of a listing: calls, or call and put of each. Sizes go both ways. */
const optionsAt = (places: readonly number[], paired: boolean): risk.HeldOption[] =>
  places.flatMap((place) =>
    (paired ? [false, true] : [false]).map((isPut) => ({
      place,
      isPut,
      lots: BigInt(place % 3 === 0 ? -1 : 1) * BigInt(1234 + 7 * place),
    })),
  );
const range = (count: number, step = 1): number[] => Array.from({ length: count }, (_, i) => i * step);
const underlyingOf = (underlying: number, options: readonly risk.HeldOption[]): risk.HeldUnderlying => ({
  underlying,
  size: 12_345_678_901_234_567_890n,
  quote: -987_654_321_098_765_432_109n,
  options,
});
/** Four balances: two of each of two underlyings, each on two chains. */
const holdings = (underlyings: readonly risk.HeldUnderlying[], balances = 4): risk.Holdings => ({
  // Its lowest digits name the account.
  cash: 12_345_678n * WAD + ++accounts,
  initialFactor: 0,
  maxLeverage: 0,
  collateral: range(balances).map((i) => ({ assetId: i + 1, amount: 3_141_592_653_589_793_238n })),
  underlyings,
});

/** Gas of publishing sheets and of valuing accounts, each in a transaction that finds every slot and account cold. */
export async function measureMargin(gas: Record<string, bigint>): Promise<void> {
  await measureSmall(gas);
  await measureLarge(gas);
  await measureLargest(gas);
}

/** 64 instruments: eight expiries of four strikes. */
async function measureSmall(gas: Record<string, bigint>): Promise<void> {
  const world = await MarginWorld.start([{ underlying: 1, expiries: 8, strikes: 4 }]);
  try {
    const valued = async (account: risk.Holdings): Promise<bigint> => (await world.value(account, 'riskOf')).gas;
    gas['option.scenario'] = (await scenario(world)) / 37n;
    const account = holdings([underlyingOf(1, optionsAt(range(32), true))]);
    gas['margin.sheetless64'] = (await world.value(account, 'riskWithoutSheet')).gas;
    gas['sheet.publish64'] = await world.publish(1, 0);
    gas['margin.options64'] = await valued(account);
    gas['margin.options8'] = await valued(holdings([underlyingOf(1, optionsAt(range(4), true))]));
    gas['margin.perpetual'] = await valued(holdings([underlyingOf(1, [])]));
    gas['margin.perps8'] = await valued(holdings(range(8).map((i) => underlyingOf(i + 1, []))));
    gas['margin.perps8.cash'] = await valued(
      holdings(
        range(8).map((i) => underlyingOf(i + 1, [])),
        0,
      ),
    );
  } finally {
    await world.stop();
  }
}

/** One more strike of an expiry in all 37 scenarios. */
async function scenario(world: MarginWorld): Promise<bigint> {
  return ((await world.build(48)) - (await world.build(16))) / 32n;
}

/** 256 instruments: eight expiries of sixteen strikes. */
async function measureLarge(gas: Record<string, bigint>): Promise<void> {
  const world = await MarginWorld.start([{ underlying: 1, expiries: 8, strikes: 16 }]);
  try {
    const valued = async (options: readonly risk.HeldOption[]): Promise<bigint> =>
      (await world.value(holdings([underlyingOf(1, options)]), 'riskOf')).gas;
    gas['sheet.publish256'] = await world.publish(1, 0);
    const paired = await valued(optionsAt(range(32, 4), true));
    gas['margin.options128'] = await valued(optionsAt(range(64, 2), true));
    gas['margin.perPosition'] = (gas['margin.options128'] - paired) / 64n;
    const distinct = await valued(optionsAt(range(64, 2), false));
    gas['margin.options128distinct'] = await valued(optionsAt(range(128), false));
    gas['margin.perPosition.distinct'] = (gas['margin.options128distinct'] - distinct) / 64n;
  } finally {
    await world.stop();
  }
}

/** The most an account may hold: 128 options on strikes of their own, eleven expiries, eight underlyings, sixteen balances. */
async function measureLargest(gas: Record<string, bigint>): Promise<void> {
  const shapes = [
    { underlying: 1, expiries: 4, strikes: 12 },
    { underlying: 2, expiries: 4, strikes: 12 },
    { underlying: 3, expiries: 3, strikes: 11 },
  ];
  const world = await MarginWorld.start(shapes);
  try {
    const counts = [48, 48, 32];
    const account = holdings(
      range(8).map((i) => underlyingOf(i + 1, optionsAt(range(counts[i] ?? 0), false))),
      16,
    );
    gas['margin.sheetlessMax'] = (await world.value(account, 'riskWithoutSheet')).gas;
    for (const { underlying } of shapes) await world.publish(underlying, 0);
    gas['margin.max'] = (await world.value(account, 'riskOf')).gas;
  } finally {
    await world.stop();
  }
}
