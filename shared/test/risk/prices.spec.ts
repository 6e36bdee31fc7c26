import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { concatHex, numberToHex, type Hex } from 'viem';
import { feedId, type FeedKind } from '../../src/risk/feed-word.js';
import { decodePrices, encodePrices, newestSnapshots, splitSignatures } from '../../src/risk/publish/prices.js';

const signature = (n: number): Hex => numberToHex(n, { size: 65 });
const id = (underlying: number, kind: FeedKind = 'spot', expiry = 0n): bigint => feedId({ underlying, kind, expiry });

describe('given the bytes that checks of margin take as prices', () => {
  it('reads back what was written, signatures one by one', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 40 - 1 }),
        fc.array(fc.record({ feed: fc.bigInt(0n, 2n ** 64n - 1n), value: fc.bigInt(0n, 2n ** 128n - 1n), spread: fc.nat({ max: 1e9 }) })),
        fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
        (time, reports, by) => {
          const signatures = by.map(signature);
          const read = decodePrices(encodePrices({ time, reports, signatures: concatHex(signatures) }));
          expect({ time: read.time, reports: read.reports }).toEqual({ time, reports });
          expect(splitSignatures(read.signatures)).toEqual(signatures);
        },
      ),
    );
  });

  it.each<[string, Hex, string]>([
    ['other bytes', '0x1234', 'prices of 2 bytes are no snapshot'],
    ['no signature', encodePrices({ time: 1, reports: [], signatures: '0x' }), 'signatures have 0 bytes'],
    [
      'half a signature',
      encodePrices({ time: 1, reports: [], signatures: '0x1234' }),
      'signatures have 2 bytes; expected a multiple of 65',
    ],
  ])('names what is wrong with %s', (_, bytes, message) => {
    expect(() => decodePrices(bytes)).toThrow(message);
  });
});

describe('given snapshots of several times', () => {
  const both = { time: 100, feeds: [id(1), id(2)] };
  const one = { time: 110, feeds: [id(1)] };

  it('chooses none that newer ones cover, newest first', () => {
    expect(newestSnapshots([{ time: 90, feeds: [id(1), id(2)] }, both, one], null)).toEqual([one, both]);
    expect(newestSnapshots([both, { ...both, time: 120 }, one], null)).toEqual([{ ...both, time: 120 }]);
  });

  it('looks at the underlyings that are asked for alone', () => {
    expect(newestSnapshots([both, one], [1])).toEqual([one]);
    expect(newestSnapshots([both, one], [2])).toEqual([both]);
    expect(newestSnapshots([both, one], [3])).toEqual([]);
  });

  it('keeps no old snapshot for an option that has expired by the newest', () => {
    const expiring = { time: 100, feeds: [id(1), id(1, 'surface', 110n), id(1, 'surface', 111n)] };
    expect(newestSnapshots([expiring, one], null)).toEqual([one, expiring]);
    expect(newestSnapshots([{ ...expiring, feeds: [id(1), id(1, 'surface', 110n)] }, one], null)).toEqual([one]);
  });

  it('chooses by time, whatever order they come in, and always covers every feed once', () => {
    const some = fc.record({
      time: fc.nat({ max: 50 }),
      feeds: fc.uniqueArray(
        fc.integer({ min: 0, max: 5 }).map((u) => id(u)),
        { minLength: 1 },
      ),
    });
    fc.assert(
      fc.property(fc.uniqueArray(some, { selector: ({ time }) => time }), (snapshots) => {
        const chosen = newestSnapshots(snapshots, null);
        expect(newestSnapshots([...snapshots].reverse(), null)).toEqual(chosen);
        const newest = (of: typeof snapshots, feed: bigint) =>
          Math.max(...of.filter(({ feeds }) => feeds.includes(feed)).map(({ time }) => time));
        for (const feed of new Set(snapshots.flatMap(({ feeds }) => feeds))) expect(newest(chosen, feed)).toBe(newest(snapshots, feed));
        for (const [i, { feeds }] of chosen.entries())
          expect(feeds.some((feed) => !chosen.slice(0, i).some((newer) => newer.feeds.includes(feed)))).toBe(true);
      }),
    );
  });
});
