import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { numberToHex } from 'viem';
import { AUCTION_TERMS, bidPrice, discountAt, isSolvent, maxFraction, payout, shareLimit, target } from '../../src/liquidation/auction.js';
import {
  auctionStep,
  type BidderTerms,
  compareNeed,
  decideBid,
  isWorthwhile,
  keptFor,
  rank,
  refilled,
  type Watched,
  type WatchedAuction,
} from '../../src/liquidation/keeper.js';
import { WAD } from '../../src/risk/decimal.js';
import { accountId } from '../../src/units.js';

const terms = AUCTION_TERMS;
const cash = (units: number): bigint => BigInt(units) * WAD;
const id = (number: number) => accountId(numberToHex(number, { size: 32 }));
const AUCTION: WatchedAuction = {
  ...{ openedAt: 999n, startedAt: 1_000n, lastBidAt: 0n, stepTaken: 0n, restingSince: 0n, insolventSince: 0n, reserve: 0n },
};
const account = (part: Partial<Watched>): Watched => ({
  account: id(1),
  equity: cash(100),
  initial: cash(200),
  margin: cash(120),
  auction: null,
  ...part,
});
const RICH: BidderTerms = { free: cash(1_000_000), budget: cash(1_000_000), required: 0n, cost: 0n };

const money = fc.bigInt(-(10n ** 26n), 10n ** 26n);
const positive = fc.bigInt(0n, 10n ** 26n);
const someAuction: fc.Arbitrary<WatchedAuction> = fc.record({
  openedAt: fc.bigInt(0n, 60_000n),
  startedAt: fc.bigInt(1n, 50_000n),
  lastBidAt: fc.bigInt(0n, 50_000n),
  stepTaken: fc.bigInt(0n, 2n ** 32n - 1n),
  restingSince: fc.constant(0n),
  insolventSince: fc.bigInt(0n, 50_000n),
  reserve: positive,
});
const watched: fc.Arbitrary<Watched> = fc.record({
  account: fc.integer({ min: 1, max: 5 }).map(id),
  equity: money,
  initial: positive,
  margin: positive,
  auction: fc.option(someAuction),
});
const someBidder: fc.Arbitrary<BidderTerms> = fc.record({
  free: money,
  budget: positive,
  required: fc.bigInt(0n, WAD),
  cost: fc.bigInt(0n, 10n ** 22n),
});

describe('given accounts to rank', () => {
  it('the one that lacks most comes first, and of those that lack nothing the one with the least equity for its margin', () => {
    const large = account({ account: id(1), equity: cash(90), margin: cash(100) });
    const small = account({ account: id(2), equity: cash(1), margin: cash(2) });
    const broke = account({ account: id(3), equity: -1n, margin: 0n });
    const flat = account({ account: id(4), equity: 0n, margin: 0n });
    const close = account({ account: id(5), equity: cash(101), margin: cash(100) });
    expect(rank([flat, close, large, small, broke]).map((one) => one.account)).toEqual([1, 2, 3, 5, 4].map(id));
  });

  it('a thousand tiny ones without any equity do not come before a large one that lacks a twentieth of its margin', () => {
    const dust = Array.from({ length: 1_000 }, (_, at) => account({ account: id(at + 1), equity: -WAD / 100n, margin: WAD / 100n }));
    const whale = account({ account: id(5_000), equity: cash(950_000), margin: cash(1_000_000) });
    expect(rank([...dust, whale])[0]).toBe(whale);
  });

  it('one is worth transactions if its margin, or what it lacks, is as much as is asked for', () => {
    const least = cash(10);
    expect(isWorthwhile({ equity: cash(9), margin: cash(10) }, least)).toBe(true);
    expect(isWorthwhile({ equity: cash(-1), margin: cash(9) }, least)).toBe(true);
    expect(isWorthwhile({ equity: cash(-1) + 1n, margin: cash(9) }, least)).toBe(false);
    expect(isWorthwhile({ equity: cash(9), margin: cash(10) - 1n }, least)).toBe(false);
    // Its positions are gone, its auction is to be ended.
    expect(isWorthwhile({ equity: cash(10), margin: 0n }, least)).toBe(true);
  });

  it('every keeper has the same order, whatever order it read them in', () => {
    fc.assert(
      fc.property(fc.array(watched, { maxLength: 8 }), fc.array(fc.nat(), { minLength: 8, maxLength: 8 }), (accounts, keys) => {
        const shuffled = accounts.map((one, at) => ({ one, key: keys[at] ?? 0 })).sort((a, b) => a.key - b.key);
        const [first, second] = [rank(accounts), rank(shuffled.map(({ one }) => one))];
        // Accounts that compare as equal are the same in all that counts.
        first.forEach((one, at) => expect(compareNeed(one, second[at] ?? one)).toBe(0));
      }),
    );
  });

  it('the order is one: antisymmetric and transitive', () => {
    fc.assert(
      fc.property(watched, watched, watched, (a, b, c) => {
        expect(Math.sign(compareNeed(a, b)) + Math.sign(compareNeed(b, a))).toBe(0);
        if (compareNeed(a, b) <= 0 && compareNeed(b, c) <= 0) expect(compareNeed(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('given an account, is it due for a step', () => {
  it.each([
    ['start, below maintenance margin', account({ equity: cash(119) }), 'start'],
    ['nothing, at maintenance margin', account({ equity: cash(120) }), null],
    ['nothing, in auction and below', account({ auction: AUCTION }), null],
    ['touch, at rest now', account({ equity: cash(121), auction: AUCTION }), 'touch'],
    ['nothing, resting already', account({ equity: cash(121), auction: { ...AUCTION, restingSince: 1_100n } }), null],
    ['touch, below again', account({ auction: { ...AUCTION, restingSince: 1_100n } }), 'touch'],
    ['touch, insolvent now', account({ equity: -1n, auction: AUCTION }), 'touch'],
    ['touch, only what bids paid in is left', account({ auction: { ...AUCTION, reserve: cash(100) } }), 'touch'],
    ['nothing, known to be insolvent', account({ equity: -1n, auction: { ...AUCTION, insolventSince: 1_100n } }), null],
    ['end, at the target', account({ equity: cash(138), auction: AUCTION }), 'end'],
  ] as const)('%s', (_name, one, step) => {
    expect(auctionStep(terms, one)).toBe(step);
  });

  it('INV-LIQ-1: nothing starts at or above maintenance margin, nothing ends below the target', () => {
    fc.assert(
      fc.property(watched, (one) => {
        const step = auctionStep(terms, one);
        if (step === 'start') expect(one.equity).toBeLessThan(one.margin);
        if (step === 'end') expect(one.equity).toBeGreaterThanOrEqual(target(terms, one.margin));
      }),
    );
  });
});

describe('given an auction, does a bidder bid', () => {
  const open = account({ auction: AUCTION, margin: cash(120_000), equity: cash(80_000), initial: cash(200_000) });

  it('waits until the gain is what it asks for, then takes what the auction allows', () => {
    const choosy = { ...RICH, required: WAD / 10n };
    // At 0.95 the gain is 4,000 of 120,000; at 0.85 it is 12,000: two fifths of the fast leg.
    expect(decideBid(terms, open, choosy, 1_000n)).toBeNull();
    expect(decideBid(terms, open, choosy, 1_359n)).toBeNull();
    const bid = decideBid(terms, open, choosy, 1_360n);
    expect(bid?.share).toBe(terms.stepShare);
    expect(bid?.most).toBe(WAD);
    expect(bid?.price).toBe((cash(80_000) * 85n) / 500n);
    expect(bid?.gain).toBe(cash(2_400));
  });

  it('takes no more than its equity and its budget carry', () => {
    const poor = decideBid(terms, open, { ...RICH, free: cash(19_600) }, 1_000n);
    expect([poor?.share, poor?.most]).toEqual([WAD / 10n, WAD / 10n]);
    const frugal = decideBid(terms, open, { ...RICH, budget: cash(7_600) }, 1_000n);
    expect(frugal?.share).toBe(WAD / 10n);
    expect(decideBid(terms, open, { ...RICH, free: 0n }, 1_000n)).toBeNull();
  });

  it('asks for so much that an account which needs more of it sold by then is restored all the same', () => {
    const small = account({ auction: AUCTION, margin: cash(2_000), equity: cash(1_900), initial: cash(4_000) });
    const bid = decideBid(terms, small, RICH, 1_100n);
    const health = { equity: small.equity, margin: small.margin, reserve: 0n };
    const later = maxFraction(terms, health, discountAt(terms, 1_101n - AUCTION.startedAt));
    expect(bid?.share).toBeLessThan(later);
    expect(bid?.most).toBeGreaterThanOrEqual(later);
  });

  it('waits while the gain of the bid is less than its gas costs', () => {
    const gain = decideBid(terms, open, RICH, 1_360n)?.gain ?? 0n;
    expect(decideBid(terms, open, { ...RICH, cost: gain }, 1_360n)?.gain).toBe(gain);
    expect(decideBid(terms, open, { ...RICH, cost: gain + 1n }, 1_360n)).toBeNull();
    const dust = account({ auction: AUCTION, margin: WAD / 100n, equity: WAD / 200n, initial: WAD / 50n });
    expect(decideBid(terms, dust, RICH, 1_360n)).not.toBeNull();
    expect(decideBid(terms, dust, { ...RICH, cost: WAD / 10n }, 50_000n)).toBeNull();
  });

  it('lets the second of the start pass', () => {
    const fresh = { ...open, auction: { ...AUCTION, openedAt: 1_100n } };
    expect([decideBid(terms, fresh, RICH, 1_100n), decideBid(terms, fresh, RICH, 1_101n)?.share]).toEqual([null, terms.stepShare]);
  });

  it('takes what others left of a large account’s step, and what has refilled since', () => {
    const after = (stepTaken: bigint) => ({ ...open, auction: { ...AUCTION, lastBidAt: 1_090n, stepTaken } });
    expect(decideBid(terms, after(200_000_000n), RICH, 1_090n)).toBeNull();
    expect(decideBid(terms, after(200_000_000n), RICH, 1_105n)?.share).toBe(terms.stepShare / 2n);
    expect(decideBid(terms, after(200_000_000n), RICH, 1_120n)?.share).toBe(terms.stepShare);
    // Dust of the owner's friends.
    expect(decideBid(terms, after(1n), RICH, 1_090n)?.share).toBe(terms.stepShare - 10n ** 9n);
  });

  it('leaves a step alone that has hardly refilled, and lets what refills until its bid is taken cost what it is worth', () => {
    const taken = { ...open, auction: { ...AUCTION, lastBidAt: 1_090n, stepTaken: 200_000_000n } };
    expect(decideBid(terms, taken, RICH, 1_104n)).toBeNull();
    const half = decideBid(terms, taken, RICH, 1_105n);
    const whole = decideBid(terms, taken, RICH, 1_120n);
    expect(half?.ceiling).toBeGreaterThanOrEqual(whole?.price ?? 0n);
    expect(half?.ceiling).toBeLessThan(2n * (half?.price ?? 0n) + 2n);
    // What it has refilled to takes the equity that the whole step does.
    const grown = half === null ? null : refilled(half);
    expect(grown).toMatchObject({ share: terms.stepShare, price: half?.ceiling });
    expect(grown?.commits).toBeGreaterThanOrEqual(whole?.commits ?? 0n);
    // Who can afford no more than what is there takes it.
    expect(decideBid(terms, taken, { ...RICH, free: cash(2_000) }, 1_095n)?.share).toBeGreaterThan(0n);
  });

  it('says how much of its equity a bid takes: the margin that comes with the share, less what it gains', () => {
    const bid = decideBid(terms, open, RICH, 1_360n);
    expect(bid?.commits).toBe((cash(200_000) - cash(12_000)) / 5n);
    // What was paid for an hour's wait is as much as the margin.
    const broke = { ...open, initial: 0n, equity: cash(-50_000), auction: { ...AUCTION, insolventSince: 1_000n } };
    expect(decideBid(terms, broke, { ...RICH, free: 0n }, 4_600n)?.commits).toBe(0n);
  });

  it('keeps what will restore an account within a minute, in steps or not, and nothing for one that is due later', () => {
    const choosy = { ...RICH, required: WAD / 10n };
    expect(keptFor(terms, open, choosy, 1_299n)).toBe(0n);
    const share = shareLimit({ ...terms, stepShare: WAD }, { ...open, reserve: 0n }, discountAt(terms, 360n), false);
    expect(share).toBeGreaterThan(2n * terms.stepShare);
    expect(keptFor(terms, open, choosy, 1_300n)).toBe(-((-share * (cash(200_000) - cash(12_000))) / WAD));
    // Of a step that was just taken it keeps what the next ones need.
    const taken = { ...open, auction: { ...AUCTION, lastBidAt: 1_400n, stepTaken: 200_000_000n } };
    expect(decideBid(terms, taken, choosy, 1_400n)).toBeNull();
    expect(keptFor(terms, taken, choosy, 1_400n)).toBeGreaterThan(0n);
    expect(keptFor(terms, open, { ...choosy, free: cash(1_000) }, 1_400n)).toBeLessThanOrEqual(cash(1_000));
  });

  it('keeps nothing for an account of which a step does not earn its gas, though all of it would', () => {
    const step = decideBid(terms, open, RICH, 1_460n)?.gain ?? 0n;
    expect(keptFor(terms, open, { ...RICH, cost: step }, 1_400n)).toBeGreaterThan(0n);
    expect(keptFor(terms, open, { ...RICH, cost: step + 1n }, 1_400n)).toBe(0n);
    // At aged prices whatever its size.
    const small = { ...open, equity: cash(5_000), initial: cash(20_000), margin: cash(12_000) };
    const part = decideBid(terms, small, RICH, 1_460n, true)?.gain ?? 0n;
    expect(keptFor(terms, small, { ...RICH, cost: part + 1n }, 1_400n)).toBeGreaterThan(0n);
    expect(keptFor(terms, small, { ...RICH, cost: part + 1n }, 1_400n, true)).toBe(0n);
  });

  it('is paid for an insolvent account, once the payout has grown by what it asks for', () => {
    const broke = { ...open, equity: cash(-50_000), auction: { ...AUCTION, insolventSince: 1_000n } };
    const choosy = { ...RICH, required: WAD / 10n };
    expect(decideBid(terms, broke, choosy, 1_359n)).toBeNull();
    expect(decideBid(terms, broke, choosy, 1_360n)?.price).toBe(cash(-12_400));
  });

  it('what it decides is allowed, affordable and pays at least what it asks for', () => {
    fc.assert(
      fc.property(watched, someBidder, fc.bigInt(50_000n, 150_000n), fc.boolean(), (one, bidder, now, stepped) => {
        const bid = decideBid(terms, one, bidder, now, stepped);
        if (bid === null) return;
        const { auction, equity, margin, initial } = one;
        if (auction === null) throw new Error('a bid without an auction');
        const health = { equity, margin, reserve: auction.reserve };
        const discount = discountAt(terms, now - auction.startedAt);
        expect(equity).toBeLessThan(margin);
        expect(bid.share).toBeGreaterThan(0n);
        expect(bid.share).toBeLessThanOrEqual(shareLimit(terms, health, discount, stepped));
        expect(bid.most).toBeGreaterThanOrEqual(bid.share);
        expect(bid.most).toBeLessThanOrEqual(WAD);
        expect(bid.price).toBeLessThanOrEqual(bidder.budget);
        expect(bid.gain).toBeGreaterThanOrEqual(bidder.cost);
        expect(bid.ceiling).toBeGreaterThanOrEqual(bid.price);
        expect(bid.ceiling).toBeLessThanOrEqual(bidder.budget);
        expect(bid.commits).toBeLessThanOrEqual(bidder.free + 1n);
        const grown = auction.insolventSince === 0n ? 0n : now - auction.insolventSince;
        const charged = isSolvent(health) ? bidPrice(health, bid.share, discount) : -payout(terms, health, bid.share, grown);
        // The decision rounds twice, the contract once.
        expect(bid.price - charged).toBeGreaterThanOrEqual(0n);
        expect(bid.price - charged).toBeLessThanOrEqual(2n);
        expect((bid.gain + 1n) * WAD).toBeGreaterThanOrEqual((bidder.required * margin * bid.share) / WAD - WAD);
        // Equity after the bid covers the initial margin that came with it.
        expect((bidder.free + bid.gain + 1n) * WAD).toBeGreaterThanOrEqual(initial * bid.share - WAD);
      }),
      { numRuns: 2_000 },
    );
  });
});
