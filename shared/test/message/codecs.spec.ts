import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bytesToHex, getAddress, size, type Address, type Hex } from 'viem';
import { decodeAccount, encodeAccount } from '../../src/account.js';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/message/checkpoint.js';
import {
  decodeEntry,
  encodeEntry,
  leafOf,
  MAX_ENTRY_LENGTH,
  RECEIPTS_MAX_COUNT,
  RECEIPTS_MAX_SUMS,
  type Entry,
} from '../../src/message/entry.js';
import { deliveryStream, fold, foldEntries, foldLeaves, planChunks } from '../../src/message/log.js';
import { decodePacket, encodePacket, hashPacket, packetGuid, type Packet } from '../../src/message/packet.js';
import { eid, sequence, tokenAmount, unixSeconds } from '../../src/units.js';

const bytes = (minLength: number, maxLength = minLength): fc.Arbitrary<Hex> =>
  fc.uint8Array({ minLength, maxLength }).map((value) => bytesToHex(value));
const word = bytes(32);
const address: fc.Arbitrary<Address> = bytes(20).map((value) => getAddress(value));
const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const seq = uint(64).map(sequence);
const chain = fc.integer({ min: 1, max: 2 ** 32 - 1 }).map(eid);
const account = fc.record({ owner: address, home: fc.oneof(fc.constant<0>(0), chain), subaccount: uint(64) }).map(encodeAccount);

const deposited: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constant('Deposited' as const),
  account,
  asset: fc.integer({ min: 0, max: 65_535 }),
  amount: uint(128).map(tokenAmount),
  timestamp: uint(40).map(unixSeconds),
  payer: address,
  refund: address,
  ownDeposit: fc.boolean(),
});
const withdrawRequested: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constant('WithdrawRequested' as const),
  account,
  eid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  asset: fc.integer({ min: 0, max: 65_535 }),
  fromCash: fc.boolean(),
  amount: uint(128),
  receiver: address,
  validUntil: uint(40).map(unixSeconds),
  timestamp: uint(40).map(unixSeconds),
});
const delegateSet: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constant('DelegateSet' as const),
  account,
  delegate: address,
  permissions: fc.integer({ min: 0, max: 255 }),
  validUntil: uint(40).map(unixSeconds),
});
const receipts: fc.Arbitrary<Entry> = fc
  .record({
    first: seq,
    count: fc.integer({ min: 1, max: RECEIPTS_MAX_COUNT }),
    settled: uint(64),
    paid: uint(64),
    sums: fc.array(fc.record({ asset: fc.integer({ min: 0, max: 65_535 }), amount: uint(128).map(tokenAmount) }), {
      maxLength: RECEIPTS_MAX_SUMS,
    }),
  })
  .map(({ count, settled, paid, ...rest }) => {
    const within = settled & ((1n << BigInt(count)) - 1n);
    return { kind: 'Receipts', count, settled: within, paid: paid & within, ...rest };
  });
const release: fc.Arbitrary<Entry> = fc.record({
  kind: fc.constant('Release' as const),
  claim: uint(64),
  account,
  asset: fc.integer({ min: 0, max: 65_535 }),
  amount: uint(128).map(tokenAmount),
  receiver: address,
});
const opaque: fc.Arbitrary<Entry> = fc
  .tuple(fc.constantFrom('05', '12', '7f'), bytes(0, MAX_ENTRY_LENGTH - 1))
  .map(([kind, payload]) => ({ kind: 'Opaque', bytes: `0x${kind}${payload.slice(2)}` }));
const entry: fc.Arbitrary<Entry> = fc.oneof(
  deposited,
  withdrawRequested,
  delegateSet,
  receipts,
  release,
  opaque,
  fc.record({ kind: fc.constant('Void' as const), target: seq }),
  fc.constant<Entry>({ kind: 'Closed' }),
);

/** Reads `(length (1) ‖ entry)*` back, as the Messenger does. */
function entriesOf(stream: Hex): Hex[] {
  const found: Hex[] = [];
  const digits = stream.slice(2);
  for (let offset = 0; offset < digits.length;) {
    const length = 2 * parseInt(digits.slice(offset, offset + 2), 16);
    found.push(`0x${digits.slice(offset + 2, offset + 2 + length)}`);
    offset += 2 + length;
  }
  return found;
}

describe('codecs of the log', () => {
  it('given any entry, when it is encoded and decoded, then it is the same and fits a frame', () => {
    fc.assert(
      fc.property(entry, (value) => {
        const encoded = encodeEntry(value);
        expect(size(encoded)).toBeLessThanOrEqual(MAX_ENTRY_LENGTH);
        expect(decodeEntry(encoded)).toEqual(value);
      }),
    );
  });

  it('given receipts of more assets than one entry has room for, when they are encoded, then the error says how many fit', () => {
    const sums = [0, 1, 2, 3].map((asset) => ({ asset, amount: tokenAmount(1n) }));
    const wrong = { kind: 'Receipts', first: sequence(1n), count: 4, settled: 15n, paid: 15n, sums } as const;
    expect(() => encodeEntry(wrong)).toThrow('Receipts have 4 sums; expected 0 … 3');
  });

  it('given any two different entries, then their leaves differ', () => {
    fc.assert(
      fc.property(entry, entry, (a, b) => {
        fc.pre(encodeEntry(a).toLowerCase() !== encodeEntry(b).toLowerCase());
        expect(leafOf(encodeEntry(a))).not.toBe(leafOf(encodeEntry(b)));
      }),
    );
  });

  it('given any account, when it is encoded and decoded, then it is the same', () => {
    fc.assert(fc.property(account, (id) => expect(encodeAccount(decodeAccount(id))).toBe(id)));
  });

  it('given any checkpoint, when it is encoded and decoded, then it is the same', () => {
    fc.assert(
      fc.property(fc.record({ sequence: seq, head: word, ackSequence: seq, ackHead: word }), (value) => {
        expect(size(encodeCheckpoint(value))).toBe(81);
        expect(decodeCheckpoint(encodeCheckpoint(value))).toEqual(value);
      }),
    );
  });

  it('given any packet, when it is encoded and decoded, then it is the same; and the guid does not cover the message', () => {
    fc.assert(
      fc.property(
        fc.record({ nonce: uint(64), srcEid: chain, sender: address, dstEid: chain, receiver: address }),
        bytes(0, 120),
        bytes(0, 120),
        (parties, message, another) => {
          const packet: Packet = { ...parties, guid: packetGuid(parties), message };
          expect(decodePacket(encodePacket(packet))).toEqual(packet);
          fc.pre(message !== another);
          const replaced = { ...packet, message: another };
          expect(packetGuid(replaced)).toBe(packet.guid);
          expect(hashPacket(replaced).headerHash).toBe(hashPacket(packet).headerHash);
          expect(hashPacket(replaced).payloadHash).not.toBe(hashPacket(packet).payloadHash);
        },
      ),
    );
  });
});

describe('folding, splitting and chunking of a log', () => {
  const entries = fc.array(entry.map(encodeEntry), { minLength: 1, maxLength: 40 });

  it('given any entries, when they are framed, then the stream reads back to them', () => {
    fc.assert(fc.property(entries, (all) => expect(entriesOf(deliveryStream(all))).toEqual(all)));
  });

  it('given any cut, when the parts are folded one after the other, then the head is that of the whole', () => {
    fc.assert(
      fc.property(word, entries, fc.nat(), (genesis, all, cut) => {
        const at = cut % (all.length + 1);
        const headAt = foldEntries(genesis, all.slice(0, at));
        expect(foldLeaves(headAt, all.slice(at).map(leafOf))).toBe(foldEntries(genesis, all));
      }),
    );
  });

  it('given any log, when one leaf, the order or the start changes, then the head does', () => {
    fc.assert(
      fc.property(word, word, entries, fc.nat(), (genesis, other, all, pick) => {
        fc.pre(genesis !== other);
        const leaves = all.map(leafOf);
        const head = foldLeaves(genesis, leaves);
        expect(foldLeaves(other, leaves)).not.toBe(head);
        const at = pick % leaves.length;
        expect(foldLeaves(genesis, leaves.with(at, other))).not.toBe(head);
        expect(foldLeaves(genesis, leaves.toSpliced(at, 1))).not.toBe(head);
        expect(fold(head, other)).not.toBe(head);
      }),
    );
  });

  it('given any backlog, when it is planned in chunks, then they cover it once, in order, within the size', () => {
    fc.assert(
      fc.property(uint(40), fc.bigInt({ min: 0n, max: 500n }), fc.integer({ min: 1, max: 200 }), (consumed, backlog, chunkSize) => {
        const verified = consumed + backlog;
        const chunks = planChunks(sequence(consumed), sequence(verified), chunkSize);
        let next = consumed + 1n;
        for (const { first, last } of chunks) {
          expect(first).toBe(next);
          expect(last >= first).toBe(true);
          expect(last - first + 1n).toBeLessThanOrEqual(BigInt(chunkSize));
          next = last + 1n;
        }
        expect(next).toBe(verified + 1n);
        expect(chunks).toHaveLength(Math.ceil(Number(backlog) / chunkSize));
      }),
    );
  });

  it('given a chunk size or range that makes no sense, then the error says what was expected', () => {
    for (const wrong of [0, -1, 1.5, Number.NaN]) {
      expect(() => planChunks(sequence(0n), sequence(1n), wrong)).toThrow(/expected a positive integer/);
    }
    expect(() => planChunks(sequence(2n), sequence(1n), 1)).toThrow(/verified sequence 1 is below the consumed one 2/);
  });
});
