import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AUCTION_TERMS } from '../../src/liquidation/auction.js';
import { decideShortfallBid, shortfallStep, type SeenDebtor } from '../../src/liquidation/shortfall.js';

const E18 = 10n ** 18n;
const limits = { limit: 1_000n * E18, goal: 500n * E18 };
const seen = (part: Partial<SeenDebtor> = {}): SeenDebtor => ({
  ...{ debt: 2_000n * E18, equity: 900n * E18, margin: 100n * E18, inAuction: false, startedAt: null },
  ...part,
});
const rich = { free: 10n ** 30n, budget: 10n ** 30n, required: 0n, cost: 0n };
const bid = (part: Partial<SeenDebtor>, bidder = rich, now = 110n, value = 10_000n * E18) =>
  decideShortfallBid(AUCTION_TERMS, limits, seen({ startedAt: 100n, ...part }), value, bidder, now);

describe('given an account that owes cash', () => {
  it.each<[string, Partial<SeenDebtor>, 'start' | 'end' | null]>([
    ['past the limit, its collateral is auctioned', {}, 'start'],
    ['at the limit, it is not', { debt: limits.limit }, null],
    ['below maintenance margin, it is liquidated instead', { equity: 99n * E18 }, null],
    ['in liquidation, it is left alone', { inAuction: true }, null],
    ['while it is auctioned and owes more than the goal, it goes on', { startedAt: 1n, debt: limits.goal + 1n }, null],
    ['at the goal, it ends', { startedAt: 1n, debt: limits.goal }, 'end'],
    ['and where it has become a liquidation', { startedAt: 1n, inAuction: true }, 'end'],
    ['or is about to', { startedAt: 1n, equity: 0n }, 'end'],
  ])('%s', (_, part, step) => {
    expect(shortfallStep(limits, seen(part))).toBe(step);
  });
});

describe('given an auction of collateral', () => {
  it('bids what covers the debt down to the goal with the fee, and no more', () => {
    const { share, price } = bid({}) ?? { share: 0n, price: 0n };
    const paid = price - (price * AUCTION_TERMS.feeLeast) / E18;
    expect(paid).toBeGreaterThanOrEqual(1_500n * E18 - 1n);
    expect(paid).toBeLessThan(1_501n * E18);
    expect(share).toBeLessThan(E18);
  });
  it('waits in the second of the start, where nothing is left to cover, and until the discount is enough', () => {
    expect(bid({}, rich, 100n)).toBeNull();
    expect(bid({ debt: limits.goal })).toBeNull();
    expect(bid({ startedAt: null })).toBeNull();
    expect(bid({}, rich, 110n, 0n)).toBeNull();
    const required = { ...rich, required: (20n * E18) / 100n };
    expect(bid({}, required)).toBeNull();
    expect(bid({}, required, 100n + AUCTION_TERMS.fastSeconds)).not.toBeNull();
    // Nothing is sold below where the fast leg ends.
    expect(bid({}, { ...rich, required: (31n * E18) / 100n }, 10_000_000n)).toBeNull();
  });
  it('leaves alone what gains less than its gas costs', () => {
    const { share = 0n, price = 0n } = bid({}, rich, 130n) ?? {};
    const gain = share * 10_000n - price;
    expect(bid({}, { ...rich, cost: gain - 10n }, 130n)?.share).toBe(share);
    expect(bid({}, { ...rich, cost: gain + 10n }, 130n)).toBeNull();
  });
  it('asks for what it can afford, so that a bid that is mined later, at a larger discount, covers the debt too', () => {
    const needed = (at: bigint) => bid({}, rich, at)?.share ?? 0n;
    const made = bid({}, rich, 130n);
    expect(needed(140n)).toBeGreaterThan(needed(130n));
    expect(made?.most).toBeGreaterThanOrEqual(needed(140n));
    const poor = { ...rich, budget: 1_000n * E18 };
    const small = bid({}, poor, 130n);
    expect(small?.most).toBe(small?.share);
  });
  it('never pays more than it has or may spend', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 5_000n * E18), fc.bigInt(0n, 5_000n * E18), fc.bigInt(101n, 3_000n), (free, budget, now) => {
        const made = bid({}, { free, budget, required: 0n, cost: 0n }, now);
        if (made === null) return;
        expect(made.price).toBeLessThanOrEqual((free < budget ? free : budget) + 1n);
        expect(made.share > 0n && made.share <= E18).toBe(true);
      }),
    );
  });
});
