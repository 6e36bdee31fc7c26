import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod/v4';
import { decodeHoldings, encodeHoldings, type HeldOption, type Holdings } from '../../src/risk/holdings.js';

const big = z.string().transform(BigInt);
const cases = z
  .object({
    cases: z.array(
      z.object({
        name: z.string(),
        words: z.array(big),
        cash: big,
        initialFactor: z.int(),
        maxLeverage: z.int(),
        collateral: z.array(z.object({ assetId: z.int(), amount: big })),
        underlyings: z.array(
          z.object({
            underlying: z.int(),
            size: big,
            quote: big,
            options: z.array(z.object({ place: z.int(), isPut: z.boolean(), lots: big })),
          }),
        ),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(path.join(import.meta.dirname, '../../vectors/risk/holdings.json'), 'utf8'))).cases;

const signed = (bits: bigint) => fc.bigInt(-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n);
const option: fc.Arbitrary<HeldOption> = fc.record({
  place: fc.nat(255),
  isPut: fc.boolean(),
  lots: signed(33n).filter((lots) => lots !== 0n),
});
const anyHoldings: fc.Arbitrary<Holdings> = fc.record({
  cash: signed(128n),
  initialFactor: fc.nat(65_535),
  maxLeverage: fc.nat(2 ** 32 - 1),
  collateral: fc.array(fc.record({ assetId: fc.integer({ min: 1, max: 65_535 }), amount: fc.bigInt(0n, (1n << 108n) - 1n) }), {
    maxLength: 17,
  }),
  underlyings: fc
    .uniqueArray(
      fc.record({
        underlying: fc.nat(65_535),
        size: signed(104n),
        quote: signed(128n),
        options: fc.array(option, { maxLength: 40 }),
      }),
      { maxLength: 4, selector: ({ underlying }) => underlying },
    )
    .map((list) => list.sort((a, b) => a.underlying - b.underlying)),
});

const plain: Holdings = { cash: 5n, initialFactor: 0, maxLeverage: 0, collateral: [], underlyings: [] };
const position = { underlying: 1, size: 0n, quote: 0n, options: [] };

describe('holdings as words', () => {
  it.each(cases)('given $name, the words are those of the vectors, both ways', ({ name: _, words, ...holdings }) => {
    expect(encodeHoldings(holdings)).toEqual(words);
    expect(decodeHoldings(words)).toEqual(holdings);
  });

  it('given any holdings, their words say all of it', () => {
    fc.assert(fc.property(anyHoldings, (holdings) => expect(decodeHoldings(encodeHoldings(holdings))).toEqual(holdings)));
  });

  it('given any holdings, no field reaches into another: what changes one word changes no other', () => {
    fc.assert(
      fc.property(anyHoldings, signed(128n), (holdings, cash) => {
        const [, ...rest] = encodeHoldings(holdings);
        expect(encodeHoldings({ ...holdings, cash }).slice(1)).toEqual(rest);
        for (const word of encodeHoldings(holdings)) expect(word >= 0n && word < 1n << 256n).toBe(true);
      }),
    );
  });

  it('given words with holes, what is left reads as without', () => {
    const held = (lots: bigint): bigint => (4n << 1n) | (BigInt.asUintN(33, lots) << 9n);
    const head = 5n | (2n << 128n) | (1n << 136n);
    const words = [head, 0n, (7n | (3n << 108n)) << 124n, 1n | (2n << 16n), 0n, held(-9n) << 84n];
    expect(decodeHoldings(words)).toEqual({
      ...plain,
      collateral: [{ assetId: 3, amount: 7n }],
      underlyings: [{ ...position, options: [{ place: 4, isPut: false, lots: -9n }] }],
    });
  });

  it.each<[string, Partial<Holdings>, RegExp]>([
    ['cash of 128 bits', { cash: 1n << 127n }, /cash is \d+; expected −2\^127 … 2\^127 − 1/],
    ['an asset 0', { collateral: [{ assetId: 0, amount: 1n }] }, /assetId is 0; expected 1 … 2\^16 − 1/],
    ['a fraction', { initialFactor: 1.5 }, /initialFactor is 1.5; expected 0 … 2\^16 − 1/],
    ['an amount of 109 bits', { collateral: [{ assetId: 1, amount: 1n << 108n }] }, /amount of collateral is/],
    ['a place 256', { underlyings: [{ ...position, options: [{ place: 256, isPut: false, lots: 1n }] }] }, /place is 256/],
    ['an empty option', { underlyings: [{ ...position, options: [{ place: 1, isPut: true, lots: 0n }] }] }, /lots of place 1 are 0/],
    ['the same underlying twice', { underlyings: [position, position] }, /underlying 1 comes after 1; expected underlyings that ascend/],
  ])('given %s, it says what was expected', (_, part, expected) => {
    expect(() => encodeHoldings({ ...plain, ...part })).toThrow(expected);
  });

  it.each<[string, bigint[], RegExp]>([
    ['no word', [], /expected a head from word 0 on/],
    ['less collateral than counted', [1n << 128n], /end after 1 words; expected the collateral the head counts from word 1 on/],
    ['fewer positions than counted', [1n << 136n], /expected a position from word 1 on/],
    ['fewer options than counted', [1n << 136n, 1n << 16n], /expected the options the position counts from word 2 on/],
    ['a word more', [0n, 0n], /have 2 words; expected 1/],
    ['underlyings that fall', [2n << 136n, 4n, 3n], /underlying 3 comes after 4/],
    ['a word that is none', [1n << 256n], /word 0 is/],
  ])('given %s, it says what was expected', (_, words, expected) => {
    expect(() => decodeHoldings(words)).toThrow(expected);
  });
});
