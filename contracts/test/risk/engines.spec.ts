import { encodeAccount, exchange, markets as model, risk, unixSeconds, type AccountId } from '@lockstep/shared';
import { SLICES, UNDERLYINGS, portfolioMirror, standardMirror, type MarketView, type Prices } from './engines-mirror.js';
import { EnginesWorld } from './engines-world.js';
import { SEED, seeded } from './portfolios.js';

const WAD = 10n ** 18n;
const HUNDREDTH = 10n ** 16n;
const THOUSANDTH = 10n ** 15n;
const BOOKS = process.env['LOCKSTEP_LONG'] === '1' ? 2_000 : 100;
const ACCOUNTS = process.env['LOCKSTEP_LONG'] === '1' ? 100 : 16;
/** Prices of settlement cash below and above what portfolio margin charges for. */
const OFF_PEG = 97n * HUNDREDTH;
const PEGGED = 99n * HUNDREDTH;
/** Spread of ETH's spot: sure enough to be fresh, not sure enough to be free (confidence 0.4). */
const UNSURE = 12_000_000;

const stream = seeded(0x656e67696e6573n);
const below = (most: bigint): bigint => stream.next().value % most;
const chance = (percent: bigint): boolean => below(100n) < percent;
const signed = (most: bigint): bigint => below(2n * most + 1n) - most;

/** Holdings with all that an account may have: a profile, collateral on chains in trouble, positions in either underlying or both. */
function anyHoldings(view: MarketView): risk.Holdings {
  const held = UNDERLYINGS.filter(() => chance(80n)).map(({ number, spot }): risk.HeldUnderlying => {
    const size = chance(70n) ? signed(20_000n) * THOUSANDTH : 0n;
    const entry = ((spot * (80n + below(40n))) / 100n / HUNDREDTH) * HUNDREDTH;
    const places = [...(view.strikes.get(number)?.keys() ?? [])].filter(() => chance(35n));
    const options = places.map((place) => ({ place, isPut: chance(50n), lots: signed(8_000n) || 1n }));
    return { underlying: number, size, quote: (-size * entry) / WAD, options };
  });
  return {
    cash: signed(300_000n) * WAD,
    initialFactor: chance(30n) ? Number(below(300n)) : 0,
    maxLeverage: chance(30n) ? 10 + Number(below(2_000n)) : 0,
    collateral: [
      { assetId: 1, amount: below(9n * 10n ** 8n) },
      { assetId: 2, amount: below(80n * WAD) },
      { assetId: 3, amount: below(3n * 10n ** 20n) },
      { assetId: 4, amount: below(40n * 10n ** 6n) },
    ].filter(() => chance(60n)),
    underlyings: held,
  };
}

/** Prices of both underlyings, `percent` of where they began. */
function pricesAt(view: MarketView, percent: bigint): ReadonlyMap<number, Prices> {
  return new Map(
    UNDERLYINGS.map(({ number, spot: start }) => {
      const spot = (start * percent) / 100n;
      const expiries = [...new Set([...(view.strikes.get(number)?.values() ?? [])].map(({ expiry }) => expiry))].sort((a, b) =>
        Number(a - b),
      );
      return [
        number,
        {
          spot,
          // One mark within its band, one beyond it.
          mark: (spot * (number === 1 ? 1_010n : 1_090n)) / 1_000n,
          spread: number === 1 ? 0 : UNSURE,
          expiries: new Map(
            expiries.flatMap((expiry, i) => {
              const slice = SLICES[i]?.slice;
              return slice === undefined || expiry <= view.now
                ? []
                : [[expiry, { forward: (spot * (1_000n + 4n * BigInt(i))) / 1_000n, slice }]];
            }),
          ),
        },
      ] as const;
    }),
  );
}

const firstExpiry = (view: MarketView, underlying: number): bigint =>
  [...(view.strikes.get(underlying)?.values() ?? [])].map(({ expiry }) => expiry).reduce((a, b) => (a < b ? a : b));

/** What the first expiry of each underlying averaged so far, a little off spot. */
const averagesAt = (view: MarketView, percent: bigint, at: bigint): MarketView['averages'] =>
  new Map(UNDERLYINGS.map(({ number, spot }) => [number, new Map([[firstExpiry(view, number), { value: (spot * percent) / 100n, at }]])]));

type Words = Awaited<ReturnType<EnginesWorld['riskOf']>>;
const figures = ({ equity, initialMargin, maintenanceMargin, unrealisedGain }: Omit<Words, 'worstScenario' | 'grade' | 'oldest'>) => ({
  equity,
  initialMargin,
  maintenanceMargin,
  unrealisedGain,
});
/** As the portfolio engine says it: fresh, of the time of the snapshot. */
const portfolioWords = (view: MarketView, holdings: risk.Holdings) => {
  const { worstScenario, ...mirrored } = portfolioMirror(view, holdings);
  // The price of settlement cash is read for every account.
  return { ...mirrored, worstScenario: Number(worstScenario), grade: 0, oldest: Number(view.told) };
};

describe(`given the engines over real feeds, rules, listing and sheets (seed ${SEED})`, () => {
  let world: EnginesWorld;

  beforeAll(async () => {
    world = await EnginesWorld.start();
    const { view } = world;
    await world.tell(pricesAt(view, 100n), averagesAt(view, 99n, view.now + 1n), OFF_PEG);
    // Within the bounds of open interest.
    const [buyer, seller] = [30_000n, 30_001n].map((subaccount) => encodeAccount({ owner: world.chain.from, home: 0, subaccount }));
    if (buyer === undefined || seller === undefined) throw new Error('two accounts expected');
    for (const { number, spot } of UNDERLYINGS)
      await world.trade(
        buyer,
        seller,
        exchange.encodeInstrument({ kind: 'perpetual', underlying: number }),
        (700_000n * WAD * WAD) / spot,
        spot,
      );
  }, 240_000);

  async function compare(): Promise<{ short: number; owing: number; depegged: number; crowded: number }> {
    await world.count();
    const found = { short: 0, owing: 0, depegged: 0, crowded: 0 };
    const [atPar, uncrowded] = [
      { ...world.view, settlement: WAD },
      { ...world.view, openInterest: new Map<number, bigint>() },
    ];
    for (let i = 0; i < BOOKS; i++) {
      const holdings = anyHoldings(world.view);
      const words = risk.encodeHoldings(holdings);
      const label = { i, holdings };
      const said = await world.riskOf('portfolio', words);
      expect({ ...label, said }).toEqual({ ...label, said: portfolioWords(world.view, holdings) });
      expect(await world.riskOf('portfolio', words, true)).toEqual(said);
      for (const method of ['cross', 'isolated'] as const) {
        const closed = figures(await world.riskOf(method, words));
        expect({ ...label, method, closed }).toEqual({ ...label, method, closed: figures(standardMirror(world.view, holdings, method)) });
      }
      if (said.equity < BigInt(said.maintenanceMargin)) found.short++;
      if (said.unrealisedGain > 0n) found.owing++;
      if (said.initialMargin > portfolioMirror(atPar, holdings).initialMargin) found.depegged++;
      const { initialMargin } = standardMirror(world.view, holdings, 'cross');
      if (initialMargin > standardMirror(uncrowded, holdings, 'cross').initialMargin) found.crowded++;
    }
    return found;
  }

  it(`INV-MARGIN-2: ${BOOKS} accounts with profiles and haircuts, half an average before an expiry, in every mode, cash off its peg and markets crowded`, async () => {
    // Part of the first expiry's forward is averaged already, and part is not.
    expect(firstExpiry(world.view, 1) - world.view.told).toBeLessThan(1_800n);
    const { short, owing, depegged, crowded } = await compare();
    expect(short).toBeGreaterThan(BOOKS / 10);
    expect(short).toBeLessThan((BOOKS * 9) / 10);
    expect(owing).toBeGreaterThan(0);
    expect(depegged).toBeGreaterThan(BOOKS / 2);
    expect(crowded).toBeGreaterThan(BOOKS / 4);
  }, 900_000);

  it(`INV-MARGIN-2: ${BOOKS} more, from sheets`, async () => {
    await world.publish();
    await compare();
  }, 900_000);

  it(`INV-MARGIN-1, INV-MARGIN-2: ${ACCOUNTS} accounts under the real Margin switch to portfolio margin and set profiles as far as they can carry it`, async () => {
    const { chain } = world;
    const account = (subaccount: bigint): AccountId => encodeAccount({ owner: chain.from, home: 0, subaccount });
    const maker = account(10_000n);
    const verdicts = new Map<string, number>();
    const count = (verdict: string): void => void verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    /** At the time of the next block: ramps go on. */
    const next = (): MarketView => ({ ...world.view, now: world.view.now + 1n });
    const carries = (view: MarketView, holdings: risk.Holdings): string => {
      const { equity, initialMargin } = portfolioMirror(view, holdings);
      return holdings.underlyings.length === 0 && holdings.cash >= 0n ? 'done' : equity >= initialMargin ? 'done' : 'BelowInitialMargin';
    };
    for (let i = 1n; i <= BigInt(ACCOUNTS); i++) {
      const own = account(i);
      const lots: [number, bigint][] = [
        [1, 1n + below(2n * 10n ** 8n)],
        [4, 1n + below(20n * 10n ** 6n)],
      ];
      await world.fund(own, signed(40_000n) * WAD, lots);
      for (const { number, spot } of UNDERLYINGS) {
        const series = [...(world.view.strikes.get(number)?.values() ?? [])].filter(() => chance(30n));
        const ids = series.map(({ expiry, strike }) =>
          exchange.encodeInstrument({
            kind: chance(50n) ? 'call' : 'put',
            underlying: number,
            expiry: unixSeconds(expiry),
            strike: exchange.price(strike),
          }),
        );
        for (const id of [exchange.encodeInstrument({ kind: 'perpetual', underlying: number }), ...ids]) {
          const [buyer, seller] = chance(50n) ? [own, maker] : [maker, own];
          const price = id === ids[0] ? spot / 20n : spot / 30n;
          const isPerpetual = !ids.includes(id);
          await world.trade(buyer, seller, id, (1n + below(900n)) * THOUSANDTH, isPerpetual ? spot : price);
        }
      }
      const before = risk.decodeHoldings(await world.holdingsOf(own));
      const switched = await world.setMode(own, 'portfolio');
      // A switch that reverts mines no block.
      const judged = switched === 'done' ? world.view : next();
      expect({ i, switched }).toEqual({ i, switched: carries(judged, before) });
      count(`mode ${switched}`);
      if (switched !== 'done') continue;
      const [factor, leverage] = [100 + Number(below(150n)), chance(50n) ? 100 + Number(below(900n)) : 0];
      const asked = await world.setProfile(own, factor, leverage);
      const wanted = { ...before, initialFactor: factor, maxLeverage: leverage };
      expect({ i, asked }).toEqual({ i, asked: carries(asked === 'done' ? world.view : next(), wanted) });
      count(`profile ${asked}`);
      const holdings = risk.decodeHoldings(await world.holdingsOf(own));
      expect([holdings.initialFactor, holdings.maxLeverage]).toEqual(asked === 'done' ? [factor, leverage] : [0, 0]);
      expect({ i, risk: await world.marginOf(own) }).toEqual({ i, risk: portfolioWords(world.view, holdings) });
      const health = portfolioMirror(world.view, holdings);
      const refusal = model.judgeLeaving({ ...health, grade: 'fresh', oldest: world.view.told }, 0n, 0n);
      const left = await world.leaving(own, 0n);
      expect({ i, left }).toEqual({
        i,
        left: refusal === null ? 'done' : refusal.code === 'GAIN_UNREALISED' ? 'GainUnrealised' : 'BelowInitialMargin',
      });
      count(`leaving ${left}`);
    }
    expect([...verdicts.keys()]).toEqual(expect.arrayContaining(['mode done', 'mode BelowInitialMargin', 'profile done', 'leaving done']));
  }, 900_000);

  it(`INV-MARGIN-2: ${BOOKS} when the first expiry is over and its price final`, async () => {
    const { view } = world;
    world.wait(firstExpiry(view, 1) - view.now + 60n);
    const at = world.view;
    const later = { ...at, now: firstExpiry(view, 1) + 61n };
    await world.tell(pricesAt(later, 104n), averagesAt(later, 103n, later.now), PEGGED);
    expect(world.view.told).toBe(later.now);
    const { depegged } = await compare();
    expect(depegged).toBe(0);
  }, 900_000);
});
