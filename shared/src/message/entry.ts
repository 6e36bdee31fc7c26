import { concatHex, getAddress, keccak256, numberToHex, size, sliceHex, type Address, type Hex } from 'viem';
import {
  accountId,
  sequence,
  tokenAmount,
  unixSeconds,
  type AccountId,
  type Sequence,
  type TokenAmount,
  type UnixSeconds,
} from '../units.js';

/** Kinds of log entries; twin of `EntryKind` in contracts/src/message/Entry.sol. */
export const EntryKind = {
  Deposited: 0x01,
  WithdrawRequested: 0x02,
  DelegateSet: 0x03,
  Receipts: 0x04,
  Release: 0x11,
  Void: 0xf0,
  Closed: 0xff,
} as const;

/** Most bytes an entry may have: kind and 96 bytes of payload. */
export const MAX_ENTRY_LENGTH = 97;
const DEPOSITED_LENGTH = 97;
const WITHDRAW_REQUESTED_LENGTH = 86;
const DELEGATE_SET_LENGTH = 59;
/** Receipts without a sum; each sum adds RECEIPTS_SUM_SIZE. */
const RECEIPTS_BASE_LENGTH = 27;
const RECEIPTS_SUM_SIZE = 18;
const RELEASE_LENGTH = 79;
const VOID_LENGTH = 9;
const CLOSED_LENGTH = 1;
const FLAG_OWN_DEPOSIT = 0x01;
const FLAG_FROM_CASH = 0x01;

/** Most orders and most assets that one `Receipts` entry covers. */
export const RECEIPTS_MAX_COUNT = 64;
export const RECEIPTS_MAX_SUMS = 3;

/** A deposit as the spoke's vault recorded it. */
export interface DepositedEntry {
  readonly kind: 'Deposited';
  readonly account: AccountId;
  /** index of the token in the spoke's vault */
  readonly asset: number;
  /** measured balance delta, base units */
  readonly amount: TokenAmount;
  readonly timestamp: UnixSeconds;
  readonly payer: Address;
  readonly refund: Address;
  /** the account's own principal paid, so the asset becomes its margin collateral */
  readonly ownDeposit: boolean;
}
/** A withdrawal asked for on a spoke: recorded on the hub, decided there by `processRequest`. */
export interface WithdrawRequestedEntry {
  readonly kind: 'WithdrawRequested';
  readonly account: AccountId;
  /** chain the tokens are to leave from, as the vault was told; the hub decides whether it knows it */
  readonly eid: number;
  /** index of the token in that chain's vault */
  readonly asset: number;
  /** true: `amount` is cash, 18 decimals; false: base units of the account's balance of the token */
  readonly fromCash: boolean;
  readonly amount: bigint;
  readonly receiver: Address;
  /** hub time after which it can no longer take effect */
  readonly validUntil: UnixSeconds;
  readonly timestamp: UnixSeconds;
}
/** A hub key that may act for an account whose principal lives on a spoke. */
export interface DelegateSetEntry {
  readonly kind: 'DelegateSet';
  readonly account: AccountId;
  readonly delegate: Address;
  /** bits of IDelegates; 0 revokes */
  readonly permissions: number;
  /** hub time */
  readonly validUntil: UnixSeconds;
}
/** Σ of one asset's settled orders, base units. */
export interface ReceiptSum {
  readonly asset: number;
  readonly amount: TokenAmount;
}
/** What became of the hub's orders first … first + count − 1. Bit i of a bitmap stands for sequence first + i. */
export interface ReceiptsEntry {
  readonly kind: 'Receipts';
  readonly first: Sequence;
  /** 1 … RECEIPTS_MAX_COUNT */
  readonly count: number;
  /** the order took effect: paid out, or made claimable */
  readonly settled: bigint;
  /** subset of `settled`: the receiver has the tokens */
  readonly paid: bigint;
  /** of the settled orders, each asset once, at most RECEIPTS_MAX_SUMS */
  readonly sums: readonly ReceiptSum[];
}
/** The hub's order to pay. */
export interface ReleaseEntry {
  readonly kind: 'Release';
  /** number of the claim on the hub */
  readonly claim: bigint;
  /** whose claim it was; all zero: a deposit that is sent home */
  readonly account: AccountId;
  /** index of the token in the vault that pays */
  readonly asset: number;
  readonly amount: TokenAmount;
  readonly receiver: Address;
}
export interface VoidEntry {
  readonly kind: 'Void';
  readonly target: Sequence;
}
export interface ClosedEntry {
  readonly kind: 'Closed';
}
/** An entry of a kind this version does not interpret; it is folded and carried all the same. */
export interface OpaqueEntry {
  readonly kind: 'Opaque';
  readonly bytes: Hex;
}
export type Entry =
  DepositedEntry | WithdrawRequestedEntry | DelegateSetEntry | ReceiptsEntry | ReleaseEntry | VoidEntry | ClosedEntry | OpaqueEntry;

/**
 * Wire bytes of an entry: kind ‖ payload, fixed offsets, big-endian.
 * @throws RangeError if the bitmaps, the count or the sums of receipts contradict each other
 */
export function encodeEntry(entry: Entry): Hex {
  switch (entry.kind) {
    case 'Deposited':
      return concatHex([
        numberToHex(EntryKind.Deposited, { size: 1 }),
        entry.account,
        numberToHex(entry.asset, { size: 2 }),
        numberToHex(entry.amount, { size: 16 }),
        numberToHex(entry.timestamp, { size: 5 }),
        entry.payer,
        entry.refund,
        numberToHex(entry.ownDeposit ? FLAG_OWN_DEPOSIT : 0, { size: 1 }),
      ]);
    case 'WithdrawRequested':
      return concatHex([
        numberToHex(EntryKind.WithdrawRequested, { size: 1 }),
        entry.account,
        numberToHex(entry.eid, { size: 4 }),
        numberToHex(entry.asset, { size: 2 }),
        numberToHex(entry.fromCash ? FLAG_FROM_CASH : 0, { size: 1 }),
        numberToHex(entry.amount, { size: 16 }),
        entry.receiver,
        numberToHex(entry.validUntil, { size: 5 }),
        numberToHex(entry.timestamp, { size: 5 }),
      ]);
    case 'DelegateSet':
      return concatHex([
        numberToHex(EntryKind.DelegateSet, { size: 1 }),
        entry.account,
        entry.delegate,
        numberToHex(entry.permissions, { size: 1 }),
        numberToHex(entry.validUntil, { size: 5 }),
      ]);
    case 'Receipts':
      checkReceipts(entry);
      return concatHex([
        numberToHex(EntryKind.Receipts, { size: 1 }),
        numberToHex(entry.first, { size: 8 }),
        numberToHex(entry.count, { size: 1 }),
        numberToHex(entry.settled, { size: 8 }),
        numberToHex(entry.paid, { size: 8 }),
        numberToHex(entry.sums.length, { size: 1 }),
        ...entry.sums.flatMap(({ asset, amount }) => [numberToHex(asset, { size: 2 }), numberToHex(amount, { size: 16 })]),
      ]);
    case 'Release':
      return concatHex([
        numberToHex(EntryKind.Release, { size: 1 }),
        numberToHex(entry.claim, { size: 8 }),
        entry.account,
        numberToHex(entry.asset, { size: 2 }),
        numberToHex(entry.amount, { size: 16 }),
        entry.receiver,
      ]);
    case 'Void':
      return concatHex([numberToHex(EntryKind.Void, { size: 1 }), numberToHex(entry.target, { size: 8 })]);
    case 'Closed':
      return numberToHex(EntryKind.Closed, { size: 1 });
    case 'Opaque':
      return entry.bytes;
  }
}

/** @throws RangeError if the bytes are no entry, have the wrong length for their kind, or are receipts that contradict themselves */
export function decodeEntry(bytes: Hex): Entry {
  const length = size(bytes);
  if (length < 1 || length > MAX_ENTRY_LENGTH) throw new RangeError(`entry has ${length} bytes; expected 1 … ${MAX_ENTRY_LENGTH}`);
  const kind = Number(sliceHex(bytes, 0, 1));
  switch (kind) {
    case EntryKind.Deposited:
      expectLength('Deposited', length, DEPOSITED_LENGTH);
      return {
        kind: 'Deposited',
        account: accountId(sliceHex(bytes, 1, 33)),
        asset: Number(sliceHex(bytes, 33, 35)),
        amount: tokenAmount(BigInt(sliceHex(bytes, 35, 51))),
        timestamp: unixSeconds(BigInt(sliceHex(bytes, 51, 56))),
        payer: getAddress(sliceHex(bytes, 56, 76)),
        refund: getAddress(sliceHex(bytes, 76, 96)),
        ownDeposit: (Number(sliceHex(bytes, 96, 97)) & FLAG_OWN_DEPOSIT) !== 0,
      };
    case EntryKind.WithdrawRequested:
      expectLength('WithdrawRequested', length, WITHDRAW_REQUESTED_LENGTH);
      return {
        kind: 'WithdrawRequested',
        account: accountId(sliceHex(bytes, 1, 33)),
        eid: Number(sliceHex(bytes, 33, 37)),
        asset: Number(sliceHex(bytes, 37, 39)),
        fromCash: (Number(sliceHex(bytes, 39, 40)) & FLAG_FROM_CASH) !== 0,
        amount: BigInt(sliceHex(bytes, 40, 56)),
        receiver: getAddress(sliceHex(bytes, 56, 76)),
        validUntil: unixSeconds(BigInt(sliceHex(bytes, 76, 81))),
        timestamp: unixSeconds(BigInt(sliceHex(bytes, 81, 86))),
      };
    case EntryKind.DelegateSet:
      expectLength('DelegateSet', length, DELEGATE_SET_LENGTH);
      return {
        kind: 'DelegateSet',
        account: accountId(sliceHex(bytes, 1, 33)),
        delegate: getAddress(sliceHex(bytes, 33, 53)),
        permissions: Number(sliceHex(bytes, 53, 54)),
        validUntil: unixSeconds(BigInt(sliceHex(bytes, 54, 59))),
      };
    case EntryKind.Receipts:
      return decodeReceipts(bytes, length);
    case EntryKind.Release:
      expectLength('Release', length, RELEASE_LENGTH);
      return {
        kind: 'Release',
        claim: BigInt(sliceHex(bytes, 1, 9)),
        account: accountId(sliceHex(bytes, 9, 41)),
        asset: Number(sliceHex(bytes, 41, 43)),
        amount: tokenAmount(BigInt(sliceHex(bytes, 43, 59))),
        receiver: getAddress(sliceHex(bytes, 59, 79)),
      };
    case EntryKind.Void:
      expectLength('Void', length, VOID_LENGTH);
      return { kind: 'Void', target: sequence(BigInt(sliceHex(bytes, 1, 9))) };
    case EntryKind.Closed:
      expectLength('Closed', length, CLOSED_LENGTH);
      return { kind: 'Closed' };
    default:
      return { kind: 'Opaque', bytes };
  }
}

/**
 * Leaf of an entry: `kind ‖ low 31 bytes of keccak256(entry)`; VOID and CLOSED leaves are readable in themselves
 * (`kind ‖ zeros ‖ target`, `kind ‖ zeros`).
 */
export function leafOf(bytes: Hex): Hex {
  const kind = sliceHex(bytes, 0, 1);
  switch (Number(kind)) {
    case EntryKind.Void:
      return concatHex([kind, numberToHex(0, { size: 23 }), sliceHex(bytes, 1, 9)]);
    case EntryKind.Closed:
      return concatHex([kind, numberToHex(0, { size: 31 })]);
    default:
      return concatHex([kind, sliceHex(keccak256(bytes), 1, 32)]);
  }
}

/** Twin of `Entry.isReceipts` and `Entry.decodeReceipts`: what the hub refuses as malformed is refused here. */
function decodeReceipts(bytes: Hex, length: number): ReceiptsEntry {
  if (length < RECEIPTS_BASE_LENGTH) expectLength('Receipts', length, RECEIPTS_BASE_LENGTH);
  const n = Number(sliceHex(bytes, 26, 27));
  expectLength('Receipts', length, RECEIPTS_BASE_LENGTH + n * RECEIPTS_SUM_SIZE);
  const entry: ReceiptsEntry = {
    kind: 'Receipts',
    first: sequence(BigInt(sliceHex(bytes, 1, 9))),
    count: Number(sliceHex(bytes, 9, 10)),
    settled: BigInt(sliceHex(bytes, 10, 18)),
    paid: BigInt(sliceHex(bytes, 18, 26)),
    sums: Array.from({ length: n }, (_, i) => {
      const at = RECEIPTS_BASE_LENGTH + i * RECEIPTS_SUM_SIZE;
      return {
        asset: Number(sliceHex(bytes, at, at + 2)),
        amount: tokenAmount(BigInt(sliceHex(bytes, at + 2, at + RECEIPTS_SUM_SIZE))),
      };
    }),
  };
  checkReceipts(entry);
  return entry;
}

function checkReceipts({ count, settled, paid, sums }: ReceiptsEntry): void {
  if (count < 1 || count > RECEIPTS_MAX_COUNT) throw new RangeError(`Receipts cover ${count} orders; expected 1 … ${RECEIPTS_MAX_COUNT}`);
  if (sums.length > RECEIPTS_MAX_SUMS) throw new RangeError(`Receipts have ${sums.length} sums; expected 0 … ${RECEIPTS_MAX_SUMS}`);
  if (settled >> BigInt(count) !== 0n)
    throw new RangeError(`Receipts settle ${settled.toString(2)}; expected only the lowest ${count} bits`);
  if ((paid & ~settled) !== 0n)
    throw new RangeError(`Receipts pay ${paid.toString(2)}; expected a subset of the settled ${settled.toString(2)}`);
}

function expectLength(kind: string, actual: number, expected: number): void {
  if (actual !== expected) throw new RangeError(`${kind} entry has ${actual} bytes; expected ${expected}`);
}
