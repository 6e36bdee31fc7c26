import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { getAddress, type Hex } from 'viem';
import { z } from 'zod/v4';
import { decodeAccount, encodeAccount } from '../../src/account.js';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/message/checkpoint.js';
import { decodeEntry, encodeEntry, leafOf, type Entry } from '../../src/message/entry.js';
import { deliveryStream, foldEntries, foldLeaves, genesisHead, planChunks, type Path } from '../../src/message/log.js';
import { decodePacket, encodePacket, hashPacket, packetGuid, type Packet } from '../../src/message/packet.js';
import { accountId, eid, sequence, tokenAmount, unixSeconds } from '../../src/units.js';

const directory = path.join(import.meta.dirname, '../../vectors');
const read = <T>(name: string, schema: z.ZodType<T>): T =>
  schema.parse(JSON.parse(readFileSync(path.join(directory, `${name}.json`), 'utf8')));

const hex = z.custom<Hex>(
  (value) => typeof value === 'string' && /^0x([0-9a-f]{2})*$/.test(value),
  'expected lower-case hex of whole bytes',
);
const integer = z.string().transform((value) => BigInt(value));
const named = z.object({ name: z.string() });
const rawPath = z.object({ srcEid: z.number(), srcMessenger: hex, dstEid: z.number(), dstMessenger: hex });

const entries = read(
  'entry',
  z.object({
    deposited: z.array(
      named.extend({
        owner: hex,
        home: z.number(),
        subaccount: integer,
        account: hex,
        asset: z.number(),
        amount: integer,
        timestamp: z.number(),
        payer: hex,
        refund: hex,
        ownDeposit: z.boolean(),
        entry: hex,
        leaf: hex,
      }),
    ),
    withdrawRequested: z.array(
      named.extend({
        account: hex,
        eid: z.number(),
        asset: z.number(),
        fromCash: z.boolean(),
        amount: integer,
        receiver: hex,
        validUntil: z.number(),
        timestamp: z.number(),
        entry: hex,
        leaf: hex,
      }),
    ),
    delegateSet: z.array(
      named.extend({ account: hex, delegate: hex, permissions: z.number(), validUntil: z.number(), entry: hex, leaf: hex }),
    ),
    receipts: z.array(
      named.extend({
        first: integer,
        count: z.number(),
        settled: integer,
        paid: integer,
        sums: z.array(z.object({ asset: z.number(), amount: integer })),
        entry: hex,
        leaf: hex,
      }),
    ),
    release: z.array(
      named.extend({ claim: integer, account: hex, asset: z.number(), amount: integer, receiver: hex, entry: hex, leaf: hex }),
    ),
    void: z.array(z.object({ target: integer, entry: hex, leaf: hex })),
    closed: z.object({ entry: hex, leaf: hex }),
    opaque: z.array(z.object({ entry: hex, leaf: hex })),
    invalid: z.array(named.extend({ entry: hex })),
    invalidReceipts: z.array(named.extend({ entry: hex })),
  }),
);
const log = read(
  'log',
  z.object({
    genesis: z.array(rawPath.extend({ head: hex })),
    logs: z.array(named.extend({ path: rawPath, entries: z.array(hex), leaves: z.array(hex), heads: z.array(hex), stream: hex })),
    chunks: z.array(z.object({ consumed: integer, verified: integer, size: z.number(), chunks: z.array(z.tuple([integer, integer])) })),
  }),
);
const checkpoints = read(
  'checkpoint',
  z.object({
    checkpoints: z.array(named.extend({ sequence: integer, head: hex, ackSequence: integer, ackHead: hex, message: hex })),
    invalid: z.array(named.extend({ message: hex })),
  }),
);
const packets = read(
  'packet',
  z.object({
    packets: z.array(
      z.object({
        nonce: integer,
        srcEid: z.number(),
        sender: hex,
        dstEid: z.number(),
        receiver: hex,
        guid: hex,
        message: hex,
        encoded: hex,
        header: hex,
        headerHash: hex,
        payloadHash: hex,
      }),
    ),
    invalid: z.array(named.extend({ encoded: hex })),
  }),
);

const pathOf = (raw: z.infer<typeof rawPath>): Path => ({
  srcEid: eid(raw.srcEid),
  srcMessenger: getAddress(raw.srcMessenger),
  dstEid: eid(raw.dstEid),
  dstMessenger: getAddress(raw.dstMessenger),
});

describe('golden vectors of the log', () => {
  it('given the generator, when it runs again, then the committed files are what it writes', () => {
    expect(() => execFileSync(process.execPath, [path.join(directory, 'generate.mjs'), '--check'])).not.toThrow();
  });

  describe('given the entries', () => {
    it.each(entries.deposited)('when a deposit is coded ($name), then bytes, fields and leaf agree', (v) => {
      const entry: Entry = {
        kind: 'Deposited',
        account: accountId(v.account),
        asset: v.asset,
        amount: tokenAmount(v.amount),
        timestamp: unixSeconds(BigInt(v.timestamp)),
        payer: getAddress(v.payer),
        refund: getAddress(v.refund),
        ownDeposit: v.ownDeposit,
      };
      expect(encodeEntry(entry).toLowerCase()).toBe(v.entry);
      expect(decodeEntry(v.entry)).toEqual(entry);
      expect(leafOf(v.entry)).toBe(v.leaf);
      expect(decodeAccount(accountId(v.account))).toEqual({ owner: getAddress(v.owner), home: v.home, subaccount: v.subaccount });
      expect(encodeAccount(decodeAccount(accountId(v.account)))).toBe(v.account);
    });

    const expectCoded = (entry: Entry, v: { readonly entry: Hex; readonly leaf: Hex }): void => {
      expect(encodeEntry(entry).toLowerCase()).toBe(v.entry);
      expect(decodeEntry(v.entry)).toEqual(entry);
      expect(leafOf(v.entry)).toBe(v.leaf);
    };

    it.each(entries.withdrawRequested)('when a request is coded ($name), then bytes, fields and leaf agree', (v) =>
      expectCoded(
        {
          kind: 'WithdrawRequested',
          account: accountId(v.account),
          eid: v.eid,
          asset: v.asset,
          fromCash: v.fromCash,
          amount: v.amount,
          receiver: getAddress(v.receiver),
          validUntil: unixSeconds(BigInt(v.validUntil)),
          timestamp: unixSeconds(BigInt(v.timestamp)),
        },
        v,
      ),
    );

    it.each(entries.delegateSet)('when a delegate is coded ($name), then bytes, fields and leaf agree', (v) =>
      expectCoded(
        {
          kind: 'DelegateSet',
          account: accountId(v.account),
          delegate: getAddress(v.delegate),
          permissions: v.permissions,
          validUntil: unixSeconds(BigInt(v.validUntil)),
        },
        v,
      ),
    );

    it.each(entries.receipts)('when receipts are coded ($name), then bytes, fields and leaf agree', (v) =>
      expectCoded(
        {
          kind: 'Receipts',
          first: sequence(v.first),
          count: v.count,
          settled: v.settled,
          paid: v.paid,
          sums: v.sums.map(({ asset, amount }) => ({ asset, amount: tokenAmount(amount) })),
        },
        v,
      ),
    );

    it.each(entries.release)('when a release is coded ($name), then bytes, fields and leaf agree', (v) =>
      expectCoded(
        {
          kind: 'Release',
          claim: v.claim,
          account: accountId(v.account),
          asset: v.asset,
          amount: tokenAmount(v.amount),
          receiver: getAddress(v.receiver),
        },
        v,
      ),
    );

    it.each(entries.invalidReceipts)('when receipts contradict themselves ($name), then the error says what was expected', (v) => {
      expect(() => decodeEntry(v.entry)).toThrow(/^Receipts (cover|have|settle|pay) .*; expected/);
    });

    it.each(entries.void)('when a VOID of $target is coded, then its leaf is readable in itself', (v) => {
      const entry: Entry = { kind: 'Void', target: sequence(v.target) };
      expect(encodeEntry(entry)).toBe(v.entry);
      expect(decodeEntry(v.entry)).toEqual(entry);
      expect(leafOf(v.entry)).toBe(v.leaf);
    });

    it('when CLOSED is coded, then it is its kind byte', () => {
      expect(encodeEntry({ kind: 'Closed' })).toBe(entries.closed.entry);
      expect(decodeEntry(entries.closed.entry)).toEqual({ kind: 'Closed' });
      expect(leafOf(entries.closed.entry)).toBe(entries.closed.leaf);
    });

    it.each(entries.opaque)('when a kind is not interpreted ($entry), then it is carried and folded all the same', (v) => {
      expect(decodeEntry(v.entry)).toEqual({ kind: 'Opaque', bytes: v.entry });
      expect(encodeEntry({ kind: 'Opaque', bytes: v.entry })).toBe(v.entry);
      expect(leafOf(v.entry)).toBe(v.leaf);
    });

    it.each(entries.invalid)('when bytes are no entry ($name), then the error names length and expectation', (v) => {
      expect(() => decodeEntry(v.entry)).toThrow(/entry has \d+ bytes; expected/);
    });
  });

  describe('given the logs', () => {
    it.each(log.genesis)('when a path opens ($srcEid → $dstEid), then its genesis binds all four', (v) => {
      expect(genesisHead(pathOf(v))).toBe(v.head);
    });

    it.each(log.logs)('when entries are folded ($name), then heads and stream agree', (v) => {
      const [genesis] = v.heads;
      expect(genesis).toBe(genesisHead(pathOf(v.path)));
      expect(v.entries.map(leafOf)).toEqual(v.leaves);
      v.heads.forEach((head, n) => expect(foldEntries(v.heads[0]!, v.entries.slice(0, n))).toBe(head));
      expect(foldLeaves(v.heads[0]!, v.leaves)).toBe(v.heads.at(-1));
      expect(deliveryStream(v.entries)).toBe(v.stream);
    });

    it.each(log.chunks)('when ($consumed, $verified] is cut by $size, then the chunks follow', (v) => {
      const chunks = planChunks(sequence(v.consumed), sequence(v.verified), v.size);
      expect(chunks.map(({ first, last }) => [first, last])).toEqual(v.chunks);
    });
  });

  describe('given the checkpoints', () => {
    it.each(checkpoints.checkpoints)('when one is coded ($name), then bytes and fields agree', (v) => {
      const fields = { sequence: sequence(v.sequence), head: v.head, ackSequence: sequence(v.ackSequence), ackHead: v.ackHead };
      expect(encodeCheckpoint(fields)).toBe(v.message);
      expect(decodeCheckpoint(v.message)).toEqual(fields);
    });

    it.each(checkpoints.invalid)('when bytes are none ($name), then the error says what was expected', (v) => {
      expect(() => decodeCheckpoint(v.message)).toThrow(/expected (81|1)$/);
    });
  });

  describe('given the packets', () => {
    it.each(packets.packets)('when one is coded (nonce $nonce), then bytes, guid and hashes agree', (v) => {
      const parties = {
        nonce: v.nonce,
        srcEid: eid(v.srcEid),
        sender: getAddress(v.sender),
        dstEid: eid(v.dstEid),
        receiver: getAddress(v.receiver),
      };
      const packet: Packet = { ...parties, guid: v.guid, message: v.message };
      expect(packetGuid(parties)).toBe(v.guid);
      expect(encodePacket(packet).toLowerCase()).toBe(v.encoded);
      expect(decodePacket(v.encoded)).toEqual(packet);
      const hashes = hashPacket(packet);
      expect(hashes.header.toLowerCase()).toBe(v.header);
      expect(hashes).toMatchObject({ headerHash: v.headerHash, payloadHash: v.payloadHash });
    });

    it.each(packets.invalid)('when bytes are none ($name), then they are refused', (v) => {
      expect(() => decodePacket(v.encoded)).toThrow(RangeError);
    });
  });
});
