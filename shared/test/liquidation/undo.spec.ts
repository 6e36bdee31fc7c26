import { describe, expect, it } from '@jest/globals';
import { mayBeUndone, undoingSnapshots } from '../../src/liquidation/undo.js';

const auction = { startOldest: 100n, openedAt: 110n };

describe('given an auction that was started with prices of 100 at 110', () => {
  it('snapshots dated in between or a minute later may undo it, the newest first', () => {
    const times = [90, 100, 101, 105, 110, 170, 171].map((time) => ({ time }));
    expect(undoingSnapshots(auction, times)).toEqual([{ time: 170 }, { time: 110 }, { time: 105 }, { time: 101 }]);
    expect(undoingSnapshots({ ...auction, startOldest: 170n }, times)).toEqual([]);
  });
  it('only for a moment', () => {
    expect(mayBeUndone(auction, 110n)).toBe(true);
    expect(mayBeUndone(auction, 230n)).toBe(true);
    expect(mayBeUndone(auction, 231n)).toBe(false);
  });
});
