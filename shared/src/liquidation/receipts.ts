import { min } from '../risk/decimal.js';
import { applyLevy, levyOf, registered, type Profit } from './levy.js';

/** `ILevy.Registered`. Money is cash, 18 decimals, here and below. */
export interface RegisteredReceipt extends Profit {
  readonly account: string;
  readonly registered: bigint;
}

/** `ILevy.LevyPaid`. */
export interface PaidReceipt {
  readonly account: string;
  readonly registered: bigint;
  readonly levy: bigint;
  /** part of it that the fund got */
  readonly fund: bigint;
}

/** Everything the hub told of one levy; registrations and payments in the order in which they were told. */
export interface LevyReceipts {
  readonly id: bigint;
  readonly deficit: bigint;
  readonly registrations: readonly RegisteredReceipt[];
  /** null: its window is not closed */
  readonly closed: { readonly deficit: bigint; readonly total: bigint; readonly spread: bigint } | null;
  readonly payments: readonly PaidReceipt[];
}

/** `ILedger.LossSpread`, in the order in which losses were spread. */
export interface SpreadReceipt {
  readonly amount: bigint;
  /** what a unit of cash held since the beginning has been left, 1e-27 */
  readonly kept: bigint;
  /** Σ of positive cash that bore it; null: nobody can tell any more */
  readonly held: bigint | null;
}

/** `ILedger.LossCharged`, and what it was charged on. */
export interface ChargeReceipt {
  readonly account: string;
  readonly amount: bigint;
  /** the account's cash before */
  readonly cash: bigint;
  /** `kept` when that was last booked, and when it was charged, 1e-27 */
  readonly keptBefore: bigint;
  readonly kept: bigint;
}

/** A figure that is not what the others make it. */
export interface ReceiptFault {
  /** which receipt: in words that name levy or spread, and account */
  readonly receipt: string;
  readonly what: string;
  readonly told: bigint;
  readonly expected: string;
}

export interface Receipts {
  readonly levies: readonly LevyReceipts[];
  readonly spreads: readonly SpreadReceipt[];
  readonly charges: readonly ChargeReceipt[];
}

/** `kept` while nothing was lost: twin of InterestBooks.INDEX_ONE. */
export const KEPT_ALL = 10n ** 27n;
/** What is kept does not fall below it: twin of InterestBooks.LEAST_KEPT. */
const LEAST_KEPT = KEPT_ALL / 10n ** 12n;

/**
 * Counts again what losses nobody's equity covered cost those who won, and everybody who held cash, from what the hub told of it: the ratio of each levy,
 * what each account was registered with and paid, what each loss of all cash left of a unit of cash, and what each holder was charged.
 * @returns what does not add up; empty: all of it does
 */
export function verifyReceipts({ levies, spreads, charges }: Receipts): ReceiptFault[] {
  return [...levies.flatMap(levyFaults), ...spreadFaults(spreads), ...charges.flatMap(chargeFaults)];
}

/** What each account of a levy was registered with in the end. */
export function lastRegistered({ registrations }: Pick<LevyReceipts, 'registrations'>): Map<string, bigint> {
  return new Map(registrations.map(({ account, registered: amount }) => [account, amount]));
}

/** min(1, deficit / total) as the two sums that make it: an account pays ceil(registered · part / total). */
export const levyRatio = ({ deficit, total }: { readonly deficit: bigint; readonly total: bigint }) => ({
  part: min(deficit, total),
  total,
});

function levyFaults(levy: LevyReceipts): ReceiptFault[] {
  const { id, deficit, registrations, closed, payments } = levy;
  const faults: ReceiptFault[] = [];
  const expect = (holds: boolean, of: string, what: string, told: bigint, expected: bigint | string): void => {
    if (!holds) faults.push({ receipt: of === '' ? `levy ${id}` : `levy ${id}, ${of}`, what, told, expected: `${expected}` });
  };
  const before = new Map<string, RegisteredReceipt>();
  for (const receipt of registrations) {
    const { account, profit } = receipt;
    const amount = registered(receipt);
    expect(receipt.registered === amount, account, 'registered', receipt.registered, amount);
    const earlier = before.get(account);
    if (earlier !== undefined) {
      expect(profit === earlier.profit, account, 'profit', profit, `${earlier.profit}, as it was registered first`);
      expect(receipt.registered > earlier.registered, account, 'registered', receipt.registered, `more than ${earlier.registered}`);
    }
    before.set(account, receipt);
  }
  if (closed === null) {
    for (const { account, levy: paid } of payments) expect(false, account, 'levy', paid, 'nothing before it is closed');
    return faults;
  }
  const total = [...before.values()].reduce((sum, one) => sum + one.registered, 0n);
  const { part } = levyRatio({ deficit, total });
  expect(closed.deficit === deficit, '', 'deficit', closed.deficit, deficit);
  expect(closed.total === total, '', 'total', closed.total, total);
  expect(closed.spread <= deficit - part, '', 'spread', closed.spread, `at most ${deficit - part}`);
  let left = part;
  const paid = new Set<string>();
  for (const payment of payments) {
    const { account } = payment;
    const own = before.get(account)?.registered ?? 0n;
    const amount = levyOf(own, deficit, total);
    // What the fund had covered meanwhile is the fund's, so it may have got more.
    const rounding = applyLevy(amount, left);
    expect(!paid.has(account), account, 'levy', payment.levy, 'one payment');
    expect(payment.registered === own, account, 'registered', payment.registered, own);
    expect(payment.levy === amount, account, 'levy', payment.levy, amount);
    const isFunds = payment.fund >= rounding.fund && payment.fund <= amount;
    expect(isFunds, account, 'fund', payment.fund, `${rounding.fund} … ${amount}`);
    left -= rounding.deficit;
    paid.add(account);
  }
  return faults;
}

/** Most that all positive cash bears at once, so that the least is kept of a unit; rounded in the holders' favour. */
const mostBorne = (held: bigint, before: bigint): bigint => held - (held * LEAST_KEPT + before - 1n) / before;

function spreadFaults(spreads: readonly SpreadReceipt[]): ReceiptFault[] {
  const faults: ReceiptFault[] = [];
  let before = KEPT_ALL;
  for (const [i, { amount, kept, held }] of spreads.entries()) {
    const receipt = `loss of all cash ${i + 1}`;
    if (kept > before || kept < LEAST_KEPT) faults.push({ receipt, what: 'kept', told: kept, expected: `${LEAST_KEPT} … ${before}` });
    if (held !== null) {
      const left = amount < held ? (before * (held - amount)) / held : 0n;
      const most = mostBorne(held, before);
      if (amount > most) faults.push({ receipt, what: 'amount', told: amount, expected: `at most ${most}` });
      // A loss larger than that leaves the least, which may be a little less than what this amount alone leaves.
      else if (kept !== left && !(amount === most && kept === LEAST_KEPT))
        faults.push({ receipt, what: 'kept', told: kept, expected: `${left}` });
    }
    before = kept;
  }
  return faults;
}

/** cash − floor(cash · kept / keptBefore) */
export const chargeOf = ({ cash, keptBefore, kept }: Pick<ChargeReceipt, 'cash' | 'keptBefore' | 'kept'>): bigint =>
  cash - (cash * kept) / keptBefore;

function chargeFaults(charge: ChargeReceipt): ReceiptFault[] {
  const expected = chargeOf(charge);
  if (charge.amount === expected) return [];
  return [{ receipt: `loss charged to ${charge.account}`, what: 'amount', told: charge.amount, expected: `${expected}` }];
}
