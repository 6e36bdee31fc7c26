import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ACTORS, CARRIED_STAGES, carriageOutlook, type Carried } from '../src/carriage.js';
import { packetStatus, type PacketState } from '../src/packet-state.js';
import { eid, sequence, unixSeconds } from '../src/units.js';

const expectations = { final: 10, flushed: 20, verified: 30, delivered: 40 };
const base: Carried = {
  srcEid: eid(40002),
  dstEid: eid(40001),
  sequence: sequence(7n),
  stage: 'appended',
  since: unixSeconds(100n),
  packet: null,
  hold: null,
  expect: expectations,
};
const PACKETS: (PacketState['kind'] | null)[] = [
  null,
  'done',
  'executable',
  'behind-gap',
  'conflicting',
  'nilified',
  'verifiable',
  'awaiting-others',
  'unverified',
  'path-uninitialised',
];

describe('carriageOutlook', () => {
  it.each([
    ['appended', 'final', 110n, 'time', ['flush']],
    ['final', 'flushed', 120n, 'relayer', ['flush']],
    ['flushed', 'verified', 130n, 'verifiers', ['resend']],
    ['verified', 'delivered', 140n, 'relayer', ['deliver']],
  ] as const)('given an entry that is %s, then %s is expected by its time, and anyone may help', (stage, next, by, actor, calls) => {
    const told = carriageOutlook({ ...base, stage }, unixSeconds(by));
    expect(told).toMatchObject({ since: 100n, next, by, actor, late: false });
    expect(told.calls.map(({ call }) => call.function)).toEqual(calls);
    expect(told.calls.every((offered) => offered.by === 'anyone')).toBe(true);
    expect(carriageOutlook({ ...base, stage }, unixSeconds(by + 1n)).late).toBe(true);
  });

  it.each([
    ['verifiable', 'relayer', ['commitVerification']],
    ['executable', 'relayer', ['lzReceive']],
    ['behind-gap', 'relayer', ['skipStalled', 'resend']],
    ['done', 'relayer', ['resend']],
    ['unverified', 'verifiers', ['resend']],
    ['awaiting-others', 'verifiers', ['resend']],
    ['conflicting', 'verifiers', ['resend']],
    ['nilified', 'governance', ['resend']],
    ['path-uninitialised', 'governance', []],
  ] as const)('given a packet that is %s, then %s has to act', (packet, actor, calls) => {
    const told = carriageOutlook({ ...base, stage: 'flushed', packet }, unixSeconds(100n));
    expect(told.actor).toBe(actor);
    expect(told.calls.map(({ call }) => call.function)).toEqual(calls);
  });

  it('given calls, then each is made on the chain that it moves', () => {
    const on = (stage: Carried['stage'], packet: Carried['packet']): unknown =>
      carriageOutlook({ ...base, stage, packet }, unixSeconds(100n)).calls.map(({ call }) => [call.function, call.eid]);
    expect(on('final', null)).toEqual([['flush', 40002]]);
    expect(on('flushed', 'behind-gap')).toEqual([
      ['skipStalled', 40001],
      ['resend', 40002],
    ]);
    expect(on('verified', null)).toEqual([['deliver', 40001]]);
  });

  it('given a path that is held, then only governance can end it, whatever the stage', () => {
    for (const stage of CARRIED_STAGES)
      for (const hold of ['quarantined', 'closed'] as const)
        expect(carriageOutlook({ ...base, stage, hold }, unixSeconds(100n))).toMatchObject({ actor: 'governance', late: true, next: null });
  });

  it('given any state and time, then it is late exactly after its time, and somebody has to act', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CARRIED_STAGES),
        fc.constantFrom(...PACKETS),
        fc.bigInt(0n, 1_000n),
        fc.record({ final: fc.nat(500), flushed: fc.nat(500), verified: fc.nat(500), delivered: fc.nat(500) }),
        (stage, packet, now, expect_) => {
          const told = carriageOutlook({ ...base, stage, packet, expect: expect_ }, unixSeconds(now));
          expect(ACTORS).toContain(told.actor);
          expect(told.actor).not.toBe('nobody');
          expect(told.late).toBe(told.by !== null && now > told.by);
          expect(told.sentence).toMatch(/^[A-Z].*\.$/);
        },
      ),
    );
  });
});

describe('packetStatus', () => {
  it.each([
    ['unverified', false, 'CONFIRMING'],
    ['unverified', true, 'INFLIGHT'],
    ['awaiting-others', true, 'INFLIGHT'],
    ['verifiable', true, 'INFLIGHT'],
    ['path-uninitialised', true, 'INFLIGHT'],
    ['executable', true, 'PAYLOAD_STORED'],
    ['behind-gap', true, 'BLOCKED'],
    ['nilified', true, 'BLOCKED'],
    ['conflicting', true, 'FAILED'],
    ['done', true, 'DELIVERED'],
  ] as const)('given a packet that is %s (sent in a final block: %s), it is %s', (state, final, status) => {
    expect(packetStatus(state, { final })).toBe(status);
  });
});
