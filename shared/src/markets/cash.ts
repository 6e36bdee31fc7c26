import { abs, floorDiv, max, min, WAD } from '../risk/decimal.js';
import type { AccountId } from '../units.js';
import { withEntry } from './state.js';

/**
 * Cash of all accounts with the interest that negative cash pays and the losses that positive cash bears, as
 * contracts/src/hub/InterestBooks.sol keeps it. Money has 18 decimals; times are seconds. What a debt grew by, or a holding lost, is booked
 * before the account's cash moves.
 */
export interface CashBook {
  /** booked cash, without interest or losses that are due */
  readonly cash: ReadonlyMap<AccountId, bigint>;
  /** as of what an account's cash is booked: a debtor's index of interest, or what a holder's cash had kept */
  readonly bookedAt: ReadonlyMap<AccountId, bigint>;
  /** Σ booked cash */
  readonly total: bigint;
  /** Σ of negative booked cash, above 0 */
  readonly debt: bigint;
  /** charged, and not collected yet */
  readonly interest: bigint;
  /** what a debt of 1 at the beginning became by `since`, 27 decimals */
  readonly index: bigint;
  /** what the index grows by per second since then, 1e-18 of it */
  readonly perSecond: bigint;
  readonly since: bigint;
  /** what a unit of cash held since the beginning has been left by losses spread, 27 decimals */
  readonly kept: bigint;
  /** spread and not charged yet; below 0 by what roundings charged beyond it */
  readonly spread: bigint;
}

/** The rate by utilisation, 1e-18 per year: linear to the kink, then linear to `full`. */
export interface InterestCurve {
  readonly base: bigint;
  readonly slope: bigint;
  readonly kink: bigint;
  readonly full: bigint;
}

const INDEX_ONE = 10n ** 27n;
const INDEX_MOST = 2n ** 128n - 1n;
/** What losses must leave of a unit of cash, 27 decimals. */
const LEAST_KEPT = INDEX_ONE / 10n ** 12n;
const YEAR = 31_536_000n;
/** Most a model may ask: 1e-18 per second. */
const MOST_PER_SECOND = 10n ** 12n;

export const NO_CASH: CashBook = {
  cash: new Map(),
  bookedAt: new Map(),
  total: 0n,
  debt: 0n,
  interest: 0n,
  index: INDEX_ONE,
  perSecond: 0n,
  since: 0n,
  kept: INDEX_ONE,
  spread: 0n,
};

const ceilDiv = (a: bigint, b: bigint): bigint => -floorDiv(-a, b);

/** What is owed of what is held, 1e-18, rounded up, at most 1. */
export function utilisation(debt: bigint, cash: bigint): bigint {
  if (debt >= cash) return debt === 0n ? 0n : WAD;
  return ceilDiv(debt * WAD, cash);
}

/** Share of a debt per second at a utilisation, 1e-18, rounded up at every step. */
export function interestRate({ base, slope, kink, full }: InterestCurve, used: bigint): bigint {
  const atKink = base + ceilDiv(slope * kink, WAD);
  const perYear = used <= kink ? base + ceilDiv(slope * used, WAD) : atKink + ceilDiv((full - atKink) * (used - kink), WAD - kink);
  return ceilDiv(perYear, YEAR);
}

/** The index at a time, rounded up. */
export const interestIndex = ({ index, perSecond, since }: CashBook, now: bigint): bigint =>
  min(index + ceilDiv(index * perSecond * (now - since), WAD), INDEX_MOST);

/** Interest that an account owes beside its booked cash, rounded up. */
export function interestDue(book: CashBook, account: AccountId, now: bigint): bigint {
  const booked = book.cash.get(account) ?? 0n;
  if (booked >= 0n) return 0n;
  const at = book.bookedAt.get(account) ?? INDEX_ONE;
  return ceilDiv(-booked * (interestIndex(book, now) - at), at);
}

/** What an account's positive cash lost since it was booked, rounded up. */
export function lossDue(book: CashBook, account: AccountId): bigint {
  const booked = book.cash.get(account) ?? 0n;
  if (booked <= 0n) return 0n;
  // An index of a former debt is never below one: nothing was lost since.
  const at = min(book.bookedAt.get(account) ?? INDEX_ONE, INDEX_ONE);
  return ceilDiv(booked * (at - book.kept), at);
}

/** Cash of an account with the interest it owes, or what it lost. */
export const cashAt = (book: CashBook, account: AccountId, now: bigint): bigint =>
  (book.cash.get(account) ?? 0n) - interestDue(book, account, now) - lossDue(book, account);

/**
 * Moves cash of an account as `ILedger.changeCash` does: interest that is due is booked first, then the change, then the rate is sampled that holds
 * until cash moves again. While nobody owes, no rate is sampled.
 * @param curve null: nothing is charged
 */
export function changeCash(book: CashBook, account: AccountId, change: bigint, curve: InterestCurve | null, now: bigint): CashBook {
  const moved = bookCash(book, account, change, now);
  return moved.debt === 0n ? moved : sampleRate(moved, curve, now);
}

/** As {@link changeCash}, but the rate stays: what a deposit does, and `ILedger.moveCash` to both its accounts. */
export function bookCash(book: CashBook, account: AccountId, change: bigint, now: bigint): CashBook {
  const booked = book.cash.get(account) ?? 0n;
  const interest = interestDue(book, account, now);
  const lost = lossDue(book, account);
  const next = booked - interest - lost + change;
  const owed = (value: bigint): bigint => (value < 0n ? abs(value) : 0n);
  return {
    ...book,
    cash: withEntry(book.cash, account, next),
    bookedAt: next === 0n ? book.bookedAt : withEntry(book.bookedAt, account, next < 0n ? interestIndex(book, now) : book.kept),
    total: book.total - interest - lost + change,
    debt: book.debt - owed(booked) + owed(next),
    interest: book.interest + interest,
    spread: book.spread - lost,
  };
}

/**
 * Covers what an account owes by a loss of all positive cash, in proportion, which holders are charged with when their cash moves: as much of it as
 * leaves a millionth of a millionth of what cash once was.
 * @throws RangeError if the account does not owe as much, or nothing more can be borne
 */
export function spreadLoss(book: CashBook, account: AccountId, amount: bigint, curve: InterestCurve | null, now: bigint): CashBook {
  const owed = -cashAt(book, account, now);
  if (amount > owed) throw new RangeError(`a loss of ${amount} covers what ${account} owes; expected at most ${owed}`);
  const held = book.total + book.debt - book.spread;
  const left = amount < held ? (book.kept * (held - amount)) / held : 0n;
  const borne = left < LEAST_KEPT ? held + floorDiv(-held * LEAST_KEPT, book.kept) : amount;
  if (borne <= 0n) throw new RangeError(`a loss of ${amount} is spread over ${held}; expected more to be left of it`);
  return changeCash({ ...book, kept: max(left, LEAST_KEPT), spread: book.spread + borne }, account, borne, curve, now);
}

/** Samples the rate that holds from now on. */
export function sampleRate(book: CashBook, curve: InterestCurve | null, now: bigint): CashBook {
  const rate = curve === null ? 0n : interestRate(curve, utilisation(book.debt, book.total + book.debt));
  return { ...book, index: interestIndex(book, now), perSecond: min(rate, MOST_PER_SECOND), since: now };
}

/** Moves the interest that was charged to an account. */
export const collectInterest = (book: CashBook, to: AccountId, curve: InterestCurve | null, now: bigint): CashBook =>
  changeCash({ ...book, interest: 0n }, to, book.interest, curve, now);
