import { FEED_KINDS, feedId, feedName, hasExpiry, packFeed, unpackFeed } from '../../../src/risk/feed-word.js';

describe('given the name of a feed', () => {
  it('reads back what was packed, in the order of the fields', () => {
    let last = -1n;
    for (const underlying of [0, 1, 65_535])
      for (const kind of FEED_KINDS)
        for (const expiry of hasExpiry(kind) ? [1n, 1_800_000_000n, (1n << 40n) - 1n] : [0n]) {
          const id = feedId({ underlying, kind, expiry });
          expect(feedName(id)).toEqual({ underlying, kind, expiry });
          expect(id).toBeGreaterThan(last);
          last = id;
        }
  });

  it.each([
    { underlying: -1, kind: 'spot', expiry: 0n },
    { underlying: 65_536, kind: 'spot', expiry: 0n },
    { underlying: 1.5, kind: 'spot', expiry: 0n },
    { underlying: 1, kind: 'mark', expiry: 1n },
    { underlying: 1, kind: 'forward', expiry: 0n },
    { underlying: 1, kind: 'surface', expiry: 1n << 40n },
  ] as const)('refuses what names none: $underlying $kind $expiry', (name) => {
    expect(() => feedId(name)).toThrow(/expected/);
  });

  it('refuses an id of a kind there is none of', () => {
    expect(() => feedName(5n << 40n)).toThrow('kind 5; expected 0 … 4');
  });
});

describe('given the word of a feed', () => {
  const largest = { value: (1n << 128n) - 1n, time: (1n << 40n) - 1n, spread: (1n << 32n) - 1n };

  it('reads back what was packed', () => {
    for (const final of [false, true])
      for (const halted of [false, true])
        for (const fields of [largest, { value: 1n, time: 2n, spread: 3n }, { value: 0n, time: 0n, spread: 0n }])
          expect(unpackFeed(packFeed({ ...fields, final, halted }))).toEqual({ ...fields, final, halted });
  });

  it.each(['value', 'time', 'spread'] as const)('refuses a %s that does not fit', (field) => {
    const feed = { value: 1n, time: 1n, spread: 1n, final: false, halted: false };
    expect(() => packFeed({ ...feed, [field]: largest[field] + 1n })).toThrow(new RegExp(`^${field} is`));
    expect(() => packFeed({ ...feed, [field]: -1n })).toThrow(new RegExp(`^${field} is`));
  });
});
