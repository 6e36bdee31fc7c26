import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod/v4';
import { cheapestFirst } from '../../src/liquidation/choice.js';
import { WAD } from '../../src/risk/decimal.js';
import { eid } from '../../src/units.js';

const big = z.string().transform(BigInt);
const { cases } = z
  .object({
    cases: z.array(
      z.object({
        need: big,
        value: big,
        offers: z.array(z.object({ assetId: z.int(), value: big, rate: big })),
        taken: z.array(z.object({ assetId: z.int(), value: big })),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(path.join(import.meta.dirname, '../../vectors/liquidation/sale-order.json'), 'utf8')));

/** The vectors that contracts/test/liquidation/SaleOrder.t.sol reads too. */
describe('given the vectors of what is sold first', () => {
  it.each(cases)('covers $need with the same balances as the hub', ({ need, value, offers, taken }) => {
    const { uses } = cheapestFirst(
      need,
      offers.map((offer) => ({ ...offer, eid: eid(1), haircut: WAD - offer.rate, liquidity: offer.value })),
      [{ eid: eid(1), message: 0n, state: { kind: 'healthy' } }],
      { degraded: 0n, quarantined: 0n },
    );
    expect(uses.map(({ assetId, value: used }) => ({ assetId, value: used }))).toEqual(taken);
    expect(taken.reduce((sum, { value: used }) => sum + used, 0n)).toBe(value);
  });

  it('has cases with several balances, with none and with more than there is', () => {
    expect(Math.max(...cases.map(({ taken }) => taken.length))).toBeGreaterThan(8);
    expect(cases.some(({ taken }) => taken.length === 0)).toBe(true);
    const saleable = (offers: (typeof cases)[number]['offers']): number =>
      offers.filter(({ value, rate }) => value > 0n && rate > 0n).length;
    expect(cases.some(({ taken, offers }) => taken.length > 1 && taken.length === saleable(offers))).toBe(true);
  });
});
