import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { numberToHex, zeroHash, type Hex } from 'viem';
import { auditDeposits, decideSignature, type OwnEntry } from '../src/accountant.js';
import { leafOf } from '../src/message/entry.js';
import { fold, genesisHead, type Path } from '../src/message/log.js';
import { eid, sequence } from '../src/units.js';

const path: Path = { srcEid: eid(40002), srcMessenger: `0x${'11'.repeat(20)}`, dstEid: eid(40001), dstMessenger: `0x${'22'.repeat(20)}` };

function ownLog(count: number, salt = 0): OwnEntry[] {
  let head = genesisHead(path);
  return Array.from({ length: count }, (_, i) => {
    const bytes = numberToHex((3n << 40n) + (BigInt(salt) << 32n) + BigInt(i), { size: 6 });
    head = fold(head, leafOf(bytes));
    return { sequence: sequence(BigInt(i + 1)), bytes, head };
  });
}
const checkpointAt = (log: readonly OwnEntry[], n: number) => ({
  sequence: sequence(BigInt(n)),
  head: n === 0 ? genesisHead(path) : (log[n - 1]?.head ?? zeroHash),
  ackSequence: sequence(0n),
  ackHead: zeroHash,
});
const signedAt = (log: readonly OwnEntry[], n: number) => ({ sequence: sequence(BigInt(n)), head: log[n - 1]?.head ?? zeroHash });

describe('decideSignature', () => {
  const log = ownLog(8);

  it('given the own entries fold to the claimed head, it signs, from the genesis or from the head signed last', () => {
    expect(decideSignature(path, checkpointAt(log, 5), null, log)).toEqual({ kind: 'sign', signed: signedAt(log, 5) });
    expect(decideSignature(path, checkpointAt(log, 8), signedAt(log, 5), log.slice(5))).toEqual({ kind: 'sign', signed: signedAt(log, 8) });
  });

  it('given an empty log, it signs the genesis head (an acknowledgement alone)', () => {
    expect(decideSignature(path, checkpointAt(log, 0), null, []).kind).toBe('sign');
  });

  it('given an older checkpoint of the same log, it signs again and remembers the newer head', () => {
    expect(decideSignature(path, checkpointAt(log, 3), signedAt(log, 5), log)).toEqual({ kind: 'sign', signed: signedAt(log, 5) });
  });

  it('given an entry is missing, it waits and names it', () => {
    expect(decideSignature(path, checkpointAt(log, 5), null, log.slice(0, 4))).toMatchObject({
      kind: 'refuse',
      problem: { code: 'ENTRIES_MISSING', first: 5n },
    });
    expect(decideSignature(path, checkpointAt(log, 5), null, [...log.slice(0, 2), ...log.slice(3)])).toMatchObject({
      kind: 'refuse',
      problem: { code: 'LOG_GAP', expected: 3n, found: 4n },
    });
  });

  it('given another branch than the signed one, it refuses', () => {
    const branch = ownLog(8, 1);
    expect(decideSignature(path, checkpointAt(branch, 8), signedAt(log, 5), branch)).toMatchObject({
      kind: 'refuse',
      problem: { code: 'CHECKPOINT_NOT_EXTENDING', signedSequence: 5n },
    });
    expect(decideSignature(path, checkpointAt(branch, 5), signedAt(log, 5), branch)).toMatchObject({
      kind: 'refuse',
      problem: { code: 'CHECKPOINT_NOT_EXTENDING' },
    });
  });

  it('given a forged head, it refuses, wherever the forgery is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(8), fc.bigInt(1n, 2n ** 256n - 1n), (at, signed, noise) => {
        const honest = checkpointAt(log, at);
        const head: Hex = numberToHex(BigInt(honest.head) ^ noise, { size: 32 });
        expect(decideSignature(path, { ...honest, head }, signed === 0 ? null : signedAt(log, signed), log).kind).toBe('refuse');
      }),
    );
  });
});

describe('auditDeposits', () => {
  const checkpoint = checkpointAt(ownLog(3), 3);
  it('given the vault took in at least what the entries claim, it agrees', () => {
    const claimed = [
      { asset: 1, amount: 40n },
      { asset: 1, amount: 60n },
    ];
    expect(auditDeposits(checkpoint, path, claimed, [{ asset: 1, amount: 100n }])).toBeNull();
    expect(auditDeposits(checkpoint, path, [], [])).toBeNull();
  });
  it('given entries that claim more, or an asset the vault does not have, it refuses and says how much', () => {
    expect(auditDeposits(checkpoint, path, [{ asset: 1, amount: 101n }], [{ asset: 1, amount: 100n }])).toMatchObject({
      code: 'ACCOUNTANT_REFUSED',
      detail: 'entries claim 101 of asset 1, the vault took in 100',
    });
    expect(auditDeposits(checkpoint, path, [{ asset: 9, amount: 1n }], [])?.code).toBe('ACCOUNTANT_REFUSED');
  });
});
