import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { zeroHash, type Hex } from 'viem';
import { VERIFICATION_STATES, classifyPacket, type PacketObservation } from '../src/packet-state.js';

const payloadHash: Hex = `0x${'ab'.repeat(32)}`;
const other: Hex = `0x${'cd'.repeat(32)}`;
const nil: Hex = `0x${'ff'.repeat(32)}`;
const base: PacketObservation = {
  nonce: 5n,
  payloadHash,
  committedHash: zeroHash,
  lazyNonce: 4n,
  inboundNonce: 4n,
  verification: 'Verifying',
  attestedBy: new Map([
    ['ours', false],
    ['second', true],
  ]),
};
const attested = new Map([['ours', true]]);

describe('classifyPacket', () => {
  const rows: [string, Partial<PacketObservation>, ReturnType<typeof classifyPacket>][] = [
    ['nothing stored at or below the lazy nonce: done', { lazyNonce: 5n }, { kind: 'done' }],
    ['our payload stored, next in line: executable', { committedHash: payloadHash, inboundNonce: 5n }, { kind: 'executable' }],
    [
      'our payload stored behind a gap: the gap first',
      { committedHash: payloadHash, inboundNonce: 2n, lazyNonce: 2n },
      { kind: 'behind-gap', gapAt: 3n },
    ],
    [
      'another payload stored: conflict, ours can overwrite it',
      { committedHash: other, inboundNonce: 5n },
      { kind: 'conflicting', committed: other, missing: ['ours'], verifiable: false },
    ],
    ['nilified: only the delegate acts', { committedHash: nil }, { kind: 'nilified' }],
    ['all attested: verifiable', { verification: 'Verifiable', attestedBy: attested }, { kind: 'verifiable' }],
    ['ours attested, others not: wait', { attestedBy: attested }, { kind: 'awaiting-others' }],
    ['ours missing: unverified', {}, { kind: 'unverified', missing: ['ours'] }],
    ['no peer at the destination: uninitialised', { verification: 'NotInitializable' }, { kind: 'path-uninitialised' }],
  ];
  it.each(rows)('given %s', (_, change, expected) => {
    expect(classifyPacket({ ...base, ...change })).toEqual(expected);
  });

  it('is total, and never acts on a payload that is not ours as if it were', () => {
    const hash = fc.constantFrom<Hex>(zeroHash, payloadHash, other, nil);
    fc.assert(
      fc.property(
        hash,
        fc.bigInt(0n, 9n),
        fc.bigInt(0n, 9n),
        fc.constantFrom(...VERIFICATION_STATES),
        fc.boolean(),
        (committedHash, lazyNonce, inboundNonce, verification, mine) => {
          const state = classifyPacket({
            ...base,
            committedHash,
            lazyNonce,
            inboundNonce,
            verification,
            attestedBy: new Map([['ours', mine]]),
          });
          if (state.kind === 'executable') expect(committedHash).toBe(payloadHash);
          if (state.kind === 'done') expect(committedHash).toBe(zeroHash);
        },
      ),
    );
  });
});
