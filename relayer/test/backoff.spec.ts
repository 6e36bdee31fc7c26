import { describe, expect, it } from '@jest/globals';
import { Backoff } from '../src/stages/release/backoff.js';

describe('given things that failed', () => {
  it('lets what was never tried go first, then what is due the longest', () => {
    const backoff = new Backoff();
    backoff.failed('a', 0);
    backoff.failed('b', 0);
    backoff.failed('b', 0);
    expect(backoff.due(['a', 'b', 'c'], 1_000)).toEqual(['c', 'a']);
    expect(backoff.due(['b', 'a', 'c'], 2_000)).toEqual(['c', 'a', 'b']);
    backoff.passed('b');
    expect(backoff.due(['a', 'b'], 0)).toEqual(['b']);
  });
});
