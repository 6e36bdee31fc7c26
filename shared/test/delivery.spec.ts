import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { getAddress, numberToHex, zeroHash, type Hex } from 'viem';
import { deliveryGas, planDelivery, type Backlog, type ChunkLimits } from '../src/delivery.js';
import { encodeEntry, leafOf } from '../src/message/entry.js';
import { fold, foldEntries, foldLeaves } from '../src/message/log.js';
import { accountId, eid, sequence, tokenAmount, type Sequence } from '../src/units.js';

const opaque = (n: number): Hex => encodeEntry({ kind: 'Opaque', bytes: numberToHex((2n << 32n) + BigInt(n), { size: 5 }) });
const log = (count: number): Hex[] => Array.from({ length: count }, (_, i) => opaque(i + 1));

function backlog(consumed: number, total: number, verified: number[]): Backlog {
  const entries = log(total);
  const headOf = (n: number): Hex => foldEntries(zeroHash, entries.slice(0, n));
  return {
    srcEid: eid(40002),
    dstEid: eid(40001),
    consumed: sequence(BigInt(consumed)),
    consumedHead: headOf(consumed),
    verifiedHeads: new Map(verified.map((n) => [sequence(BigInt(n)), headOf(n)])),
    entries: entries.slice(consumed),
  };
}

const chunksOf = (entries: number): ChunkLimits => ({ entries, gas: 10n ** 12n });

/** Runs the plan against the rules of the Messenger. */
function run(b: Backlog, chunkSize: number): bigint {
  const plan = planDelivery(b, chunksOf(chunkSize));
  if (plan.kind !== 'calls') throw new Error(`no calls: ${plan.kind}`);
  const verified = new Map<bigint, Hex>(b.verifiedHeads);
  for (const { from, to, headAt, leaves } of plan.splits) {
    expect(leaves.length).toBeLessThanOrEqual(chunkSize);
    expect(foldLeaves(headAt, leaves)).toBe(verified.get(from));
    expect(to).toBeGreaterThan(b.consumed);
    verified.set(to, headAt);
  }
  let consumed: bigint = b.consumed;
  let head = b.consumedHead;
  for (const { first, last, entries } of plan.deliveries) {
    expect(first).toBe(consumed + 1n);
    expect(entries.length).toBeLessThanOrEqual(chunkSize);
    head = entries.reduce((h, e) => fold(h, leafOf(e)), head);
    expect(verified.get(last)).toBe(head);
    consumed = last;
  }
  return consumed;
}

describe('planDelivery', () => {
  it('given orders, a chunk ends before the gas of its payouts could pass the limit', () => {
    const release = encodeEntry({
      kind: 'Release',
      claim: 1n,
      account: accountId(zeroHash),
      asset: 1,
      amount: tokenAmount(1n),
      receiver: getAddress(`0x${'01'.repeat(20)}`),
    });
    const entries = Array.from({ length: 200 }, () => release);
    const gas = 16_600_000n;
    const plan = planDelivery(
      { ...backlog(0, 200, [200]), entries, verifiedHeads: new Map([[sequence(200n), foldEntries(zeroHash, entries)]]) },
      { entries: 250, gas },
    );
    if (plan.kind !== 'calls') throw new Error(`no calls: ${plan.kind}`);
    expect(plan.deliveries.map((d) => d.entries.length)).toEqual([81, 81, 38]);
    expect(plan.splits).toHaveLength(2);
    for (const { entries: chunk } of plan.deliveries) expect(deliveryGas(chunk)).toBeLessThanOrEqual(gas);
  });

  it('given deposits, 250 of them fit below the 2^24 gas that a transaction may have', () => {
    expect(deliveryGas(log(250))).toBeLessThanOrEqual(16_600_000n);
  });

  it('given nothing verified above the consumed sequence, there is nothing to do', () => {
    expect(planDelivery(backlog(5, 9, []), chunksOf(50))).toEqual({ kind: 'nothing' });
    expect(planDelivery(backlog(5, 9, [5]), chunksOf(50))).toEqual({ kind: 'nothing' });
  });

  it('given a small backlog, one delivery and no split', () => {
    const plan = planDelivery(backlog(2, 9, [9]), chunksOf(50));
    expect(plan).toMatchObject({ kind: 'calls', splits: [], deliveries: [{ first: 3n, last: 9n }] });
  });

  it('given verified heads within reach, it spends no split', () => {
    const plan = planDelivery(backlog(0, 150, [50, 100, 150]), chunksOf(50));
    expect(plan).toMatchObject({ kind: 'calls', splits: [] });
  });

  it('given a backlog of 1,000, it walks backwards once and delivers 20 chunks', () => {
    const b = backlog(0, 1000, [1000]);
    const plan = planDelivery(b, chunksOf(50));
    if (plan.kind !== 'calls') throw new Error(plan.kind);
    expect(plan.splits).toHaveLength(19);
    expect(plan.deliveries).toHaveLength(20);
    expect(plan.splits.reduce((n, s) => n + s.leaves.length, 0)).toBe(950);
    expect(run(b, 50)).toBe(1000n);
  });

  it('given any backlog and any verified heads, the plan passes the rules of the Messenger and consumes all that is verified', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.nat(59), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 25 }),
        (consumed, extra, marks, size) => {
          const total = consumed + extra;
          const verified = [...marks.map((m) => consumed + 1 + (m % extra)), total];
          expect(run(backlog(consumed, total, verified), size)).toBe(BigInt(total));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('given an entry that is not indexed yet, it names the first missing one', () => {
    const b = backlog(0, 10, [10]);
    expect(planDelivery({ ...b, entries: b.entries.slice(0, 7) }, chunksOf(50))).toMatchObject({
      kind: 'blocked',
      problem: { code: 'ENTRIES_MISSING', first: 8n },
    });
  });

  it('given a verified head that the own log does not have, it delivers nothing', () => {
    const b = backlog(0, 10, [10]);
    const verifiedHeads = new Map<Sequence, Hex>([...b.verifiedHeads, [sequence(4n), zeroHash]]);
    expect(planDelivery({ ...b, verifiedHeads }, chunksOf(50))).toMatchObject({
      kind: 'blocked',
      problem: { code: 'VERIFIED_HEAD_MISMATCH', sequence: 4n },
    });
  });
});
