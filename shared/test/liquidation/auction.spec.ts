import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  AUCTION_TERMS,
  bidPrice,
  discountAt,
  feeRate,
  type Health,
  isSolvent,
  maxFraction,
  payout,
  resumedAge,
  shareLimit,
  startFee,
  stepLeft,
  stepTaken,
  target,
  waterfall,
} from '../../src/liquidation/auction.js';
import { WAD } from '../../src/risk/decimal.js';

const terms = AUCTION_TERMS;
const wad = (value: number): bigint => BigInt(Math.round(value * 1e6)) * 10n ** 12n;
const amount = (most = 10n ** 30n): fc.Arbitrary<bigint> => fc.bigInt(0n, most);
const age = fc.bigInt(0n, 100_000n);
const share = fc.bigInt(1n, WAD);

/** Below maintenance margin, with something of value for sale. */
const breached: fc.Arbitrary<Health> = fc.tuple(fc.bigInt(2n, 10n ** 30n), share, share).map(([margin, part, kept]) => {
  const equity = 1n + ((margin - 2n) * part) / WAD;
  return { equity, margin, reserve: ((equity - 1n) * kept) / WAD };
});

/** Sells a share of everything but the reserve; what is left of the margin is at most its share, as margins grow at least with size. */
function afterBid(health: Health, sold: bigint, discount: bigint): Health & { readonly price: bigint } {
  const price = bidPrice(health, sold, discount);
  // The slice's value is rounded up, the margin that stays too: both against the account.
  const slice = -((-sold * (health.equity - health.reserve)) / WAD);
  return {
    equity: health.equity - slice + price,
    margin: health.margin - (sold * health.margin) / WAD,
    reserve: health.reserve + price,
    price,
  };
}

describe('the discount of an auction', () => {
  it.each([
    [0n, 0.95],
    [450n, 0.825],
    [900n, 0.7],
    [900n + 21_600n, 0.35],
    [900n + 43_200n, 0],
    [1_000_000n, 0],
  ])('given an age of %s s, a bidder pays the figure of the curve', (seconds, expected) => {
    expect(discountAt(terms, seconds)).toBe(wad(expected));
  });

  it('given any two ages, it never rises and stays within its ends', () => {
    fc.assert(
      fc.property(age, age, (a, b) => {
        const [early, late] = a < b ? [a, b] : [b, a];
        expect(discountAt(terms, early)).toBeGreaterThanOrEqual(discountAt(terms, late));
        expect(discountAt(terms, early)).toBeLessThanOrEqual(terms.fastFrom);
        expect(discountAt(terms, late)).toBeGreaterThanOrEqual(0n);
      }),
    );
  });

  it('given a restart within 30 minutes it goes on where it was, later it begins anew', () => {
    expect(resumedAge(terms, 1_234n, 1_800n)).toBe(1_234n);
    expect(resumedAge(terms, 1_234n, 1_801n)).toBe(0n);
  });
});

describe('a bid on a solvent account', () => {
  it('given a hand-made account, the fraction and the price are those of the formula', () => {
    // T = 1.15 · 100 = 115; s = (115 − 90) / (115 − 90 · 0.05) = 25 / 110.5
    const health = { equity: 90n * WAD, margin: 100n * WAD, reserve: 0n };
    const fraction = maxFraction(terms, health, wad(0.95));
    expect(fraction).toBe((25n * WAD * 10n) / 1105n + 1n);
    expect(bidPrice(health, WAD / 2n, wad(0.95))).toBe((4275n * WAD) / 100n);
  });

  it('INV-LIQ-2: given any share, equity − margin does not fall by more than the rounding of the slice', () => {
    fc.assert(
      fc.property(breached, share, age, (health, sold, seconds) => {
        const next = afterBid(health, sold, discountAt(terms, seconds));
        expect(next.equity - next.margin).toBeGreaterThanOrEqual(health.equity - health.margin - 2n);
        expect(next.reserve).toBeLessThanOrEqual(next.equity + 2n);
      }),
      { numRuns: 2_000 },
    );
  });

  it('given the largest fraction, the account stands at its target: no less, and no more than roundings', () => {
    fc.assert(
      fc.property(breached, age, (health, seconds) => {
        const discount = discountAt(terms, seconds);
        const fraction = maxFraction(terms, health, discount);
        expect(fraction).toBeGreaterThan(0n);
        expect(fraction).toBeLessThanOrEqual(WAD);
        const next = afterBid(health, fraction, discount);
        const slack = target(terms, health.margin) / WAD + 4n;
        expect(next.equity - target(terms, next.margin)).toBeGreaterThanOrEqual(-slack);
        expect(next.equity - target(terms, next.margin)).toBeLessThanOrEqual(slack);
      }),
      { numRuns: 2_000 },
    );
  });

  it('given a deposit during the auction, what may still be sold does not grow', () => {
    fc.assert(
      fc.property(breached, age, amount(), (health, seconds, deposit) => {
        const discount = discountAt(terms, seconds);
        // A deposit is for sale as everything else is, except what bids paid in.
        expect(maxFraction(terms, { ...health, equity: health.equity + deposit }, discount)).toBeLessThanOrEqual(
          maxFraction(terms, health, discount),
        );
      }),
    );
  });

  it('given an account at its target, nothing may be sold', () => {
    expect(maxFraction(terms, { equity: 115n * WAD, margin: 100n * WAD, reserve: 0n }, wad(0.9))).toBe(0n);
  });

  it('given a longer wait, the same share never costs more', () => {
    fc.assert(
      fc.property(breached, share, age, age, (health, sold, a, b) => {
        const [early, late] = a < b ? [a, b] : [b, a];
        expect(bidPrice(health, sold, discountAt(terms, early))).toBeGreaterThanOrEqual(bidPrice(health, sold, discountAt(terms, late)));
      }),
    );
  });

  it('given a small account all of it may go, given a large one or aged prices a step', () => {
    const health = (margin: bigint): Health => ({ equity: (margin * 9n) / 10n, margin, reserve: 0n });
    const discount = wad(0.95);
    expect(shareLimit(terms, health(terms.smallMargin - 1n), discount, false)).toBe(WAD);
    expect(shareLimit(terms, health(terms.smallMargin), discount, false)).toBe(maxFraction(terms, health(terms.smallMargin), discount));
    expect(shareLimit(terms, health(terms.largeMargin), discount, false)).toBe(terms.stepShare);
    expect(shareLimit(terms, health(terms.smallMargin - 1n), discount, true)).toBe(terms.stepShare);
  });
});

describe('the fee for starting an auction', () => {
  it('given a deeper breach, its rate does not fall, and stays between its ends', () => {
    expect(feeRate(terms, { equity: 100n, margin: 100n, reserve: 0n })).toBe(terms.feeLeast);
    expect(feeRate(terms, { equity: 50n, margin: 100n, reserve: 0n })).toBe(terms.feeMost);
    expect(feeRate(terms, { equity: 0n, margin: 0n, reserve: 0n })).toBe(terms.feeLeast);
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 30n), amount(), amount(), (margin, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const [deep, flat] = [low, high].map((equity) => feeRate(terms, { equity, margin, reserve: 0n }));
        expect(deep).toBeGreaterThanOrEqual(flat ?? 0n);
        expect(deep).toBeLessThanOrEqual(terms.feeMost);
        expect(flat).toBeGreaterThanOrEqual(terms.feeLeast);
      }),
    );
  });

  it('given any account, it leaves equity at or above zero', () => {
    fc.assert(
      fc.property(breached, age, (health, seconds) => {
        const fee = startFee(terms, health, discountAt(terms, seconds));
        expect(fee).toBeGreaterThanOrEqual(0n);
        expect(fee).toBeLessThan(health.equity);
      }),
    );
    expect(startFee(terms, { equity: -1n, margin: 10n, reserve: 0n }, WAD)).toBe(0n);
  });
});

describe('a bid on an insolvent account', () => {
  it('given any age, the payout lies between what the account lacks and a maintenance margin more, and never falls', () => {
    fc.assert(
      fc.property(amount(), amount(), amount(), age, age, (lacks, margin, reserve, a, b) => {
        const health = { equity: reserve - lacks, margin, reserve };
        expect(isSolvent(health)).toBe(false);
        const [early, late] = a < b ? [a, b] : [b, a];
        const [first, last] = [payout(terms, health, WAD, early), payout(terms, health, WAD, late)];
        expect(first).toBeGreaterThanOrEqual(lacks);
        expect(last).toBeGreaterThanOrEqual(first);
        expect(last).toBeLessThanOrEqual(lacks + margin);
      }),
    );
    expect(payout(terms, { equity: -10n, margin: 100n, reserve: 0n }, WAD, 3_600n)).toBe(110n);
  });

  it('INV-LIQ-3: given any payout, reserve, fund and deficit sum to it and each pays no more than it has', () => {
    fc.assert(
      fc.property(amount(), amount(), amount(), (total, reserve, available) => {
        const paid = waterfall(total, reserve, available);
        expect(paid.reserve + paid.fund + paid.deficit).toBe(total);
        expect(paid.reserve).toBeLessThanOrEqual(reserve);
        expect(paid.fund).toBeLessThanOrEqual(available);
        if (paid.fund > 0n) expect(paid.reserve).toBe(reserve);
        if (paid.deficit > 0n) expect(paid.fund).toBe(available);
      }),
    );
    expect(waterfall(5n, -3n, -2n)).toEqual({ reserve: 0n, fund: 0n, deficit: 5n });
  });
});

describe('two accounts of one owner', () => {
  /** Liquidates the first with bids by the second; every number that is not the owners' to choose follows from the rules. */
  const move = fc.record({ share, wait: fc.bigInt(0n, 20_000n), deposit: fc.bigInt(0n, 10n ** 25n) });

  it('given any starts, waits, top-ups and bids at a price that stands still, own nothing more than before', () => {
    fc.assert(
      fc.property(breached, amount(), fc.array(move, { maxLength: 12 }), (start, funds, moves) => {
        const before = start.equity + funds;
        const fee = startFee(terms, start, discountAt(terms, 0n));
        let account: Health = { ...start, equity: start.equity - fee };
        let bidder = funds;
        let clock = 0n;
        for (const { share: wanted, wait, deposit } of moves) {
          clock += wait;
          const paidIn = deposit < bidder ? deposit : bidder;
          account = { ...account, equity: account.equity + paidIn };
          bidder -= paidIn;
          if (!isSolvent(account) || account.equity >= account.margin) continue;
          const discount = discountAt(terms, clock);
          const limit = shareLimit(terms, account, discount, false);
          const sold = wanted < limit ? wanted : limit;
          const price = bidPrice(account, sold, discount);
          if (price > bidder) continue;
          const value = (sold * (account.equity - account.reserve)) / WAD;
          bidder += value - price;
          account = {
            equity: account.equity - value + price,
            margin: account.margin - (sold * account.margin) / WAD,
            reserve: account.reserve + price,
          };
          // At a price that stands still a solvent account stays solvent: the fund is never asked.
          expect(account.equity).toBeGreaterThanOrEqual(account.reserve);
        }
        expect(account.equity + bidder).toBe(before - fee);
      }),
      { numRuns: 1_000 },
    );
  });

  it('given the first has become insolvent, the fund pays them no more than it lacks and the part of its margin that time has earned', () => {
    fc.assert(
      fc.property(amount(), amount(), fc.array(fc.tuple(share, fc.bigInt(0n, 2_000n)), { maxLength: 8 }), (lacks, margin, bids) => {
        let account: Health = { equity: -lacks, margin, reserve: 0n };
        let received = 0n;
        let clock = 0n;
        for (const [sold, wait] of bids) {
          clock += wait;
          const paid = payout(terms, account, sold, clock);
          received += paid;
          const value = (sold * account.equity) / WAD;
          account = { equity: account.equity - value, margin: account.margin - (sold * account.margin) / WAD, reserve: 0n };
        }
        const grown = clock < terms.insolventSeconds ? clock : terms.insolventSeconds;
        const lacked = lacks + account.equity;
        const slack = 2n * BigInt(bids.length);
        // Every payout takes over as much debt, and the growth on the share that went.
        expect(received).toBeLessThanOrEqual(lacked + ((margin - account.margin) * grown) / terms.insolventSeconds + slack);
      }),
    );
  });
});

describe('given steps', () => {
  const taken = fc.bigInt(0n, 2n ** 32n - 1n);
  it('a step refills evenly, to no more than a whole one', () => {
    expect([0n, 15n, 29n, 30n, 1_000n].map((passed) => stepLeft(terms, 200_000_000n, passed))).toEqual([
      0n,
      terms.stepShare / 2n,
      (terms.stepShare * 29n) / 30n,
      terms.stepShare,
      terms.stepShare,
    ]);
    expect(stepLeft({ ...terms, coolOff: 0n }, 200_000_000n, 0n)).toBe(terms.stepShare);
    expect(stepLeft(terms, 2n ** 32n - 1n, 15n)).toBe(terms.stepShare / 2n);
  });
  it('bids take no more than a step and what refills, however they are cut', () => {
    const bids = fc.array(fc.tuple(fc.bigInt(0n, 40n), share), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(taken, bids, (before, cuts) => {
        let [at, used, sum] = [0n, before, 0n];
        for (const [wait, wanted] of cuts) {
          const left = stepLeft(terms, used, wait);
          const sold = left < wanted ? left : wanted;
          [at, used, sum] = [at + wait, stepTaken(terms, left, sold), sum + sold];
          expect(sum).toBeLessThanOrEqual(terms.stepShare + (terms.stepShare * at) / terms.coolOff);
        }
      }),
    );
  });
  it('what one leaves, others have: dust costs them no more than it took', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, terms.stepShare), (sold) => {
        const left = stepLeft(terms, stepTaken(terms, terms.stepShare, sold), 0n);
        expect(terms.stepShare - sold - left).toBeLessThan(10n ** 9n);
        expect(left).toBeLessThanOrEqual(terms.stepShare - sold);
      }),
    );
  });
});
