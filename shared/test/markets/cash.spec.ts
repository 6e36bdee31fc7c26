import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  bookCash,
  cashAt,
  collectInterest,
  interestDue,
  interestIndex,
  interestRate,
  changeCash,
  NO_CASH,
  sampleRate,
  spreadLoss,
  utilisation,
  type CashBook,
} from '../../src/markets/cash.js';
import { ACCOUNTS } from './world.js';

const WAD = 10n ** 18n;
const YEAR = 31_536_000n;
const curve = { base: 2n * 10n ** 16n, slope: 8n * 10n ** 16n, kink: 85n * 10n ** 16n, full: 9n * 10n ** 17n };
const [alice, bob, fund] = ACCOUNTS;
if (alice === undefined || bob === undefined || fund === undefined) throw new Error('the test has no accounts');

const bookedSum = ({ cash }: CashBook): bigint => [...cash.values()].reduce((sum, value) => sum + value, 0n);
const debtSum = ({ cash }: CashBook): bigint => [...cash.values()].reduce((sum, value) => (value < 0n ? sum - value : sum), 0n);

describe('interest of negative cash', () => {
  it('given utilisation, the yearly rate is 2% at none, 8.8% at the kink, 90% at all', () => {
    const yearly = (used: bigint): number => Number(interestRate(curve, used) * YEAR) / 1e18;
    expect(yearly(0n)).toBeCloseTo(0.02, 6);
    expect(yearly(curve.kink)).toBeCloseTo(0.088, 6);
    expect(yearly(WAD)).toBeCloseTo(0.9, 6);
    expect([utilisation(0n, 0n), utilisation(1n, 0n), utilisation(1n, 3n)]).toEqual([0n, WAD, 333_333_333_333_333_334n]);
  });

  it('given a debt, it grows by the rate of the start of each interval, whoever touches it in between', () => {
    const opened = changeCash(changeCash(NO_CASH, alice, 1000n * WAD, curve, 0n), bob, -500n * WAD, curve, 0n);
    expect(opened.perSecond).toBe(interestRate(curve, WAD / 2n));
    // A deposit changes nothing of it until cash moves otherwise.
    const deposited = bookCash(opened, alice, 10n ** 6n * WAD, YEAR / 2n);
    expect(cashAt(deposited, bob, YEAR)).toBe(cashAt(opened, bob, YEAR));
    const owed = Number(interestDue(opened, bob, YEAR)) / 1e18;
    expect(owed).toBeCloseTo(500 * 0.06, 3);
    // Being charged early costs no more than compounding does.
    const charged = changeCash(opened, bob, 0n, curve, YEAR / 2n);
    expect(cashAt(charged, bob, YEAR / 2n)).toBe(cashAt(opened, bob, YEAR / 2n));
    expect(charged.interest).toBe(interestDue(opened, bob, YEAR / 2n));
  });

  it('given any moves and losses, what debtors pay is what the pool has, sums hold, and no debt shrinks by waiting', () => {
    const step = fc.record({
      who: fc.nat(4),
      change: fc.bigInt(-(10n ** 24n), 10n ** 24n),
      wait: fc.bigInt(0n, YEAR / 4n),
      deposit: fc.boolean(),
      collects: fc.boolean(),
      spreads: fc.bigInt(0n, 100n),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let book: CashBook = NO_CASH;
        let now = 0n;
        let moved = 0n;
        for (const { who, change, wait, deposit, collects, spreads } of steps) {
          const before = book;
          now += wait;
          for (const account of ACCOUNTS) expect(cashAt(before, account, now) <= cashAt(before, account, before.since)).toBe(true);
          const account = ACCOUNTS[who] ?? alice;
          book = deposit ? bookCash(book, account, change < 0n ? -change : change, now) : changeCash(book, account, change, curve, now);
          moved += deposit && change < 0n ? -change : change;
          if (collects) book = collectInterest(book, fund, curve, now);
          const owed = -cashAt(book, account, now);
          const held = book.total + book.debt - book.spread;
          const loss = (owed * spreads) / 100n;
          if (loss > 0n && held > 2n * owed) book = spreadLoss(book, account, loss, curve, now);
          expect(interestIndex(book, now) >= interestIndex(before, now)).toBe(true);
          expect(book.total).toBe(bookedSum(book));
          expect(book.debt).toBe(debtSum(book));
          // Interest moves between accounts, losses from debtors to holders; none of either is made or lost.
          expect(book.total + book.interest - book.spread).toBe(moved);
        }
        for (const account of ACCOUNTS) book = changeCash(book, account, 0n, curve, now);
        // All of every loss is borne, and no more than roundings beyond it.
        expect(book.spread <= 0n && book.spread >= -400n).toBe(true);
      }),
    );
  });

  it('given a debt that all cash bears, holders lose in proportion, once, and who comes later loses nothing', () => {
    const held = changeCash(changeCash(NO_CASH, alice, 900n, null, 0n), fund, 100n, null, 0n);
    const spread = spreadLoss(changeCash(held, bob, -500n, null, 0n), bob, 500n, null, 0n);
    expect([alice, fund, bob].map((account) => cashAt(spread, account, 0n))).toEqual([450n, 50n, 0n]);
    const later = changeCash(changeCash(spread, alice, 0n, null, 0n), bob, 70n, null, 0n);
    expect([alice, bob].map((account) => later.cash.get(account))).toEqual([450n, 70n]);
    expect(later.spread).toBe(50n);
    expect(() => spreadLoss(later, alice, 1n, null, 0n)).toThrow('expected at most -450');
    // More than is held: all but a millionth of a millionth is borne, and then no more.
    const all = spreadLoss(changeCash(later, bob, -1000n, null, 0n), bob, 930n, null, 0n);
    expect(all.kept).toBe(10n ** 15n);
    expect([alice, fund, bob].map((account) => cashAt(all, account, 0n))).toEqual([0n, 0n, -930n + 499n]);
    expect(() => spreadLoss(all, bob, 1n, null, 0n)).toThrow('expected more to be left of it');
  });

  it('given no curve, nothing is charged', () => {
    const book = sampleRate(changeCash(NO_CASH, bob, -5n, null, 0n), null, 10n);
    expect(cashAt(book, bob, YEAR)).toBe(-5n);
  });
});
