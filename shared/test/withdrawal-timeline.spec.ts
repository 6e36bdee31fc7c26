import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { zeroHash } from 'viem';
import type { Place } from '../src/timeline.js';
import { eid, sequence, unixSeconds } from '../src/units.js';
import {
  CLAIM_REASONS,
  CLAIM_WAITING,
  withdrawalOutlook,
  withdrawalTimeline,
  type WithdrawalContext,
  type WithdrawalEvent,
  type WithdrawalFact,
} from '../src/withdrawal-timeline.js';

const HUB = eid(40001);
const SPOKE = eid(40002);
const place = (at: number, chain = HUB): Place => ({ at: unixSeconds(BigInt(at)), eid: chain, tx: zeroHash, final: true });
const fact = (event: WithdrawalEvent, at: number, chain = HUB): WithdrawalFact => ({ ...event, place: place(at, chain), orphaned: false });

const towards: WithdrawalFact[] = [
  fact({ kind: 'requested' }, 0, SPOKE),
  fact({ kind: 'queued' }, 10),
  fact({ kind: 'ordered', sequence: sequence(3n) }, 20),
  fact({ kind: 'final' }, 30),
  fact({ kind: 'flushed' }, 40),
  fact({ kind: 'verified' }, 50, SPOKE),
];
const paid = [...towards, fact({ kind: 'paid' }, 60, SPOKE), fact({ kind: 'receipted' }, 70)];
const claimable = [...towards, fact({ kind: 'claimable', reason: 'TransferFailed' }, 60, SPOKE), fact({ kind: 'receipted' }, 70)];

const context: WithdrawalContext = {
  claim: 9n,
  hubEid: HUB,
  dstEid: SPOKE,
  now: unixSeconds(60n),
  isReturn: false,
  waiting: null,
  ahead: 0,
  packet: null,
  hold: null,
  receipt: null,
  expect: { ordered: 5, final: 5, flushed: 5, verified: 5, delivered: 5, paid: 1_000, receipted: 100 },
  claimSimulation: null,
  cancelDelay: 15,
  returnDelay: 1_000,
};
const look = (facts: readonly WithdrawalFact[], part: Partial<WithdrawalContext> = {}) =>
  withdrawalOutlook(withdrawalTimeline(facts), { ...context, ...part });
const calls = (facts: readonly WithdrawalFact[], part: Partial<WithdrawalContext> = {}): string[] =>
  look(facts, part).calls.map(({ call, by }) => `${call.contract}.${call.function} by ${by}`);

describe('withdrawalTimeline', () => {
  it('given the facts in any order, it tells the same story', () => {
    const told = withdrawalTimeline(paid);
    expect(told.steps.map((s) => s.stage)).toEqual(['requested', 'queued', 'ordered', 'final', 'flushed', 'verified', 'paid', 'receipted']);
    expect(told).toMatchObject({ state: 'receipted', receipted: true, orderSequence: 3n, reorged: [] });
    fc.assert(
      fc.property(fc.shuffledSubarray(paid, { minLength: paid.length }), (facts) => expect(withdrawalTimeline(facts)).toEqual(told)),
    );
  });
  it.each(paid.map((f, i) => [f.kind, i + 1] as const))('given the facts up to %s, that is the state', (kind, n) => {
    expect(withdrawalTimeline(paid.slice(0, n)).state).toBe(kind);
  });
  it('given a claimable order, it stays claimable when receipted, until it is claimed or returned', () => {
    expect(withdrawalTimeline(claimable)).toMatchObject({ state: 'claimable', receipted: true });
    expect(withdrawalTimeline([...claimable, fact({ kind: 'claimed', to: '0x1' }, 80, SPOKE)]).state).toBe('receipted');
    expect(withdrawalTimeline([...claimable, fact({ kind: 'returned', depositSequence: sequence(8n) }, 80, SPOKE)])).toMatchObject({
      state: 'returned',
    });
  });
  it('given a refused order under a receipt of its neighbours, it stays refused', () => {
    const refused = [...towards, fact({ kind: 'refused', reason: 'BackingExceeded' }, 60, SPOKE), fact({ kind: 'receipted' }, 70)];
    expect(withdrawalTimeline(refused).state).toBe('refused');
  });
  it('given a payout that a reorg removed, it shows it and goes on from before', () => {
    const told = withdrawalTimeline([...towards, { ...fact({ kind: 'paid' }, 60, SPOKE), orphaned: true }]);
    expect(told).toMatchObject({ state: 'verified', reorged: [{ stage: 'paid' }] });
  });
  it('given only orphaned facts, it is orphaned', () => {
    expect(withdrawalTimeline([{ ...fact({ kind: 'queued' }, 1), orphaned: true }]).state).toBe('orphaned');
    expect(look([{ ...fact({ kind: 'queued' }, 1), orphaned: true }])).toMatchObject({ actor: 'nobody', late: false, since: 1n });
  });
});

describe('withdrawalOutlook', () => {
  const queued = towards.slice(0, 2);
  it('given a queued claim that can be ordered, anyone may order it, its owner cancel it, and it is late after its time', () => {
    expect(calls(queued, { waiting: 'None' })).toEqual(['Withdrawals.order by anyone', 'Withdrawals.cancel by owner']);
    expect(look(queued, { waiting: 'None', now: unixSeconds(15n) })).toMatchObject({ next: 'ordered', by: 15n, late: false, since: 10n });
    expect(look(queued, { waiting: 'None', now: unixSeconds(16n) }).late).toBe(true);
  });
  it.each([
    ['Liquidity', 'liquidity', false],
    ['OutflowLimit', 'time', false],
    ['PathQuarantined', 'governance', true],
    ['PathClosed', 'governance', true],
    ['OrdersPaused', 'governance', true],
  ] as const)('given a claim that waits for %s, it says who, and its owner may still cancel it', (waiting, actor, late) => {
    expect(look(queued, { waiting, ahead: 4 })).toMatchObject({ actor, late });
    expect(calls(queued, { waiting })).toEqual(['Withdrawals.cancel by owner']);
  });
  it('given a deposit that goes home, nobody can cancel it', () => {
    expect(calls(queued, { waiting: 'Liquidity', isReturn: true })).toEqual([]);
    expect(calls(towards.slice(0, 3), { isReturn: true })).toEqual(['Messenger.flush by anyone']);
  });
  it('given an unflushed order, its owner may cancel it after the delay, and not once it is flushed', () => {
    const ordered = towards.slice(0, 3);
    expect(calls(ordered, { now: unixSeconds(34n) })).toEqual(['Messenger.flush by anyone']);
    expect(calls(ordered, { now: unixSeconds(35n) })).toEqual(['Messenger.flush by anyone', 'Withdrawals.cancelOrdered by owner']);
    expect(calls(ordered, { now: unixSeconds(35n), hold: 'quarantined' })).toEqual(['Withdrawals.cancelOrdered by owner']);
    expect(calls(towards.slice(0, 5), { now: unixSeconds(99n) })).toEqual(['Messenger.resend by anyone']);
    expect(look(towards)).toMatchObject({ next: 'paid', actor: 'relayer', by: 55n, late: true });
  });
  it.each([
    ['TransferFailed', 'owner', ['CollateralVault.claimTo by receiver-or-owner', 'CollateralVault.returnClaim by receiver-or-owner']],
    ['ReceiverInvalid', 'owner', ['CollateralVault.claimTo by receiver-or-owner', 'CollateralVault.returnClaim by receiver-or-owner']],
    ['OutflowLimit', 'time', ['CollateralVault.returnClaim by receiver-or-owner']],
    ['PayoutsPaused', 'governance', ['CollateralVault.returnClaim by receiver-or-owner']],
    ['AssetFrozen', 'governance', []],
  ] as const)('given an order made claimable by %s, it says who has to act and the ways out', (reason, actor, ways) => {
    const facts = [...towards, fact({ kind: 'claimable', reason }, 60, SPOKE)];
    expect(look(facts)).toMatchObject({ actor, since: 60n });
    expect(calls(facts)).toEqual(ways);
    expect(calls(facts, { claimSimulation: 'passes' })[0]).toBe('CollateralVault.claim by anyone');
  });
  it('given a claimable order older than the return delay, anyone may return it; one that goes home has no account to return to', () => {
    expect(calls(claimable, { now: unixSeconds(1_060n) })).toContain('CollateralVault.returnClaim by anyone');
    expect(calls(claimable, { isReturn: true })).toEqual(['CollateralVault.claimTo by receiver-or-owner']);
  });
  it('given an order that is not paid, it is late by the time its operator gives it, at whatever stage it is', () => {
    const times = { ...context.expect, final: 500, flushed: 500, verified: 500, delivered: 500, paid: 30 };
    for (const n of [3, 4, 5, 6]) {
      const facts = paid.slice(0, n);
      const at = withdrawalTimeline(facts).steps.find((s) => s.stage === 'ordered')?.place.at ?? 0n;
      expect(look(facts, { expect: times, now: unixSeconds(at + 30n) })).toMatchObject({ late: false, by: at + 30n });
      expect(look(facts, { expect: times, now: unixSeconds(at + 31n) })).toMatchObject({ late: true, by: at + 30n });
    }
  });
  it('given a paid order, its receipt is followed, and late only after its own time', () => {
    const facts = paid.slice(0, 7);
    expect(look(facts, { now: unixSeconds(160n) })).toMatchObject({ next: 'receipted', by: 160n, late: false, calls: [] });
    const receipt = {
      srcEid: SPOKE,
      dstEid: HUB,
      sequence: sequence(5n),
      stage: 'verified',
      since: unixSeconds(65n),
      packet: null,
      hold: null,
      expect: context.expect,
    } as const;
    expect(calls(facts, { receipt })).toEqual(['Messenger.deliver by anyone']);
    expect(look(facts, { receipt, now: unixSeconds(161n) })).toMatchObject({ late: true, by: 160n, since: 60n });
  });
  it('given an end, nothing is left to do', () => {
    for (const facts of [paid, [...queued, fact({ kind: 'cancelled', voided: false }, 30)]])
      expect(look(facts)).toMatchObject({ actor: 'nobody', next: null, late: false, calls: [] });
  });

  it('given any facts and context, it answers; and whatever has not ended names somebody who has to act', () => {
    const kinds = fc.oneof(
      ...paid.map((f) => fc.constant(f)),
      ...CLAIM_REASONS.map((reason) => fc.constant(fact({ kind: 'claimable', reason }, 60, SPOKE))),
      fc.constant(fact({ kind: 'claimed', to: '0x1' }, 80, SPOKE)),
      fc.constant(fact({ kind: 'returned', depositSequence: sequence(8n) }, 80, SPOKE)),
      fc.constant(fact({ kind: 'refused', reason: 'Unhandled' }, 60, SPOKE)),
      fc.constant(fact({ kind: 'cancelled', voided: true }, 30)),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kinds, fc.boolean()).map(([f, orphaned]): WithdrawalFact => ({ ...f, orphaned }))),
        fc.constantFrom(null, ...CLAIM_WAITING),
        fc.constantFrom(null, 'passes' as const, 'reverts' as const),
        fc.boolean(),
        fc.nat(2_000),
        (facts, waiting, claimSimulation, isReturn, now) => {
          const told = withdrawalTimeline(facts);
          const outlook = withdrawalOutlook(told, { ...context, waiting, claimSimulation, isReturn, now: unixSeconds(BigInt(now)) });
          const over = ['orphaned', 'returned', 'receipted', 'cancelled'].includes(told.state);
          expect(outlook.actor === 'nobody').toBe(over);
          expect(outlook.sentence).toMatch(/^[A-Z].*\.$/);
          if (over) expect(outlook.calls).toEqual([]);
        },
      ),
    );
  });
});
