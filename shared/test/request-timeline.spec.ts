import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { zeroHash } from 'viem';
import { requestOutlook, requestTimeline, type RequestContext, type RequestFact } from '../src/request-timeline.js';
import type { Place } from '../src/timeline.js';
import { eid, sequence, unixSeconds } from '../src/units.js';

const HUB = eid(40001);
const SPOKE = eid(40002);
const at = (time: number, chain = HUB): { place: Place; orphaned: boolean } => ({
  place: { at: unixSeconds(BigInt(time)), eid: chain, tx: zeroHash, final: true },
  orphaned: false,
});
const story: RequestFact[] = [
  { kind: 'requested', ...at(1, SPOKE) },
  { kind: 'final', ...at(2, SPOKE) },
  { kind: 'flushed', ...at(3, SPOKE) },
  { kind: 'verified', ...at(4) },
  { kind: 'recorded', ...at(5) },
  { kind: 'queued', claim: 12n, ...at(6) },
];
const context: RequestContext = {
  srcEid: SPOKE,
  hubEid: HUB,
  sequence: sequence(4n),
  now: unixSeconds(5n),
  validUntil: unixSeconds(100n),
  packet: null,
  hold: null,
  undecidable: null,
  expect: { final: 1, flushed: 1, verified: 1, delivered: 1, decided: 10 },
};
const look = (n: number, part: Partial<RequestContext> = {}) => requestOutlook(requestTimeline(story.slice(0, n)), { ...context, ...part });

describe('requestTimeline', () => {
  it('given the facts in any order, it tells the same story and names the claim', () => {
    const told = requestTimeline(story);
    expect(told).toMatchObject({ state: 'queued', claim: 12n });
    expect(told.steps.at(-1)?.detail).toBe('claim 12');
    fc.assert(
      fc.property(fc.shuffledSubarray(story, { minLength: story.length }), (facts) => expect(requestTimeline(facts)).toEqual(told)),
    );
  });
  it.each(story.map((f, i) => [f.kind, i + 1] as const))('given the facts up to %s, that is the state', (kind, n) => {
    expect(requestTimeline(story.slice(0, n)).state).toBe(kind);
  });
  it('given a reorg, it keeps what was', () => {
    expect(requestTimeline([{ kind: 'requested', ...at(1, SPOKE), orphaned: true }])).toMatchObject({
      state: 'orphaned',
      steps: [],
      reorged: [{ stage: 'requested' }],
    });
  });
});

describe('requestOutlook', () => {
  it('given a request on its way, its next stage is that of the path, and delivery records it', () => {
    expect(look(1)).toMatchObject({ next: 'final' });
    expect(look(4)).toMatchObject({ next: 'recorded', actor: 'relayer', by: 5n });
  });
  it('given the brake, it says what is missing and when a levy may have covered it, and stays until its time has passed', () => {
    const figures = { missing: 1_234_567n * 10n ** 15n, fund: 10n ** 16n };
    const braked = { kind: 'braked', figures, until: unixSeconds(60n) } as const;
    expect(look(5, { undecidable: braked })).toMatchObject({
      ...{ next: 'queued', by: null, late: false, actor: 'time', calls: [] },
      sentence:
        'No cash can leave yet: 1234.56 is missing in accounts that owe more than they have, and the insurance fund has 0.01. ' +
        'It leaves again once it is covered: a levy on profits can be closed from 1970-01-01T00:01:00.000Z. ' +
        'The request stays and is tried again until 1970-01-01T00:01:40.000Z.',
    });
    expect(look(5, { undecidable: { ...braked, until: null } })).toMatchObject({ actor: 'relayer', late: false });
    expect(look(5, { undecidable: { ...braked, figures: null } }).sentence).toContain('than the insurance fund has. It leaves again');
    expect(look(5, { undecidable: braked, now: unixSeconds(101n) })).toMatchObject({ next: 'expired' });
  });
  it('given a recorded request, anyone may have it decided; given a poor account, it waits for its owner; past its time, anyone may end it', () => {
    expect(look(5)).toMatchObject({
      next: 'queued',
      by: 15n,
      late: false,
      calls: [{ by: 'anyone', call: { function: 'processRequest' } }],
    });
    expect(look(5, { now: unixSeconds(16n) }).late).toBe(true);
    expect(look(5, { undecidable: { kind: 'refused', because: 'CashTooLow' } })).toMatchObject({ actor: 'owner', late: false, calls: [] });
    expect(look(5, { undecidable: { kind: 'refused', because: 'CashTooLow' }, now: unixSeconds(101n) })).toMatchObject({
      next: 'expired',
      calls: [{ call: { function: 'processRequest', srcEid: SPOKE, sequence: 4n } }],
    });
  });
  it('given an end, nothing is left to do', () => {
    for (const last of [
      { kind: 'queued', claim: 1n, ...at(9) },
      { kind: 'expired', ...at(9) },
      { kind: 'refused', reason: 'ForeignHome', ...at(9) },
    ] as const)
      expect(requestOutlook(requestTimeline([...story.slice(0, 5), last]), context)).toMatchObject({
        actor: 'nobody',
        next: null,
        calls: [],
      });
    expect(requestOutlook(requestTimeline([]), context)).toMatchObject({ actor: 'nobody', since: 5n });
  });
});
