import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fund, fundingRate, indexAt, type Funding } from '../../src/markets/funding.js';
import { changePerpetual, FLAT, quoteAt, type PerpetualPosition } from '../../src/markets/perpetual.js';
import { floorDiv, WAD } from '../../src/risk/decimal.js';

const sizes = fc.bigInt(-(10n ** 24n), 10n ** 24n).filter((size) => size !== 0n);
const prices = fc.bigInt(1n, 10n ** 24n);
const indexes = fc.bigInt(-(10n ** 22n), 10n ** 22n);
const terms = { cap: 4_000_000n, base: 12_500n };
const wad = (units: number): bigint => BigInt(Math.round(units * 1e6)) * 10n ** 12n;

describe('a perpetual position', () => {
  const open = (size: number, price: number): PerpetualPosition => changePerpetual(FLAT, wad(size), wad(price), 0n).position;

  it('given a long that is opened, nothing is realised and the quote is the cost', () => {
    const { position, realised, reduced } = changePerpetual(FLAT, wad(2), wad(60_000), 0n);
    expect([position.size, quoteAt(position, 0n), realised, reduced]).toEqual([wad(2), -wad(120_000), 0n, false]);
  });
  it('given half of it closed higher, half of the profit becomes cash', () => {
    const { position, realised, reduced } = changePerpetual(open(2, 60_000), -wad(1), wad(61_000), 0n);
    expect([position.size, quoteAt(position, 0n), realised, reduced]).toEqual([wad(1), -wad(60_000), wad(1000), true]);
  });
  it('given a flip, what closed is realised at the price and the rest opens at it', () => {
    const { position, realised, reduced } = changePerpetual(open(2, 60_000), -wad(5), wad(59_000), 0n);
    expect([position.size, quoteAt(position, 0n), realised, reduced]).toEqual([-wad(3), wad(177_000), -wad(2000), false]);
  });
  it('given funding since, a long pays it out of its quote and realises it when it closes', () => {
    const index = wad(3);
    expect(quoteAt(open(2, 100), index)).toBe(-wad(206));
    expect(changePerpetual(open(2, 100), -wad(2), wad(100), index)).toEqual({ position: FLAT, realised: -wad(6), reduced: true });
  });

  it('given any position, change, price and index, value is kept to a few units and never made', () => {
    fc.assert(
      fc.property(sizes, prices, sizes, prices, indexes, indexes, (size, entry, change, price, before, after) => {
        const held = changePerpetual(FLAT, size, entry, before).position;
        const { position, realised } = changePerpetual(held, change, price, after);
        const exact = quoteAt(held, after) * WAD - change * price;
        const lost = exact - (quoteAt(position, after) + realised) * WAD;
        expect(lost >= 0n).toBe(true);
        // Rounded once: the leg; once more: the base.
        expect(lost < 2n * WAD).toBe(true);
      }),
    );
  });
  it('given any position that goes flat, nothing of it stays behind', () => {
    fc.assert(
      fc.property(sizes, prices, prices, indexes, indexes, (size, entry, exit, before, after) => {
        const held = changePerpetual(FLAT, size, entry, before).position;
        const { position, realised, reduced } = changePerpetual(held, -size, exit, after);
        expect(position).toEqual(FLAT);
        expect(reduced).toBe(true);
        expect(realised).toBe(quoteAt(held, after) + floorDiv(size * exit, WAD));
      }),
    );
  });
  it('given any part that is closed, the profit per unit of the rest stays what it was, to a unit', () => {
    fc.assert(
      fc.property(sizes, prices, prices, fc.integer({ min: 1, max: 99 }), (size, entry, exit, share) => {
        const part = (size * BigInt(share)) / 100n;
        fc.pre(part !== 0n);
        const held = changePerpetual(FLAT, size, entry, 0n).position;
        const { position } = changePerpetual(held, -part, exit, 0n);
        const whole = quoteAt(held, 0n) * position.size - quoteAt(position, 0n) * size;
        const abs = (value: bigint): bigint => (value < 0n ? -value : value);
        expect(abs(whole) <= 2n * abs(size)).toBe(true);
      }),
    );
  });
});

describe('funding', () => {
  const rested: Funding = { index: 5n, perHour: wad(3), since: 1000n };

  it('given prices, the rate is an eighth of the premium and the base, within the cap', () => {
    expect(fundingRate(terms, { mark: wad(60_000), spot: wad(60_000) })).toBe(12_500n);
    expect(fundingRate(terms, { mark: wad(60_060), spot: wad(60_000) })).toBe(125_000n + 12_500n);
    expect(fundingRate(terms, { mark: wad(70_000), spot: wad(60_000) })).toBe(4_000_000n);
    expect(fundingRate(terms, { mark: wad(50_000), spot: wad(60_000) })).toBe(-4_000_000n);
  });
  it('given prices nobody may rely on, it samples 0', () => {
    expect(fund(rested, terms, null, 4600n)).toEqual({ index: 5n + wad(3), perHour: 0n, since: 4600n });
  });
  it('given two touches in one second, only the first samples', () => {
    const first = fund(rested, terms, { mark: wad(60_000), spot: wad(60_000) }, 4600n);
    expect(fund(first, terms, { mark: wad(70_000), spot: wad(60_000) }, 4600n)).toBe(first);
    expect(first.perHour).toBe((12_500n * wad(60_000)) / 10n ** 9n);
  });
  it('given the rate of the last touch, nobody who touches now changes what has accrued', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 6n), prices, prices, (elapsed, mark, spot) => {
        const now = rested.since + elapsed;
        expect(fund(rested, terms, { mark, spot }, now).index).toBe(indexAt(rested, now));
      }),
    );
  });
  it('given a time before the last touch, it says so', () => {
    expect(() => indexAt(rested, 999n)).toThrow(/time is 999; expected 1000 or later/);
  });
});
