import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OVERDUE_FACTOR, checkFlushPolicy, costPerEntry, decideFlush } from '../src/batching.js';
import { unixSeconds } from '../src/units.js';

const policy = { maxCount: 50, maxAgeSeconds: 30, minCount: 3 };
const at = (s: number) => unixSeconds(BigInt(s));

describe('decideFlush', () => {
  it('given nothing waits, it never flushes', () => {
    fc.assert(
      fc.property(fc.nat(10 ** 9), (now) => {
        expect(decideFlush(policy, { count: 0, oldestAt: null }, at(now))).toEqual({ kind: 'wait', because: 'empty' });
      }),
    );
  });

  it('given the count is reached, it flushes at once', () => {
    expect(decideFlush(policy, { count: 50, oldestAt: at(100) }, at(100))).toEqual({ kind: 'flush', because: 'count', entries: 50 });
  });

  it('given enough entries and the age, it flushes; before the age it names the time', () => {
    expect(decideFlush(policy, { count: 3, oldestAt: at(100) }, at(129))).toEqual({ kind: 'wait', because: 'young', until: at(130) });
    expect(decideFlush(policy, { count: 3, oldestAt: at(100) }, at(130))).toEqual({ kind: 'flush', because: 'age', entries: 3 });
  });

  it('given fewer than the least count, it waits longer but not for ever', () => {
    const overdue = 100 + 30 * OVERDUE_FACTOR;
    expect(decideFlush(policy, { count: 1, oldestAt: at(100) }, at(130))).toEqual({ kind: 'wait', because: 'few', until: at(overdue) });
    expect(decideFlush(policy, { count: 1, oldestAt: at(100) }, at(overdue))).toEqual({ kind: 'flush', because: 'overdue', entries: 1 });
  });

  it('given any policy and any waiting entry, some later time flushes it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.nat(1000),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 200 }),
        (maxCount, maxAgeSeconds, least, count) => {
          const minCount = Math.min(least, maxCount);
          const later = at(1000 + maxAgeSeconds * OVERDUE_FACTOR);
          expect(decideFlush({ maxCount, maxAgeSeconds, minCount }, { count, oldestAt: at(1000) }, later).kind).toBe('flush');
        },
      ),
    );
  });

  it('given a policy that contradicts itself, it says which field and what was expected', () => {
    expect(() => checkFlushPolicy({ ...policy, minCount: 51 })).toThrow('minCount is 51; expected 1 … maxCount (50)');
    expect(() => checkFlushPolicy({ ...policy, maxCount: 0 })).toThrow('maxCount is 0; expected a positive integer');
    expect(() => checkFlushPolicy({ ...policy, maxAgeSeconds: -1 })).toThrow('maxAgeSeconds is -1');
  });
});

describe('costPerEntry', () => {
  it('rounds up, and charges a resend as a whole', () => {
    expect(costPerEntry({ entries: 3, feeWei: 7n, gasWei: 3n })).toBe(4n);
    expect(costPerEntry({ entries: 0, feeWei: 7n, gasWei: 3n })).toBe(10n);
  });
});
