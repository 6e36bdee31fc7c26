import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeInstrument, encodeInstrument, price, type InstrumentId } from '../../src/exchange/instrument.js';
import { settleExpired } from '../../src/markets/expiry.js';
import { indexAt } from '../../src/markets/funding.js';
import { expiryCash } from '../../src/markets/option.js';
import { quoteAt } from '../../src/markets/perpetual.js';
import { ACCOUNT_LIMITS, NO_POSITIONS, type CashMove, type MarketsState } from '../../src/markets/state.js';
import { trade, type Trade } from '../../src/markets/trade.js';
import { unixSeconds } from '../../src/units.js';
import {
  ACCOUNTS,
  anyStep,
  EXPIRIES,
  fresh,
  INSTRUMENTS,
  market,
  perpetualOf,
  pricesAt,
  SERIES,
  START,
  type Step,
  STRIKES,
  UNDERLYINGS,
} from './world.js';

const LOT = 10n ** 15n;
const E18 = 10n ** 18n;
const [alice, bob] = ACCOUNTS;
if (alice === undefined || bob === undefined) throw new Error('the test has no accounts');
const at = pricesAt(START, 60_000n * E18, 60_000n * E18);

/** A hub that walks through steps and remembers what the ledger would. */
class Walk {
  state: MarketsState = fresh();
  clearing = 0n;
  roundings = 0n;
  traded = 0;
  prices = at;
  #now = START;

  step(step: Step): void {
    switch (step.kind) {
      case 'trade':
        this.#trade(step);
        return;
      case 'settle': {
        const account = ACCOUNTS[step.account];
        if (account !== undefined) this.#settle(account, step.underlying);
        return;
      }
      case 'wait':
        this.#now += step.seconds;
        this.prices = pricesAt(this.#now, step.mark, step.spot);
    }
  }

  settleAll(): void {
    this.#now = START + 1000n * 3600n;
    this.prices = pricesAt(this.#now, 55_000n * E18, 55_000n * E18);
    for (const account of ACCOUNTS) for (const underlying of UNDERLYINGS) this.#settle(account, underlying);
  }

  /** What the accounts' positions are owed out of the clearing account, at the funding of now. */
  owed(): bigint {
    let sum = 0n;
    for (const { perpetuals } of this.state.accounts.values())
      for (const [underlying, position] of perpetuals) {
        const { funding } = this.state.markets.get(underlying) ?? market();
        sum += quoteAt(position, indexAt(funding, this.#now));
      }
    return sum;
  }

  #settle(account: (typeof ACCOUNTS)[number], underlying: number): void {
    const { state, moves } = settleExpired(this.state, account, underlying, this.prices);
    this.state = state;
    this.#book(moves);
  }

  #trade({ buyer, seller, instrument, lots, dust, price: limit }: Extract<Step, { kind: 'trade' }>): void {
    const id = INSTRUMENTS[instrument];
    const [from, to] = [ACCOUNTS[seller], ACCOUNTS[buyer]];
    if (id === undefined || from === undefined || to === undefined) throw new Error('a step of nothing');
    const size = lots * LOT + (decodeInstrument(id).kind === 'perpetual' ? dust : 0n);
    const result = trade(this.state, { buyer: to, seller: from, instrument: id, size, price: limit }, this.prices);
    if (result.kind === 'refused') return;
    this.traded++;
    this.state = result.state;
    this.#book(result.moves);
    this.roundings += 8n;
  }

  #book(moves: readonly CashMove[]): void {
    for (const { change } of moves) this.clearing -= change;
    this.roundings += BigInt(moves.length);
  }
}

const sizeSum = (state: MarketsState, underlying: number): bigint =>
  [...state.accounts.values()].reduce((sum, { perpetuals }) => sum + (perpetuals.get(underlying)?.size ?? 0n), 0n);
const lotSum = (state: MarketsState, id: InstrumentId): bigint =>
  [...state.accounts.values()].reduce((sum, { options }) => sum + (options.get(id) ?? 0n), 0n);

describe('given any walk of trades, settlements and time', () => {
  const walks = fc.array(anyStep, { minLength: 20, maxLength: 120 });

  it('INV-POS-1: sizes of a perpetual sum to zero, and so do the lots of a series nobody has settled', () => {
    fc.assert(
      fc.property(walks, (steps) => {
        const walk = new Walk();
        for (const step of steps) {
          walk.step(step);
          for (const underlying of UNDERLYINGS) expect(sizeSum(walk.state, underlying)).toBe(0n);
          for (const id of SERIES) {
            const held = decodeInstrument(id);
            if (held.kind !== 'perpetual' && walk.prices.now < held.expiry) expect(lotSum(walk.state, id)).toBe(0n);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('INV-CASH-1: what left accounts covers what positions are owed, and no more than roundings above it', () => {
    let traded = 0;
    fc.assert(
      fc.property(walks, (steps) => {
        const walk = new Walk();
        for (const step of steps) walk.step(step);
        walk.settleAll();
        traded += walk.traded;
        const over = walk.clearing - walk.owed();
        expect(over >= 0n).toBe(true);
        // Each reading of a quote may round once more.
        expect(over <= walk.roundings + BigInt(ACCOUNTS.length * UNDERLYINGS.length)).toBe(true);
      }),
      { numRuns: 200 },
    );
    expect(traded).toBeGreaterThan(1000);
  });

  it('open interest is the sum of the longs, and nothing remains when all is settled', () => {
    fc.assert(
      fc.property(walks, (steps) => {
        const walk = new Walk();
        for (const step of steps) {
          walk.step(step);
          for (const underlying of UNDERLYINGS) {
            const longs = [...walk.state.accounts.values()].map(({ perpetuals }) => perpetuals.get(underlying)?.size ?? 0n);
            expect(walk.state.markets.get(underlying)?.openPerpetual).toBe(longs.reduce((sum, size) => sum + (size > 0n ? size : 0n), 0n));
          }
        }
        walk.settleAll();
        for (const underlying of UNDERLYINGS) expect(walk.state.markets.get(underlying)?.openLots).toBe(0n);
        for (const { options } of walk.state.accounts.values()) expect(options.size).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a trade', () => {
  const perpetual: Trade = { buyer: alice, seller: bob, instrument: perpetualOf(1), size: E18, price: 60_000n * E18 };
  const call = encodeInstrument({ kind: 'call', underlying: 1, expiry: unixSeconds(EXPIRIES[0] ?? 0n), strike: price(STRIKES[0] ?? 0n) });
  const why = (state: MarketsState, order: Trade, prices = at): string => {
    const result = trade(state, order, prices);
    return result.kind === 'refused' ? result.why.code : 'traded';
  };
  const withMarket = (change: object): MarketsState => ({ ...fresh(), markets: new Map([[1, { ...market(), ...change }]]) });

  it('given an option, the premium is one payment', () => {
    const result = trade(fresh(), { buyer: alice, seller: bob, instrument: call, size: 3n * LOT, price: 10n ** 18n + 1n }, at);
    if (result.kind === 'refused') throw new Error(result.why.code);
    expect(result.moves).toEqual([
      { account: alice, change: -3n * LOT },
      { account: bob, change: 3n * LOT },
    ]);
    expect(result.state.accounts.get(alice)?.options).toEqual(new Map([[call, 3n]]));
    expect(result.state.markets.get(1)?.series.get(call)).toBe(3n);
  });

  it.each<[string, string, MarketsState, Trade, typeof at?]>([
    ['one account on both sides', 'SAME_ACCOUNT', fresh(), { ...perpetual, seller: alice }],
    ['an underlying nobody listed', 'UNDERLYING_NOT_OPEN', fresh(), { ...perpetual, instrument: perpetualOf(9) }],
    ['an underlying that is closed', 'UNDERLYING_NOT_OPEN', withMarket({ standing: 'closed' }), perpetual],
    ['an underlying that only reduces, and nothing held', 'UNDERLYING_NOT_OPEN', withMarket({ standing: 'reduce-only' }), perpetual],
    ['no size', 'SIZE_INVALID', fresh(), { ...perpetual, size: 0n }],
    ['part of a lot', 'SIZE_INVALID', fresh(), { ...perpetual, instrument: call, size: LOT + 1n }],
    ['a series that is not listed', 'SERIES_UNKNOWN', withMarket({ series: new Map() }), { ...perpetual, instrument: call }],
    ['a series at its expiry', 'SERIES_EXPIRED', fresh(), { ...perpetual, instrument: call }, pricesAt(EXPIRIES[0] ?? 0n, E18, E18)],
    ['more than may be open', 'OPEN_INTEREST_CAP', withMarket({ perpetualCap: E18 - 1n }), perpetual],
    ['more option lots than may be open', 'OPEN_INTEREST_CAP', withMarket({ optionCap: 999n }), { ...perpetual, instrument: call }],
    ['a position no field holds', 'POSITION_OUT_OF_RANGE', withMarket({ perpetualCap: 2n ** 110n }), { ...perpetual, size: 2n ** 103n }],
  ])('given %s, it is refused: %s', (_, code, state, order, ...[prices]) => {
    expect(why(state, order, prices)).toBe(code);
  });

  it('given an underlying that only reduces, both sides may come out smaller', () => {
    const opened = trade(fresh(), perpetual, at);
    if (opened.kind === 'refused') throw new Error(opened.why.code);
    const markets = new Map([[1, { ...(opened.state.markets.get(1) ?? market()), standing: 'reduce-only' as const }]]);
    const state = { ...opened.state, markets };
    expect(why(state, { ...perpetual, buyer: bob, seller: alice })).toBe('traded');
    expect(why(state, { ...perpetual, buyer: bob, seller: alice, size: 2n * E18 })).toBe('UNDERLYING_NOT_OPEN');
  });

  it('given an isolated account, it holds one instrument at a time', () => {
    const opened = trade({ ...fresh(), accounts: new Map([[alice, { ...NO_POSITIONS, mode: 'isolated' }]]) }, perpetual, at);
    if (opened.kind === 'refused') throw new Error(opened.why.code);
    expect(why(opened.state, { ...perpetual, instrument: call })).toBe('ISOLATED_HOLDS_ONE');
    expect(why(opened.state, perpetual)).toBe('traded');
  });

  it.each<[string, keyof typeof ACCOUNT_LIMITS, (i: number) => InstrumentId]>([
    [
      'POSITION_LIMIT',
      'options',
      (i) => encodeInstrument({ kind: 'put', underlying: 1, expiry: unixSeconds(START + 3600n), strike: price(BigInt(i + 1) * E18) }),
    ],
    [
      'EXPIRY_LIMIT',
      'expiries',
      (i) => encodeInstrument({ kind: 'put', underlying: 1, expiry: unixSeconds(START + 3600n * BigInt(i + 1)), strike: price(E18) }),
    ],
    ['UNDERLYING_LIMIT', 'underlyings', (i) => perpetualOf(i)],
  ])('given as much as an account may hold, one more is refused: %s', (code, limit, nth) => {
    const most = ACCOUNT_LIMITS[limit];
    const ids = Array.from({ length: most + 1 }, (_, i) => nth(i));
    const markets = new Map(Array.from({ length: 5 }, (_, i) => [i, { ...market(), series: new Map(ids.map((id) => [id, 0n])) }]));
    let state: MarketsState = { ...fresh(), markets };
    const outcomes = ids.map((instrument) => {
      const result = trade(state, { ...perpetual, instrument }, at);
      if (result.kind === 'traded') state = result.state;
      return result.kind === 'traded' ? 'traded' : result.why.code;
    });
    expect(outcomes).toEqual([...Array<string>(most).fill('traded'), code]);
  });
});

describe('settlement of an expiry', () => {
  it('given longs and shorts, each gets its payoff, rounded down once, and the first fixes the price', () => {
    const options = [
      { kind: 'call', strike: 50_000n * E18, lots: 3n },
      { kind: 'put', strike: 61_000n * E18, lots: -2n },
    ] as const;
    expect(expiryCash(options, 60_000n * E18)).toBe(28n * E18);
    expect(expiryCash([{ kind: 'call', strike: 1n, lots: 1n }], 2n)).toBe(0n);
    expect(expiryCash([{ kind: 'call', strike: 1n, lots: -1n }], 2n)).toBe(-1n);
    const id = SERIES[0];
    if (id === undefined) throw new Error('no series');
    const opened = trade(fresh(), { buyer: alice, seller: bob, instrument: id, size: E18, price: E18 }, at);
    if (opened.kind === 'refused') throw new Error(opened.why.code);
    const over = (EXPIRIES[0] ?? 0n) + 1n;
    const first = settleExpired(opened.state, alice, 1, pricesAt(over, E18, 60_000n * E18));
    const second = settleExpired(first.state, bob, 1, pricesAt(over + 1n, E18, 99_000n * E18));
    expect(first.moves).toEqual([{ account: alice, change: 10_000n * E18 }]);
    expect(second.moves).toEqual([{ account: bob, change: -10_000n * E18 }]);
  });
  it('given no price yet, nothing moves', () => {
    const state = fresh();
    expect(settleExpired(state, alice, 1, { ...at, settlement: () => null })).toEqual({ state, moves: [] });
  });
});
