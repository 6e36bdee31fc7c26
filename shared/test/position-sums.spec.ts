import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeAccount } from '../src/account.js';
import { positionMismatches, positionSums } from '../src/position-sums.js';
import type { HeldUnderlying } from '../src/risk/holdings.js';

const BTC = 1;
const place = 3;
const lots = (count: bigint, at = place) => ({ place: at, isPut: false, lots: count });
const held = (size: bigint, options: HeldUnderlying['options'] = []): HeldUnderlying => ({ underlying: BTC, size, quote: 0n, options });
const listing = (openPerpetual: bigint) => ({ underlying: BTC, openPerpetual, livePlaces: new Set([place]) });
const wrong = (open: bigint, positions: readonly HeldUnderlying[]): string[] =>
  positionMismatches({ sums: positionSums([listing(open)], positions), unreadable: [] }).map(({ subject }) => subject);

describe('given what all accounts hold', () => {
  it('INV-POS-1: when any trades were made, nothing is wrong; with one unit more anywhere it is', () => {
    const trade = fc.record({ buyer: fc.nat(4), seller: fc.nat(4), size: fc.bigInt(1n, 10n ** 20n), isOption: fc.boolean() });
    fc.assert(
      fc.property(fc.array(trade, { maxLength: 30 }), fc.nat(4), (trades, thief) => {
        const sizes = Array.from({ length: 5 }, () => ({ perpetual: 0n, option: 0n }));
        for (const { buyer, seller, size, isOption } of trades) {
          const kind = isOption ? 'option' : 'perpetual';
          for (const [who, change] of [
            [buyer, size],
            [seller, -size],
          ] as const) {
            const account = sizes[who];
            if (account !== undefined) account[kind] += change;
          }
        }
        const open = sizes.reduce((sum, { perpetual }) => (perpetual > 0n ? sum + perpetual : sum), 0n);
        const positions = sizes.map(({ perpetual, option }) => held(perpetual, [lots(option)]));
        expect(wrong(open, positions)).toEqual([]);
        const forged = (extra: Partial<HeldUnderlying>) => positions.map((p, i) => (i === thief ? { ...p, ...extra } : p));
        const victim = sizes[thief];
        if (victim === undefined) throw new Error('there are five accounts');
        expect(wrong(open, forged({ size: victim.perpetual + 1n }))).toContain('perpetual of underlying 1: Σ of sizes');
        expect(wrong(open, forged({ options: [lots(victim.option + 1n)] }))).toEqual(['call at place 3 of underlying 1: Σ of sizes']);
      }),
    );
  });

  it('when open interest is counted wrongly, it is named', () => {
    expect(wrong(6n, [held(5n), held(-5n)])).toEqual(['perpetual of underlying 1: open interest']);
  });

  it('when an underlying is held that nobody listed, its longs are wrong', () => {
    const position = { ...held(5n), underlying: 9 };
    expect(wrong(0n, [position, { ...position, size: -5n }])).toEqual(['perpetual of underlying 9: open interest']);
  });

  it('when an account cannot be read, it is named, and so are the sums that lack it', () => {
    const account = encodeAccount({ owner: `0x${'ab'.repeat(20)}`, home: 0, subaccount: 0n });
    const sums = positionSums([listing(5n)], [held(5n)]);
    expect(positionMismatches({ sums, unreadable: [account] }).map(({ subject }) => subject)).toEqual([
      `positions of ${account}`,
      'perpetual of underlying 1: Σ of sizes',
    ]);
  });

  it('when an expiry is over and only one side is settled, it is not asked', () => {
    expect(wrong(0n, [held(0n, [lots(4n, place + 1)])])).toEqual([]);
  });
});
