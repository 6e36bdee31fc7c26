import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyLevy, levyOf, registered } from '../../src/liquidation/levy.js';

const amount = fc.bigInt(-(10n ** 30n), 10n ** 30n);
const positive = fc.bigInt(0n, 10n ** 30n);
const accounts = fc.array(fc.record({ profit: amount, equity: amount, margin: positive }), { minLength: 1, maxLength: 30 });

/** Settles accounts in the order given. */
function settle(own: readonly bigint[], deficit: bigint, order: readonly number[]) {
  const total = own.reduce((a, b) => a + b, 0n);
  const paid = new Map<number, bigint>();
  let left = deficit;
  let fund = 0n;
  for (const index of order) {
    const levy = levyOf(own[index] ?? 0n, deficit, total);
    const parts = applyLevy(levy, left);
    expect(parts.deficit + parts.fund).toBe(levy);
    paid.set(index, levy);
    left -= parts.deficit;
    fund += parts.fund;
  }
  return { paid: own.map((_, index) => paid.get(index) ?? 0n), left, fund, total };
}

describe('a levy', () => {
  it('given a loss, no headroom or a loss beyond it, an account is registered with nothing', () => {
    expect(registered({ profit: -5n, equity: 100n, margin: 10n })).toBe(0n);
    expect(registered({ profit: 5n, equity: 10n, margin: 10n })).toBe(0n);
    expect(registered({ profit: 5n, equity: 9n, margin: 10n })).toBe(0n);
    expect(registered({ profit: 50n, equity: 30n, margin: 10n })).toBe(20n);
    expect(registered({ profit: 5n, equity: 30n, margin: 10n })).toBe(5n);
    expect(levyOf(0n, 10n, 100n)).toBe(0n);
  });

  it('INV-LIQ-3: given any accounts, each pays at most min(profit, equity − margin), and the deficit gets min(deficit, Σ registered)', () => {
    fc.assert(
      fc.property(accounts, positive, (list, deficit) => {
        const own = list.map(registered);
        const { paid, left, fund, total } = settle(own, deficit, [...list.keys()]);
        for (const [index, { profit, equity, margin }] of list.entries()) {
          const levy = paid[index] ?? 0n;
          expect(levy).toBeGreaterThanOrEqual(0n);
          if (levy === 0n) continue;
          expect(levy).toBeLessThanOrEqual(profit);
          expect(equity - levy).toBeGreaterThanOrEqual(margin);
        }
        expect(deficit - left).toBe(deficit < total ? deficit : total);
        // Less than one unit of 1e-18 too much per account, and that goes to the fund.
        expect(fund).toBeLessThan(BigInt(list.length));
      }),
    );
  });

  it('given any two orders, every account pays the same and the fund gets the same', () => {
    const shuffled = accounts.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray([...list.keys()], { minLength: list.length, maxLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, positive, ([list, order], deficit) => {
        const own = list.map(registered);
        expect(settle(own, deficit, order)).toEqual(settle(own, deficit, [...list.keys()]));
      }),
    );
  });

  it('given a part of the accounts has settled, no more than the deficit is taken for it', () => {
    const some = accounts.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray([...list.keys()])));
    fc.assert(
      fc.property(some, positive, ([list, order], deficit) => {
        expect(settle(list.map(registered), deficit, order).left).toBeGreaterThanOrEqual(0n);
      }),
    );
  });
});
