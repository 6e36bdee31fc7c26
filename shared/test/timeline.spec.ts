import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { zeroHash } from 'viem';
import { depositTimeline, type DepositFact, type Place } from '../src/timeline.js';
import { eid, unixSeconds } from '../src/units.js';

const place = (at: number, chain = 40002): Place => ({ at: unixSeconds(BigInt(at)), eid: eid(chain), tx: zeroHash, final: true });
const story: DepositFact[] = [
  { kind: 'deposited', place: place(1), orphaned: false },
  { kind: 'final', place: place(3) },
  { kind: 'flushed', place: place(4), orphaned: false },
  { kind: 'verified', place: place(6, 40001), orphaned: false },
  { kind: 'outcome', outcome: { kind: 'parked', reason: 'InflowLimit' }, place: place(7, 40001), orphaned: false },
  { kind: 'outcome', outcome: { kind: 'credited' }, place: place(9, 40001), orphaned: false },
];

describe('depositTimeline', () => {
  it('given the facts in any order, it tells the same story', () => {
    const told = depositTimeline(story);
    expect(told.steps.map((s) => s.stage)).toEqual(['deposited', 'final', 'flushed', 'verified', 'parked', 'delivered']);
    expect(told.state).toBe('delivered');
    fc.assert(
      fc.property(fc.shuffledSubarray(story, { minLength: story.length }), (facts) => {
        expect(depositTimeline(facts)).toEqual(told);
      }),
    );
  });
  it.each([1, 2, 3, 4, 5, 6])('given the first %s facts, the state is the last of them', (n) => {
    expect(depositTimeline(story.slice(0, n)).state).toBe(['deposited', 'final', 'flushed', 'verified', 'parked', 'delivered'][n - 1]);
  });
  it('given a reorg removed the deposit, it says so and keeps what was', () => {
    const told = depositTimeline([{ kind: 'deposited', place: place(1), orphaned: true }]);
    expect(told).toMatchObject({ state: 'orphaned', steps: [], reorged: [{ stage: 'deposited' }] });
  });
  it('given a deposit that came back after a reorg, it goes on and still shows the removed one', () => {
    const told = depositTimeline([
      { kind: 'deposited', place: place(1), orphaned: true },
      { kind: 'deposited', place: place(2), orphaned: false },
    ]);
    expect(told).toMatchObject({ state: 'deposited', steps: [{ stage: 'deposited' }], reorged: [{ stage: 'deposited' }] });
  });
  it('given a cancelled deposit, it is cancelled until the hub stepped over it', () => {
    const cancelled: DepositFact[] = [
      { kind: 'deposited', place: place(1), orphaned: false },
      { kind: 'cancelled', place: place(2), orphaned: false },
    ];
    expect(depositTimeline(cancelled).state).toBe('cancelled');
    expect(depositTimeline([...cancelled, { kind: 'outcome', outcome: { kind: 'voided' }, place: place(5), orphaned: false }]).state).toBe(
      'voided',
    );
  });
});
