import { describe, expect, it } from '@jest/globals';
import { numberToHex } from 'viem';
import { detect, placeOf, portfolioOf, turnOf, worstOf, type ExposedAccount, type HubMarket } from '../../src/liquidation/detect.js';
import { mulDown, WAD } from '../../src/risk/decimal.js';
import { evaluate } from '../../src/risk/evaluate.js';
import { PARAMETER_SETS } from '../../src/risk/parameter-sets.js';
import { PortfolioParameters, StandardParameters } from '../../src/risk/parameters.js';
import { accountId, type AccountId } from '../../src/units.js';

const NOW = 1_800_000_000n;
const EXPIRIES = [NOW - 600n, NOW + 86_400n, NOW + 30n * 86_400n];
const cash = (units: number): bigint => BigInt(Math.round(units * 1e6)) * 10n ** 12n;
const id = (number: number) => accountId(numberToHex(number, { size: 32 }));
const slice = { vol: 60_000_000n, rho: -200_000_000n, phi: 1_000_000_000n };

function market(btc: number): HubMarket {
  const strikes = [0.7, 0.85, 1, 1.15, 1.3].flatMap((share) => EXPIRIES.map((expiry) => ({ strike: cash(60_000 * share), expiry })));
  const underlying = (spot: number, index: bigint) => ({
    spot: cash(spot),
    mark: cash(spot * 1.0005),
    index,
    strikes: new Map(strikes.map((entry, place) => [place, entry])),
    expiries: new Map(
      EXPIRIES.map((expiry) => [expiry, { forward: cash(spot * 1.001), averaged: 0n, slice: expiry > NOW ? slice : null }]),
    ),
  });
  const tiers = (maintenance: bigint) => [{ from: 0n, maintenance, initialExtra: maintenance }];
  return {
    now: NOW,
    underlyings: new Map([
      [1, underlying(btc, 3n * WAD)],
      [2, underlying(3_000, 0n)],
    ]),
    assets: new Map([
      [1, { decimals: 8, price: cash(btc), underlying: 1, class: 0, chain: { initial: WAD / 50n, maintenance: WAD / 100n } }],
    ]),
    classes: [tiers(WAD / 20n)],
    portfolio: PortfolioParameters.parse(PARAMETER_SETS['lockstep']),
    cross: StandardParameters.parse(PARAMETER_SETS['lockstep-cross']),
    isolated: StandardParameters.parse(PARAMETER_SETS['lockstep-isolated']),
  };
}

/** A stream of numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Accounts around their maintenance margin: perpetuals everywhere, options under portfolio margin and some cross accounts, collateral, debts. */
function accounts(count: number, seed: number): ExposedAccount[] {
  const draw = random(seed);
  return Array.from({ length: count }, (_, number): ExposedAccount => {
    const mode = (['cross', 'portfolio', 'isolated'] as const)[number % 3] ?? 'cross';
    const withOptions = mode === 'portfolio' || (mode === 'cross' && draw() < 0.2);
    const size = (draw() - 0.5) * 4;
    const options = withOptions
      ? Array.from({ length: Math.ceil(draw() * 6) }, (__, at) => ({
          place: (at * 2 + (number % 2)) % 15,
          isPut: draw() < 0.5,
          lots: BigInt(Math.round((draw() - 0.5) * 2_000)) || 1n,
        }))
      : [];
    return {
      account: id(number + 1),
      mode,
      holdings: {
        cash: cash(draw() * 12_000 - 2_000),
        initialFactor: number % 7 === 0 ? 150 : 0,
        maxLeverage: 0,
        collateral: draw() < 0.4 ? [{ assetId: 1, amount: BigInt(Math.round(draw() * 1e7)) }] : [],
        underlyings: [
          { underlying: 1, size: cash(size), quote: cash(-size * 60_000), options },
          ...(draw() < 0.3 ? [{ underlying: 2, size: cash(draw() * 4), quote: cash(-6_000), options: [] }] : []),
        ],
      },
      indexes: new Map([[1, 2n * WAD]]),
    };
  });
}

const rulesOf = (at: HubMarket, { mode }: ExposedAccount) => ({
  ...at[mode],
  haircuts: { '0': at.classes[0] ?? [] },
  chains: {
    add: { '1': { maintenance: WAD / 100n, initialExtra: WAD / 100n } },
    states: { degraded: NONE, quarantined: NONE, 'written-down': NONE },
  },
  ...(mode === 'portfolio' ? { correlated: [] } : {}),
});
const NONE = { maintenance: 0n, initialExtra: 0n };

/** Cash that many of the accounts below lack, and many do not. */
const LEAST = 1_500;
/** The exact engine is slow on scenarios: of every so many accounts under portfolio margin one is compared. */
const SAMPLE = 20;

describe('given ten thousand accounts and a price epoch', () => {
  const all = accounts(10_000, 7);

  it.each([60_000, 54_000, 67_000])(
    'at %d everyone below maintenance margin is named, nobody clearly above it, the worst first',
    (price) => {
      const at = market(price);
      const suspects = detect(at, all);
      const named = new Set(suspects.map(({ account }) => account));
      const compared = all.filter(({ mode }, number) => mode !== 'portfolio' || number % SAMPLE === 1);
      const distances = compared.map((account) => {
        const { equity, maintenanceMargin } = evaluate(portfolioOf(at, account), rulesOf(at, account));
        return { account: account.account, distance: equity - maintenanceMargin };
      });
      const below = distances.filter(({ distance }) => distance < 0n);
      expect(below.filter(({ account }) => !named.has(account))).toEqual([]);
      expect(distances.filter(({ account, distance }) => distance > WAD && named.has(account))).toEqual([]);
      expect(below.length).toBeGreaterThan(compared.length / 20);
      expect(below.length).toBeLessThan((compared.length * 19) / 20);
      const lacking = suspects.map((one) => one.lacking);
      expect(lacking).toEqual([...lacking].sort((a, b) => b - a));
      // What is said to be lacking is at least what is.
      const most = new Map(suspects.map((one) => [one.account, one.lacking]));
      for (const { account, distance } of below) expect(most.get(account)).toBeGreaterThanOrEqual(Number(-distance) / 1e18);
      // Whoever lacks as much as is asked for is named all the same.
      const large = new Set(detect(at, all, LEAST).map(({ account }) => account));
      expect(below.filter(({ account, distance }) => -distance >= BigInt(LEAST) * WAD && !large.has(account))).toEqual([]);
      expect(large.size).toBeLessThanOrEqual(named.size);
    },
  );
});

describe('given a thousand tiny accounts deep below maintenance margin, and a large one that lacks a twentieth of it', () => {
  const perpetualOf = (account: AccountId, size: bigint, own: bigint): ExposedAccount => ({
    ...{ account, mode: 'cross', indexes: new Map([[1, 2n * WAD]]) },
    holdings: {
      ...{ cash: own, initialFactor: 0, maxLeverage: 0, collateral: [] },
      underlyings: [{ underlying: 1, size, quote: mulDown(-size, 60_000n * WAD), options: [] }],
    },
  });
  const dust = Array.from({ length: 1_000 }, (_, number) => perpetualOf(id(number + 1), WAD / 1_000_000n, 0n));
  const whale = id(5_000);
  const at = market(60_000);
  const without = perpetualOf(whale, 1_000n * WAD, 0n);
  const { equity, maintenanceMargin } = evaluate(portfolioOf(at, without), rulesOf(at, without));
  const large = perpetualOf(whale, 1_000n * WAD, (maintenanceMargin * 95n) / 100n - equity);

  it('the large one comes first', () => {
    const suspects = detect(at, [...dust, large]);
    expect(suspects).toHaveLength(1_001);
    expect(suspects[0]?.account).toBe(whale);
    // By health it would have come last.
    expect(suspects.filter(({ health }) => health < (suspects[0]?.health ?? 0))).toHaveLength(1_000);
  });

  it('twenty thousand that cannot lack as much as is asked for are passed over', () => {
    const many = [...Array.from({ length: 20 }, () => dust).flat(), large];
    expect(detect(at, many)).toHaveLength(many.length);
    expect(detect(at, many, 10).map(({ account }) => account)).toEqual([whale]);
  });
});

describe('given more suspects than may be asked about', () => {
  const suspect = (number: number, lacking: number, short: number) => ({
    ...{ account: id(number), lacking, short },
    health: 0,
    margin: 1,
  });
  const coarse = Array.from({ length: 50 }, (_, at) => suspect(at + 1, 1e6 - at, -1));
  const whale = suspect(100, 50_000, 49_000);

  it('coarse figures of others take no more than half of the places', () => {
    const asked = worstOf([...coarse, whale], 4);
    expect(asked).toEqual([whale, coarse[0], coarse[1], coarse[2]].map((one) => one?.account));
    expect(worstOf([whale, ...coarse], 4)).toHaveLength(4);
    expect(worstOf([whale, ...coarse.slice(0, 3)], 4)).toHaveLength(4);
  });
});

describe('given an account as it was read a while ago', () => {
  const at = market(60_000);
  const [base] = accounts(1, 1);
  const held = (size: number, index: bigint): ExposedAccount => ({
    ...{ account: id(1), mode: 'cross' as const },
    holdings: {
      ...base!.holdings,
      cash: 0n,
      collateral: [],
      underlyings: [{ underlying: 1, size: cash(size), quote: cash(-60_000), options: [] }],
    },
    indexes: new Map([[1, index]]),
  });

  it('funding since then counts: a long has paid it', () => {
    const equity = (index: bigint): bigint => evaluate(portfolioOf(at, held(1, index)), rulesOf(at, held(1, index))).equity;
    expect(equity(3n * WAD) - equity(2n * WAD)).toBe(WAD);
  });

  it('what it holds and the market does not have is named', () => {
    const unknown = {
      ...held(1, 0n),
      holdings: { ...held(1, 0n).holdings, underlyings: [{ underlying: 9, size: WAD, quote: 0n, options: [] }] },
    };
    expect(() => detect(at, [unknown])).toThrow('the market has no underlying 9; expected it');
  });
});

describe('given several keepers', () => {
  const keepers = [0xa1, 0xb2, 0xc3].map((byte) => numberToHex(byte, { size: 20 }));

  it('each has its turn, the same at every question, and who goes first differs between accounts and blocks', () => {
    const firsts = new Map<string, number>();
    for (let number = 1; number <= 300; number++) {
      const turns = keepers.map((keeper) => turnOf(id(number), keeper, BigInt(number % 3), 3));
      expect(turns).toEqual(keepers.map((keeper) => turnOf(id(number), keeper, BigInt(number % 3), 3)));
      turns.forEach((turn, index) => {
        expect(turn >= 0n && turn < 3n).toBe(true);
        if (turn === 0n) firsts.set(keepers[index] ?? '', (firsts.get(keepers[index] ?? '') ?? 0) + 1);
      });
    }
    for (const count of firsts.values()) expect(count).toBeGreaterThan(60);
    expect(firsts.size).toBe(3);
    expect(turnOf(id(1), keepers[0] ?? '0x', 5n, 1)).toBe(0n);
  });

  it('those who know each other have places of their own with every account, and each is first with about as many', () => {
    const firsts = new Map<string, number>();
    for (let number = 1; number <= 300; number++) {
      // Whether it is in its own list, and in what order that is, makes no difference.
      const places = keepers.map((keeper, index) => placeOf(id(number), keeper, index === 0 ? keepers : [...keepers].reverse()));
      expect(places).toEqual(
        keepers.map((keeper) =>
          placeOf(
            id(number),
            keeper,
            keepers.filter((one) => one !== keeper),
          ),
        ),
      );
      expect([...places].sort()).toEqual([0n, 1n, 2n]);
      const first = keepers[places.indexOf(0n)] ?? '';
      firsts.set(first, (firsts.get(first) ?? 0) + 1);
    }
    expect(firsts.size).toBe(3);
    for (const count of firsts.values()) expect(count).toBeGreaterThan(60);
    expect(placeOf(id(1), keepers[0] ?? '0x', [])).toBe(0n);
  });
});
