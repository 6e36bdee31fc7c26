import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { zeroHash } from 'viem';
import { depositOutlook, depositTimeline, type DepositContext, type DepositFact, type Place } from '../src/timeline.js';
import { eid, sequence, unixSeconds } from '../src/units.js';

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

describe('depositOutlook', () => {
  const context: DepositContext = {
    srcEid: eid(40002),
    hubEid: eid(40001),
    sequence: sequence(5n),
    now: unixSeconds(8n),
    packet: null,
    hold: null,
    expect: { final: 5, flushed: 5, verified: 5, delivered: 5, parked: 50 },
    cancellableFrom: unixSeconds(8n),
    returnableFrom: unixSeconds(100n),
  };
  const look = (n: number, part: Partial<DepositContext> = {}) =>
    depositOutlook(depositTimeline(story.slice(0, n)), { ...context, ...part });
  const functions = (n: number, part: Partial<DepositContext> = {}): string[] => look(n, part).calls.map(({ call }) => call.function);

  it('given an unflushed deposit, anyone may flush it, and its payer cancel it after the delay', () => {
    expect(functions(1)).toEqual(['flush', 'cancel']);
    expect(functions(2, { now: unixSeconds(7n) })).toEqual(['flush']);
    expect(functions(3)).toEqual(['resend']);
    expect(look(4)).toMatchObject({ next: 'delivered', by: 11n, late: false, since: 6n });
  });
  it('given a parked deposit, anyone may retry it, and send it home after the delay', () => {
    expect(functions(5)).toEqual(['retry']);
    expect(functions(5, { now: unixSeconds(100n) })).toEqual(['retry', 'returnDeposit']);
    expect(look(5, { now: unixSeconds(57n) }).late).toBe(false);
    expect(look(5, { now: unixSeconds(58n) }).late).toBe(true);
  });
  it('given a deposit sent home, it names the claim that goes on', () => {
    const home: DepositFact = { kind: 'outcome', outcome: { kind: 'returned', claim: 4n }, place: place(8, 40001), orphaned: false };
    const told = depositTimeline([...story.slice(0, 5), home]);
    expect(told).toMatchObject({ state: 'returned', next: 'Sent home: follow the claim.' });
    expect(told.steps.at(-1)?.detail).toBe('claim 4');
    expect(depositOutlook(told, context)).toMatchObject({ actor: 'nobody', calls: [] });
  });
  it('given an end, nothing is left to do', () => {
    expect(look(6)).toMatchObject({ actor: 'nobody', next: null, late: false, calls: [] });
    expect(depositOutlook(depositTimeline([]), context)).toMatchObject({ actor: 'nobody', since: 8n });
  });
});
