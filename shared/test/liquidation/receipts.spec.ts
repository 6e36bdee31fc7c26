import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyLevy, levyOf, registered } from '../../src/liquidation/levy.js';
import {
  KEPT_ALL,
  chargeOf,
  verifyReceipts,
  type LevyReceipts,
  type Receipts,
  type SpreadReceipt,
} from '../../src/liquidation/receipts.js';

/** Twin of InterestBooks.LEAST_KEPT. */
const LEAST_KEPT = KEPT_ALL / 10n ** 12n;
const positive = fc.bigInt(1n, 10n ** 26n);
const account = (i: number): string => `account ${i}`;

/** What an honest hub tells of a levy: it registers, some of them twice, closes, and collects in any order. */
const levies = fc
  .record({
    deficit: positive,
    profits: fc.array(fc.record({ profit: positive, equity: positive, margin: positive, later: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    }),
    seed: fc.nat(),
  })
  .map(({ deficit, profits, seed }): LevyReceipts => {
    const first = profits.map(({ profit, equity, margin }, i) => {
      const one = { account: account(i), profit, equity, margin };
      return { ...one, registered: registered(one) };
    });
    const again = first.flatMap((one, i) => {
      const more = { ...one, equity: one.equity + one.margin + one.profit };
      return profits[i]?.later === true && registered(more) > one.registered ? [{ ...more, registered: registered(more) }] : [];
    });
    const registrations = [...first, ...again];
    const last = new Map(registrations.map((one) => [one.account, one.registered]));
    const total = [...last.values()].reduce((sum, one) => sum + one, 0n);
    let left = deficit < total ? deficit : total;
    const owing = [...last].filter(([, own]) => own > 0n);
    const turn = seed % Math.max(1, owing.length);
    const order = [...owing.slice(turn), ...owing.slice(0, turn)];
    const payments = order.map(([of, own]) => {
      const levy = levyOf(own, deficit, total);
      const parts = applyLevy(levy, left);
      left -= parts.deficit;
      return { account: of, registered: own, levy, fund: parts.fund };
    });
    return { id: 1n, deficit, registrations, closed: { deficit, total, spread: deficit > total ? deficit - total : 0n }, payments };
  });

const only = (levy: LevyReceipts): Receipts => ({ levies: [levy], spreads: [], charges: [] });

describe('given what an honest hub tells of a levy', () => {
  it('INV-LIQ-3: it adds up, whatever was registered and in whatever order it is paid', () => {
    fc.assert(fc.property(levies, (levy) => expect(verifyReceipts(only(levy))).toEqual([])));
  });

  it('when any one figure is changed, that is found', () => {
    const figures = fc.constantFrom(
      'registered',
      'total',
      'deficit',
      'levy',
      'paid registered',
      'fund',
      'spread',
      'dropped',
      'twice',
      'stranger',
    );
    fc.assert(
      fc.property(levies, figures, fc.nat(), positive, (levy, figure, place, by) => {
        const { registrations, closed, payments } = levy;
        const [r, p] = [registrations[place % registrations.length], payments[place % Math.max(1, payments.length)]];
        if (r === undefined || closed === null) throw new Error('nothing was registered');
        const inPayments = (change: object) => ({ ...levy, payments: payments.map((one) => (one === p ? { ...one, ...change } : one)) });
        const spoilt = (): LevyReceipts | null => {
          switch (figure) {
            case 'registered':
              return {
                ...levy,
                registrations: registrations.map((one) => (one === r ? { ...one, registered: one.registered + by } : one)),
              };
            case 'total':
              return { ...levy, closed: { ...closed, total: closed.total + by } };
            case 'deficit':
              return { ...levy, closed: { ...closed, deficit: closed.deficit + by } };
            case 'spread':
              return { ...levy, closed: { ...closed, spread: closed.spread + by } };
            case 'levy':
              return p === undefined ? null : inPayments({ levy: p.levy + by });
            case 'paid registered':
              return p === undefined ? null : inPayments({ registered: p.registered + by });
            case 'fund':
              return p === undefined ? null : inPayments({ fund: p.levy + by });
            case 'twice':
              return p === undefined ? null : { ...levy, payments: [...payments, p] };
            case 'stranger':
              return { ...levy, payments: [...payments, { account: 'a stranger', registered: by, levy: by, fund: 0n }] };
            case 'dropped': {
              const without = registrations.filter(({ account: of }) => of !== r.account);
              return r.registered === 0n ? null : { ...levy, registrations: without };
            }
          }
        };
        const changed = spoilt();
        if (changed !== null) expect(verifyReceipts(only(changed))).not.toEqual([]);
      }),
    );
  });

  it('when a payment comes before it is closed, or a profit changes between two registrations, that is told with what was expected', () => {
    const one = { account: 'a', profit: 50n, equity: 30n, margin: 10n, registered: 20n };
    const levy = { id: 3n, deficit: 10n, registrations: [one], closed: null, payments: [] };
    expect(verifyReceipts(only(levy))).toEqual([]);
    const early = { ...levy, payments: [{ account: 'a', registered: 20n, levy: 10n, fund: 0n }] };
    expect(verifyReceipts(only(early))).toEqual([
      { receipt: 'levy 3, a', what: 'levy', told: 10n, expected: 'nothing before it is closed' },
    ]);
    const changed = { ...levy, registrations: [one, { ...one, profit: 60n, equity: 80n, registered: 60n }] };
    expect(verifyReceipts(only(changed))).toEqual([
      { receipt: 'levy 3, a', what: 'profit', told: 60n, expected: '50, as it was registered first' },
    ]);
  });
});

/** `Ledger.spreadLoss`: what it tells; null: it refuses, for nothing is left to bear it. */
function spreadOf(before: bigint, held: bigint, asked: bigint): SpreadReceipt | null {
  let amount = asked;
  let kept = asked < held ? (before * (held - asked)) / held : 0n;
  if (kept < LEAST_KEPT) {
    kept = LEAST_KEPT;
    amount = held - (held * LEAST_KEPT + before - 1n) / before;
  }
  return amount === 0n ? null : { amount, kept, held };
}

describe('given losses of all cash', () => {
  it('INV-LIQ-3: each leaves of a unit what the cash that bore it was left, and each holder is charged his part, rounded up', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ held: positive, part: fc.bigInt(1n, 1_100n) }), { minLength: 1, maxLength: 8 }),
        positive,
        (losses, cash) => {
          let before = KEPT_ALL;
          const spreads = losses.flatMap(({ held, part }) => {
            const one = spreadOf(before, held, (held * part) / 1_000n);
            before = one?.kept ?? before;
            return one ?? [];
          });
          const kept = before;
          const charge = { account: 'a', cash, keptBefore: KEPT_ALL, kept, amount: chargeOf({ cash, keptBefore: KEPT_ALL, kept }) };
          expect(verifyReceipts({ levies: [], spreads, charges: [charge] })).toEqual([]);
          expect(charge.amount).toBeGreaterThanOrEqual(cash - (cash * kept) / KEPT_ALL);
          const wrong = { ...charge, amount: charge.amount + 1n };
          expect(verifyReceipts({ levies: [], spreads, charges: [wrong] })).toEqual([
            { receipt: 'loss charged to a', what: 'amount', told: wrong.amount, expected: `${charge.amount}` },
          ]);
        },
      ),
    );
  });

  it.each<[string, bigint, bigint, bigint]>([
    ['all of it', KEPT_ALL, 10n ** 20n - 3n, 10n ** 20n],
    ['more than all of it', KEPT_ALL, 10n ** 20n - 3n, 3n * 10n ** 20n],
    ['what is left after others', KEPT_ALL / 7n, 10n ** 20n, 10n ** 20n + 1n],
    ['of so little that the rounding is a tenth of what is left', KEPT_ALL, 10n ** 13n + 7n, 2n * 10n ** 13n],
  ])('at the floor of 10^-12 only what the hub books there adds up: %s', (_, before, held, asked) => {
    const [least, first] = [LEAST_KEPT, { amount: 1n, kept: before, held: null }];
    const faultsOf = (change: Partial<SpreadReceipt>) =>
      verifyReceipts({ levies: [], charges: [], spreads: [first, { amount: 0n, kept: least, held, ...change }] });
    const told = spreadOf(before, held, asked);
    if (told === null) throw new Error('something is left to bear it');
    expect(told.kept).toBe(least);
    expect(faultsOf(told)).toEqual([]);
    // What the holders bore at the floor leaves a little more than the floor by itself: also what the hub tells if no more was lost.
    const exact = spreadOf(before, held, told.amount);
    expect(faultsOf({ ...exact })).toEqual([]);
    expect(faultsOf({ amount: told.amount - 1n })).toMatchObject([{ receipt: 'loss of all cash 2', what: 'kept', told: least }]);
    for (const amount of [told.amount + 1n, held, asked])
      expect(faultsOf({ amount })).toEqual([
        { receipt: 'loss of all cash 2', what: 'amount', told: amount, expected: `at most ${told.amount}` },
      ]);
    expect(faultsOf({ ...told, kept: least - 1n })).not.toEqual([]);
    expect(faultsOf({ ...told, kept: (exact?.kept ?? 0n) + 1n })).not.toEqual([]);
  });

  it('when what is kept rises, falls too far, or is not what the cash that bore it makes it, that is told', () => {
    const spreads = (kept: bigint, held: bigint | null) =>
      verifyReceipts({ levies: [], spreads: [{ amount: 10n, kept, held }], charges: [] });
    expect(spreads((KEPT_ALL * 9n) / 10n, 100n)).toEqual([]);
    expect(spreads((KEPT_ALL * 9n) / 10n, null)).toEqual([]);
    expect(spreads((KEPT_ALL * 8n) / 10n, 100n)).toHaveLength(1);
    expect(spreads(KEPT_ALL + 1n, null)).toHaveLength(1);
    expect(spreads(1n, null)).toHaveLength(1);
  });
});
