import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { numberToHex, zeroHash, type Hex } from 'viem';
import { auditDeposits, auditReceipts, auditReleases, decideSignature, type Claim, type OwnEntry } from '../src/accountant.js';
import { leafOf, type ReceiptsEntry } from '../src/message/entry.js';
import { fold, genesisHead, type Path } from '../src/message/log.js';
import { eid, sequence, tokenAmount } from '../src/units.js';

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

describe('auditReleases', () => {
  const checkpoint = checkpointAt(ownLog(3), 3);
  const amounts = fc.array(fc.record({ asset: fc.integer({ min: 1, max: 3 }), amount: fc.bigInt(0n, 2n ** 100n) }), { maxLength: 12 });
  const sumsOf = (claims: readonly Claim[]): Map<number, bigint> => {
    const sums = new Map<number, bigint>();
    for (const { asset, amount } of claims) sums.set(asset, (sums.get(asset) ?? 0n) + amount);
    return sums;
  };

  it('INV-RELEASE-1: given any orders, it agrees exactly as long as no asset is ordered beyond what its vault received', () => {
    fc.assert(
      fc.property(amounts, fc.constantFrom(-1n, 0n, 5n), (ordered, slack) => {
        const sums = sumsOf(ordered);
        const received = [...sums].map(([asset, amount]) => ({ asset, amount: amount + slack < 0n ? 0n : amount + slack }));
        const short = slack < 0n && [...sums.values()].some((amount) => amount > 0n);
        expect(auditReleases(checkpoint, path, ordered, received) === null).toBe(!short);
      }),
    );
  });
  it('given one unit too much, it refuses and says how much', () => {
    expect(auditReleases(checkpoint, path, [{ asset: 2, amount: 8n }], [{ asset: 2, amount: 7n }])).toMatchObject({
      code: 'ACCOUNTANT_REFUSED',
      detail: 'orders release 8 of asset 2, the vault received 7',
    });
  });
});

describe('auditReceipts', () => {
  const checkpoint = checkpointAt(ownLog(3), 3);
  const none = sequence(0n);
  const receipt = (first: number, settled: bigint, count: number, sums: readonly Claim[]): ReceiptsEntry => ({
    kind: 'Receipts',
    first: sequence(BigInt(first)),
    count,
    settled,
    paid: settled,
    sums: sums.map(({ asset, amount }) => ({ asset, amount: tokenAmount(amount) })),
  });
  /** orders 1, 2, 4, 5; 3 was voided */
  const orders = new Map<bigint, Claim>([
    [1n, { asset: 1, amount: 10n }],
    [2n, { asset: 2, amount: 7n }],
    [4n, { asset: 1, amount: 5n }],
    [5n, { asset: 1, amount: 0n }],
  ]);
  const honest = [
    receipt(1, 0b011n, 3, [
      { asset: 1, amount: 10n },
      { asset: 2, amount: 7n },
    ]),
    receipt(4, 0b11n, 2, [{ asset: 1, amount: 5n }]),
  ];

  it('given receipts of orders, each once and with its amount, it agrees', () => {
    expect(auditReceipts(checkpoint, path, honest, none, orders)).toBeNull();
    expect(auditReceipts(checkpoint, path, honest.slice(1), sequence(3n), orders)).toBeNull();
    expect(auditReceipts(checkpoint, path, [], none, orders)).toBeNull();
    expect(auditReceipts(checkpoint, path, [receipt(1, 0b10n, 2, [{ asset: 2, amount: 7n }])], none, orders)).toBeNull();
  });

  it.each<[string, readonly ReceiptsEntry[], number, string]>([
    ['a range receipted before', honest, 1, 'receipts from 1 repeat orders up to 1'],
    ['a range inside of the one before', [...honest, receipt(5, 0n, 1, [])], 0, 'receipts from 5 repeat orders up to 5'],
    [
      'a voided order',
      [
        receipt(1, 0b111n, 3, [
          { asset: 1, amount: 10n },
          { asset: 2, amount: 7n },
        ]),
      ],
      0,
      'receipts settle 3, which is no order of the hub',
    ],
    ['an order that never was', [receipt(9, 0b1n, 1, [{ asset: 1, amount: 1n }])], 0, 'receipts settle 9, which is no order of the hub'],
    [
      'more than was ordered',
      [receipt(1, 0b1n, 1, [{ asset: 1, amount: 11n }])],
      0,
      'receipts from 1 settle 11 of asset 1, its orders are 10',
    ],
    ['less than was ordered', [receipt(1, 0b1n, 1, [])], 0, 'receipts from 1 settle 0 of asset 1, its orders are 10'],
    ['another asset', [receipt(2, 0b1n, 1, [{ asset: 1, amount: 7n }])], 0, 'receipts from 2 settle 7 of asset 1, its orders are 0'],
    [
      'an asset counted twice',
      [
        receipt(4, 0b1n, 1, [
          { asset: 1, amount: 5n },
          { asset: 1, amount: 5n },
        ]),
      ],
      0,
      'receipts from 4 settle 5 of asset 1, its orders are 0',
    ],
  ])('given receipts of %s, it refuses and says why', (_, receipts, through, detail) => {
    expect(auditReceipts(checkpoint, path, receipts, sequence(BigInt(through)), orders)).toMatchObject({
      code: 'ACCOUNTANT_REFUSED',
      detail,
    });
  });

  it('INV-RELEASE-1: given any log of orders and any receipts that pass, then no asset is receipted beyond what was ordered', () => {
    const order = fc.record({ asset: fc.integer({ min: 1, max: 2 }), amount: fc.bigInt(0n, 50n) });
    const claims = fc.array(
      fc.record({
        first: fc.integer({ min: 1, max: 9 }),
        count: fc.integer({ min: 1, max: 4 }),
        bits: fc.bigInt(0n, 15n),
        lie: fc.bigInt(-1n, 1n),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(fc.array(order, { minLength: 1, maxLength: 10 }), claims, (log, said) => {
        const known = new Map(log.map((o, i) => [BigInt(i + 1), o]));
        const receipts = said.map(({ first, count, bits, lie }) => {
          const settled = bits & ((1n << BigInt(count)) - 1n);
          const sums = [1, 2].map((asset) => {
            const due = log.reduce((sum, o, i) => {
              const at = BigInt(i + 1 - first);
              return o.asset === asset && at >= 0n && ((settled >> at) & 1n) === 1n ? sum + o.amount : sum;
            }, 0n);
            return { asset, amount: due + lie < 0n ? 0n : due + lie };
          });
          return receipt(first, settled, count, sums);
        });
        if (auditReceipts(checkpoint, path, receipts, none, known) !== null) return;
        for (const asset of [1, 2]) {
          const receipted = receipts.flatMap((r) => r.sums).reduce((sum, s) => (s.asset === asset ? sum + s.amount : sum), 0n);
          const ordered = log.reduce((sum, o) => (o.asset === asset ? sum + o.amount : sum), 0n);
          expect(receipted <= ordered).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
