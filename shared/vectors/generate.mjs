/**
 * Writes the golden vectors that bind Solidity and TypeScript. It shares no code with either: bytes are laid out here by hand from the
 * tables of offsets (see the Solidity libraries), with Buffers, and hashed by keccak alone.
 *
 *   node shared/vectors/generate.mjs           write the files
 *   node shared/vectors/generate.mjs --check   exit 1 if a committed file differs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { keccak256, toHex } from 'viem';

const hex = (buffer) => `0x${buffer.toString('hex')}`;
const bytes = (value) => Buffer.from(value.slice(2), 'hex');
const keccak = (...parts) => bytes(keccak256(Buffer.concat(parts)));
const text = (value) => keccak(Buffer.from(value, 'utf8'));
/** Big-endian unsigned integer of `size` bytes. */
function uint(value, size) {
  const out = Buffer.alloc(size);
  let rest = BigInt(value);
  for (let i = size - 1; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn);
  if (rest !== 0n) throw new RangeError(`${value} does not fit ${size} bytes`);
  return out;
}
/** Places fields at their offsets in a buffer of `length` bytes; a gap or an overlap is an error. */
function layout(length, fields) {
  const out = Buffer.alloc(length);
  let next = 0;
  for (const [offset, field] of fields) {
    if (offset !== next) throw new RangeError(`field at ${offset}; expected ${next}`);
    field.copy(out, offset);
    next = offset + field.length;
  }
  if (next !== length) throw new RangeError(`fields end at ${next}; expected ${length}`);
  return out;
}
const word = (address) => Buffer.concat([Buffer.alloc(12), bytes(address)]);
const address = (seed) => hex(text(seed).subarray(12));
const ZERO = `0x${'00'.repeat(20)}`;
const FULL = `0x${'ff'.repeat(20)}`;

// ---- entry.json

const deposits = [
  { name: 'a key deposits for itself', owner: address('alice'), home: 0, subaccount: 0n, asset: 1, amount: 1_000_000n, timestamp: 1_790_000_000, own: true },
  { name: 'a stranger deposits', owner: address('bob'), home: 0, subaccount: 7n, asset: 3, amount: 1n, timestamp: 1, own: false },
  { name: 'a contract on chain 40002', owner: address('safe'), home: 40_002, subaccount: 2n ** 64n - 1n, asset: 65_535, amount: 10n ** 24n, timestamp: 2 ** 32, own: true },
  { name: 'every field at its largest', owner: FULL, home: 2 ** 32 - 1, subaccount: 2n ** 64n - 1n, asset: 65_535, amount: 2n ** 128n - 1n, timestamp: 2 ** 40 - 1, own: true },
  { name: 'every field zero', owner: ZERO, home: 0, subaccount: 0n, asset: 0, amount: 0n, timestamp: 0, own: false },
].map((d) => {
  const account = layout(32, [[0, bytes(d.owner)], [20, uint(d.home, 4)], [24, uint(d.subaccount, 8)]]);
  const payer = d.owner === FULL || d.owner === ZERO ? d.owner : address(`${d.name} payer`);
  const refund = d.owner === FULL || d.owner === ZERO ? d.owner : address(`${d.name} refund`);
  const entry = layout(97, [
    [0, uint(0x01, 1)],
    [1, account],
    [33, uint(d.asset, 2)],
    [35, uint(d.amount, 16)],
    [51, uint(d.timestamp, 5)],
    [56, bytes(payer)],
    [76, bytes(refund)],
    [96, uint(d.own ? 1 : 0, 1)],
  ]);
  return {
    name: d.name,
    owner: d.owner,
    home: d.home,
    subaccount: d.subaccount.toString(),
    account: hex(account),
    asset: d.asset,
    amount: d.amount.toString(),
    timestamp: d.timestamp,
    payer,
    refund,
    ownDeposit: d.own,
    entry: hex(entry),
    leaf: hex(leafOf(entry)),
  };
});

function leafOf(entry) {
  const kind = entry.subarray(0, 1);
  if (kind[0] === 0xf0) return Buffer.concat([kind, Buffer.alloc(23), entry.subarray(1, 9)]);
  if (kind[0] === 0xff) return Buffer.concat([kind, Buffer.alloc(31)]);
  return Buffer.concat([kind, keccak(entry).subarray(1)]);
}
const account = (owner, home, subaccount) => layout(32, [[0, bytes(owner)], [20, uint(home, 4)], [24, uint(subaccount, 8)]]);
const LARGEST = { account: account(FULL, 2 ** 32 - 1, 2n ** 64n - 1n), u128: 2n ** 128n - 1n, u64: 2n ** 64n - 1n, u40: 2 ** 40 - 1 };

const requests = [
  { name: 'of a balance', account: account(address('alice'), 0, 0n), eid: 40_002, asset: 1, fromCash: false, amount: 5n, receiver: address('alice'), validUntil: 1_790_003_600, timestamp: 1_790_000_000 },
  { name: 'of cash by a contract', account: account(address('safe'), 40_002, 3n), eid: 40_001, asset: 0, fromCash: true, amount: 10n ** 24n + 1n, receiver: address('payee'), validUntil: 2 ** 32, timestamp: 1 },
  { name: 'every field at its largest', account: LARGEST.account, eid: 2 ** 32 - 1, asset: 65_535, fromCash: true, amount: LARGEST.u128, receiver: FULL, validUntil: LARGEST.u40, timestamp: LARGEST.u40 },
  { name: 'every field zero', account: Buffer.alloc(32), eid: 0, asset: 0, fromCash: false, amount: 0n, receiver: ZERO, validUntil: 0, timestamp: 0 },
].map((w) => {
  const entry = layout(86, [
    [0, uint(0x02, 1)],
    [1, w.account],
    [33, uint(w.eid, 4)],
    [37, uint(w.asset, 2)],
    [39, uint(w.fromCash ? 1 : 0, 1)],
    [40, uint(w.amount, 16)],
    [56, bytes(w.receiver)],
    [76, uint(w.validUntil, 5)],
    [81, uint(w.timestamp, 5)],
  ]);
  return { ...w, account: hex(w.account), amount: w.amount.toString(), entry: hex(entry), leaf: hex(leafOf(entry)) };
});

const delegates = [
  { name: 'a trading key', account: account(address('safe'), 40_002, 0n), delegate: address('key'), permissions: 1, validUntil: 1_800_000_000 },
  { name: 'a revoked key', account: account(address('safe'), 40_002, 1n), delegate: address('key'), permissions: 0, validUntil: 0 },
  { name: 'every field at its largest', account: LARGEST.account, delegate: FULL, permissions: 255, validUntil: LARGEST.u40 },
].map((d) => {
  const entry = layout(59, [[0, uint(0x03, 1)], [1, d.account], [33, bytes(d.delegate)], [53, uint(d.permissions, 1)], [54, uint(d.validUntil, 5)]]);
  return { ...d, account: hex(d.account), entry: hex(entry), leaf: hex(leafOf(entry)) };
});

function receiptsEntry({ first, count, settled, paid, sums }) {
  const fields = [[0, uint(0x04, 1)], [1, uint(first, 8)], [9, uint(count, 1)], [10, uint(settled, 8)], [18, uint(paid, 8)], [26, uint(sums.length, 1)]];
  sums.forEach((s, i) => fields.push([27 + i * 18, uint(s.asset, 2)], [29 + i * 18, uint(s.amount, 16)]));
  return layout(27 + sums.length * 18, fields);
}
const receipts = [
  { name: 'one order, paid', first: 1n, count: 1, settled: 1n, paid: 1n, sums: [{ asset: 0, amount: 1_000_000n }] },
  { name: 'paid, void, claimable, of two assets', first: 300n, count: 3, settled: 0b101n, paid: 0b001n, sums: [{ asset: 1, amount: 7n }, { asset: 0, amount: 2n ** 64n }] },
  { name: '64 orders, all claimable, of three assets', first: 2n ** 32n, count: 64, settled: LARGEST.u64, paid: 0n, sums: [1, 2, 3].map((asset) => ({ asset, amount: 10n ** 20n })) },
  { name: 'every field at its largest', first: LARGEST.u64, count: 64, settled: LARGEST.u64, paid: LARGEST.u64, sums: [65_535, 65_534, 0].map((asset) => ({ asset, amount: LARGEST.u128 })) },
  { name: 'nothing settled', first: 9n, count: 2, settled: 0n, paid: 0n, sums: [] },
].map((r) => {
  const entry = receiptsEntry(r);
  return {
    ...r,
    first: r.first.toString(),
    settled: r.settled.toString(),
    paid: r.paid.toString(),
    sums: r.sums.map((s) => ({ asset: s.asset, amount: s.amount.toString() })),
    entry: hex(entry),
    leaf: hex(leafOf(entry)),
  };
});

const releases = [
  { name: 'a withdrawal', claim: 1n, account: account(address('alice'), 0, 0n), asset: 1, amount: 999_999n, receiver: address('alice') },
  { name: 'a deposit sent home', claim: 2n ** 40n, account: Buffer.alloc(32), asset: 7, amount: 1n, receiver: address('refund') },
  { name: 'every field at its largest', claim: LARGEST.u64, account: LARGEST.account, asset: 65_535, amount: LARGEST.u128, receiver: FULL },
  { name: 'every field zero', claim: 0n, account: Buffer.alloc(32), asset: 0, amount: 0n, receiver: ZERO },
].map((r) => {
  const entry = layout(79, [[0, uint(0x11, 1)], [1, uint(r.claim, 8)], [9, r.account], [41, uint(r.asset, 2)], [43, uint(r.amount, 16)], [59, bytes(r.receiver)]]);
  return { ...r, claim: r.claim.toString(), account: hex(r.account), amount: r.amount.toString(), entry: hex(entry), leaf: hex(leafOf(entry)) };
});
const aReceipt = { first: 1n, count: 2, settled: 0b11n, paid: 0b01n, sums: [] };

const voidEntry = (target) => layout(9, [[0, uint(0xf0, 1)], [1, uint(target, 8)]]);
const closedEntry = uint(0xff, 1);

const entryVectors = {
  deposited: deposits,
  withdrawRequested: requests,
  delegateSet: delegates,
  receipts,
  release: releases,
  void: [1n, 2n, 255n, 256n, 2n ** 32n, 2n ** 64n - 1n].map((target) => ({
    target: target.toString(),
    entry: hex(voidEntry(target)),
    leaf: hex(leafOf(voidEntry(target))),
  })),
  closed: { entry: hex(closedEntry), leaf: hex(leafOf(closedEntry)) },
  opaque: [uint(0x12, 1), Buffer.concat([uint(0x05, 1), text('of a later version')]), Buffer.concat([uint(0x7f, 1), Buffer.alloc(96, 0xab)])].map((entry) => ({
    entry: hex(entry),
    leaf: hex(leafOf(entry)),
  })),
  invalid: [
    { name: 'empty', entry: '0x' },
    { name: 'longer than 97 bytes', entry: hex(Buffer.alloc(98, 0x11)) },
    { name: 'deposit one byte short', entry: hex(Buffer.concat([uint(1, 1), Buffer.alloc(95)])) },
    { name: 'request one byte long', entry: hex(Buffer.concat([uint(2, 1), Buffer.alloc(86)])) },
    { name: 'delegate one byte short', entry: hex(Buffer.concat([uint(3, 1), Buffer.alloc(57)])) },
    { name: 'release one byte long', entry: hex(Buffer.concat([uint(0x11, 1), Buffer.alloc(79)])) },
    { name: 'receipts without their number of sums', entry: hex(receiptsEntry(aReceipt).subarray(0, 26)) },
    { name: 'receipts with half a sum', entry: hex(Buffer.concat([receiptsEntry(aReceipt), Buffer.alloc(9)])) },
    { name: 'receipts with four sums', entry: hex(receiptsEntry({ ...aReceipt, sums: [0, 1, 2, 3].map((asset) => ({ asset, amount: 1n })) })) },
    { name: 'VOID one byte long', entry: hex(Buffer.concat([voidEntry(1), Buffer.alloc(1)])) },
    { name: 'CLOSED with a payload', entry: '0xff00' },
  ],
  // of the right length, but they contradict themselves
  invalidReceipts: [
    { name: 'of no order', entry: hex(receiptsEntry({ ...aReceipt, count: 0, settled: 0n, paid: 0n })) },
    { name: 'of 65 orders', entry: hex(receiptsEntry({ ...aReceipt, count: 65 })) },
    { name: 'settling an order past the last', entry: hex(receiptsEntry({ ...aReceipt, settled: 0b111n })) },
    { name: 'paying what is not settled', entry: hex(receiptsEntry({ ...aReceipt, settled: 0b01n, paid: 0b10n })) },
  ],
};

// ---- log.json

const DOMAIN = text('lockstep.log.v1');
function genesisOf(p) {
  return keccak(DOMAIN, uint(p.srcEid, 32), word(p.srcMessenger), uint(p.dstEid, 32), word(p.dstMessenger));
}
const paths = [
  { srcEid: 40_002, srcMessenger: address('spoke messenger'), dstEid: 40_001, dstMessenger: address('hub messenger') },
  { srcEid: 40_001, srcMessenger: address('hub messenger'), dstEid: 40_002, dstMessenger: address('spoke messenger') },
  { srcEid: 40_001, srcMessenger: address('hub messenger'), dstEid: 40_001, dstMessenger: address('hub messenger') },
  { srcEid: 1, srcMessenger: ZERO, dstEid: 2 ** 32 - 1, dstMessenger: FULL },
];
function logOf(path_, entries) {
  const heads = [genesisOf(path_)];
  for (const entry of entries) heads.push(keccak(heads.at(-1), leafOf(entry)));
  return {
    path: path_,
    entries: entries.map(hex),
    leaves: entries.map((e) => hex(leafOf(e))),
    heads: heads.map(hex),
    stream: hex(Buffer.concat(entries.flatMap((e) => [uint(e.length, 1), e]))),
  };
}
const depositBytes = deposits.map((d) => bytes(d.entry));
const logVectors = {
  domain: hex(DOMAIN),
  genesis: paths.map((p) => ({ ...p, head: hex(genesisOf(p)) })),
  logs: [
    { name: 'one deposit', ...logOf(paths[0], depositBytes.slice(0, 1)) },
    { name: 'a deposit, its VOID, and the end', ...logOf(paths[0], [depositBytes[0], depositBytes[1], voidEntry(1), closedEntry]) },
    { name: 'longer than the ring', ...logOf(paths[2], Array.from({ length: 70 }, (_, i) => Buffer.concat([uint(0x01, 1), text(`entry ${i}`)]))) },
  ],
  chunks: [
    { consumed: '0', verified: '10', size: 4, chunks: [['1', '4'], ['5', '8'], ['9', '10']] },
    { consumed: '7', verified: '8', size: 50, chunks: [['8', '8']] },
    { consumed: '5', verified: '5', size: 1, chunks: [] },
  ],
};

// ---- checkpoint.json

const checkpointVectors = {
  checkpoints: [
    { name: 'first flush', sequence: 1n, head: text('head 1'), ackSequence: 0n, ackHead: genesisOf(paths[1]) },
    { name: 'acknowledgement alone', sequence: 0n, head: genesisOf(paths[1]), ackSequence: 50n, ackHead: text('head 50') },
    { name: 'largest', sequence: 2n ** 64n - 1n, head: Buffer.alloc(32, 0xff), ackSequence: 2n ** 64n - 1n, ackHead: Buffer.alloc(32, 0xff) },
  ].map((c) => ({
    name: c.name,
    sequence: c.sequence.toString(),
    head: hex(c.head),
    ackSequence: c.ackSequence.toString(),
    ackHead: hex(c.ackHead),
    message: hex(layout(81, [[0, uint(1, 1)], [1, uint(c.sequence, 8)], [9, c.head], [41, uint(c.ackSequence, 8)], [49, c.ackHead]])),
  })),
  invalid: [
    { name: 'empty', message: '0x' },
    { name: 'one byte short', message: hex(Buffer.concat([uint(1, 1), Buffer.alloc(79)])) },
    { name: 'one byte long', message: hex(Buffer.concat([uint(1, 1), Buffer.alloc(81)])) },
    { name: 'version 2', message: hex(Buffer.concat([uint(2, 1), Buffer.alloc(80)])) },
  ],
};

// ---- packet.json

const packetVectors = {
  packets: [
    { nonce: 1n, path: paths[0], message: bytes(checkpointVectors.checkpoints[0].message) },
    { nonce: 77n, path: paths[1], message: bytes(checkpointVectors.checkpoints[1].message) },
    { nonce: 2n ** 64n - 1n, path: paths[3], message: Buffer.alloc(0) },
  ].map(({ nonce, path: p, message }) => {
    const parties = Buffer.concat([uint(nonce, 8), uint(p.srcEid, 4), word(p.srcMessenger), uint(p.dstEid, 4), word(p.dstMessenger)]);
    const guid = keccak(parties);
    const header = layout(81, [[0, uint(1, 1)], [1, parties]]);
    return {
      nonce: nonce.toString(),
      srcEid: p.srcEid,
      sender: p.srcMessenger,
      dstEid: p.dstEid,
      receiver: p.dstMessenger,
      guid: hex(guid),
      message: hex(message),
      encoded: hex(Buffer.concat([header, guid, message])),
      header: hex(header),
      headerHash: hex(keccak(header)),
      payloadHash: hex(keccak(guid, message)),
    };
  }),
  invalid: [
    { name: 'shorter than header and guid', encoded: toHex(new Uint8Array(112)) },
    { name: 'version 2', encoded: hex(Buffer.concat([uint(2, 1), Buffer.alloc(112)])) },
    { name: 'a sender that is no EVM address', encoded: hex(Buffer.concat([uint(1, 1), uint(1, 8), uint(1, 4), Buffer.alloc(32, 0xff), uint(2, 4), Buffer.alloc(64)])) },
  ],
};

const files = { entry: entryVectors, log: logVectors, checkpoint: checkpointVectors, packet: packetVectors };
let differing = 0;
for (const [name, content] of Object.entries(files)) {
  const file = path.join(import.meta.dirname, `${name}.json`);
  const wanted = `${JSON.stringify(content, null, 2)}\n`;
  if (!process.argv.includes('--check')) writeFileSync(file, wanted);
  else if (JSON.stringify(JSON.parse(readFileSync(file, 'utf8'))) !== JSON.stringify(content)) {
    console.error(`${name}.json differs from what generate.mjs writes; expected no difference`);
    differing++;
  }
}
process.exitCode = differing > 0 ? 1 : 0;
