import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ChainState } from '../../src/liquidation/choice.js';
import { payoutLegs, winnings, type BidSides, type PayoutRoute, type PayoutVault } from '../../src/liquidation/payout.js';
import { WAD } from '../../src/risk/decimal.js';
import { eid } from '../../src/units.js';

const USDC = 10n ** 12n;
const costs = { degraded: WAD / 50n, quarantined: WAD / 2n };
const vault = (on: number, free: bigint, message = 0n, state: ChainState = { kind: 'healthy' }, unit = USDC): PayoutVault => ({
  ...{ eid: eid(on), asset: on, message: message * WAD, state, unit },
  free: free * WAD,
});
const vaults = [vault(1, 100n), vault(2, 1_000n), vault(3, 300n)];

describe('given cash a liquidator won', () => {
  it('on one chain, he is paid there, whatever it has free', () => {
    expect(payoutLegs(500n * WAD + 1n, { kind: 'one', eid: eid(1) }, vaults, costs)).toEqual({
      legs: [{ eid: 1, asset: 1, cash: 500n * WAD }],
      kept: 1n,
    });
  });

  it('on several, each pays its part', () => {
    const parts = [
      { eid: eid(3), share: WAD / 4n },
      { eid: eid(2), share: (3n * WAD) / 4n },
    ];
    expect(payoutLegs(400n * WAD, { kind: 'several', parts }, vaults, costs).legs).toEqual([
      { eid: 3, asset: 3, cash: 100n * WAD },
      { eid: 2, asset: 2, cash: 300n * WAD },
    ]);
  });

  it('by best free liquidity, as few messages as pay it, and nothing that would wait', () => {
    const dear = [vault(1, 100n, 5n), vault(2, 1_000n, 5n), vault(3, 300n, 5n)];
    expect(payoutLegs(900n * WAD, { kind: 'best' }, dear, costs)).toEqual({ legs: [{ eid: 2, asset: 2, cash: 900n * WAD }], kept: 0n });
    const more = payoutLegs(1_500n * WAD, { kind: 'best' }, dear, costs);
    expect(more.kept).toBe(100n * WAD);
    expect(more.legs.length).toBe(3);
  });

  it('by best free liquidity, a chain in trouble comes last', () => {
    const troubled = [vault(1, 1_000n, 0n, { kind: 'quarantined' }), vault(2, 100n), vault(3, 100n, 0n, { kind: 'degraded' })];
    expect(payoutLegs(250n * WAD, { kind: 'best' }, troubled, costs)).toEqual({
      legs: [
        { eid: 2, asset: 2, cash: 100n * WAD },
        { eid: 3, asset: 3, cash: 100n * WAD },
        { eid: 1, asset: 1, cash: 50n * WAD },
      ],
      kept: 0n,
    });
  });

  it('a chain without a vault and parts that are not a whole are named', () => {
    expect(() => payoutLegs(WAD, { kind: 'one', eid: eid(9) }, vaults, costs)).toThrow(
      'no vault of chain 9 pays cash; expected one of 1,2,3',
    );
    const parts = [{ eid: eid(1), share: WAD / 2n }];
    expect(() => payoutLegs(WAD, { kind: 'several', parts }, vaults, costs)).toThrow(
      `the parts of the payout sum to ${WAD / 2n}; expected ${WAD}`,
    );
  });

  const route: fc.Arbitrary<PayoutRoute> = fc.oneof(
    fc.constant<PayoutRoute>({ kind: 'best' }),
    fc.integer({ min: 1, max: 3 }).map((on): PayoutRoute => ({ kind: 'one', eid: eid(on) })),
    fc.bigInt(0n, WAD).map((share): PayoutRoute => {
      const parts = [
        { eid: eid(1), share },
        { eid: eid(3), share: WAD - share },
      ];
      return { kind: 'several', parts };
    }),
  );

  it('of any, by any route: legs and what is kept are the cash, legs are whole units, and the best route pays at once', () => {
    const states: readonly ChainState[] = [{ kind: 'healthy' }, { kind: 'degraded' }, { kind: 'quarantined' }];
    const frees = fc.tuple(fc.bigInt(0n, 10n ** 24n), fc.bigInt(0n, 10n ** 24n), fc.bigInt(0n, 10n ** 24n));
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 24n), route, frees, (cash, wanted, free) => {
        const those = free.map((amount, index) => ({
          ...vault(index + 1, 0n, BigInt(index), states[(index + Number(cash % 3n)) % 3]),
          free: amount,
        }));
        const { legs, kept } = payoutLegs(cash, wanted, those, costs);
        expect(legs.reduce((sum, leg) => sum + leg.cash, kept)).toBe(cash);
        expect(kept >= 0n).toBe(true);
        for (const leg of legs) {
          expect(leg.cash > 0n && leg.cash % USDC === 0n).toBe(true);
          if (wanted.kind === 'best') expect(leg.cash <= (those[leg.eid - 1]?.free ?? 0n)).toBe(true);
        }
        if (wanted.kind !== 'best') expect(kept < 2n * USDC).toBe(true);
      }),
    );
  });
});

describe('given a bid that wins something', () => {
  const bid = { share: WAD / 2n, most: WAD, fitting: WAD / 2n, price: 400n * WAD, gain: 100n * WAD, ceiling: 400n * WAD, commits: 0n };
  const sides = (sold: Partial<BidSides['sold']>, bidder: Partial<BidSides['bidder']> = {}): BidSides => ({
    sold: { initial: 300n * WAD, margin: 200n * WAD, cash: 500n * WAD, reserve: 100n * WAD, ...sold },
    bidder: { free: 10_000n * WAD, cash: 10_000n * WAD, ...bidder },
  });

  it('what it wins at its price limit may leave, and nothing of what was there before', () => {
    expect(winnings(bid, 410n * WAD, sides({}))).toBe(90n * WAD);
    expect(winnings({ ...bid, price: -50n * WAD, gain: 20n * WAD }, -45n * WAD, sides({ cash: 0n, reserve: 0n }))).toBe(15n * WAD);
  });

  it('no more than initial margin leaves free afterwards', () => {
    expect(winnings(bid, 400n * WAD, sides({}, { free: 80n * WAD }))).toBe(30n * WAD);
    expect(winnings(bid, 400n * WAD, sides({}, { free: 50n * WAD }))).toBe(0n);
  });

  it('no more cash than there is after the price was paid', () => {
    // Half of 400 comes with the share.
    expect(winnings(bid, 400n * WAD, sides({}, { cash: 230n * WAD }))).toBe(30n * WAD);
    expect(winnings(bid, 400n * WAD, sides({ cash: -600n * WAD }, { cash: 760n * WAD }))).toBe(10n * WAD);
  });

  it('nothing, where the limit leaves no gain', () => {
    expect(winnings(bid, 500n * WAD, sides({}))).toBe(0n);
  });
});
