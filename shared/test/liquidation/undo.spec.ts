import { describe, expect, it } from '@jest/globals';
import { mayBeUndone, undoingSnapshots } from '../../src/liquidation/undo.js';

const auction = { startOldest: 100n, openedAt: 110n, lastBidAt: 0n };

describe('given an auction that was started with prices of 100 at 110', () => {
  it('snapshots dated in between may undo it, the newest first', () => {
    const times = [90, 100, 101, 105, 110, 111].map((time) => ({ time }));
    expect(undoingSnapshots(auction, times)).toEqual([{ time: 110 }, { time: 105 }, { time: 101 }]);
    expect(undoingSnapshots({ ...auction, startOldest: 110n }, times)).toEqual([]);
  });
  it('while nobody bid, and only for a moment', () => {
    expect(mayBeUndone(auction, 110n)).toBe(true);
    expect(mayBeUndone(auction, 230n)).toBe(true);
    expect(mayBeUndone(auction, 231n)).toBe(false);
    expect(mayBeUndone({ ...auction, lastBidAt: 112n }, 113n)).toBe(false);
  });
});
