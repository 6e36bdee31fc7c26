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
const VOID_LENGTH = 9;
const CLOSED_LENGTH = 1;
const FLAG_OWN_DEPOSIT = 0x01;

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
export type Entry = DepositedEntry | VoidEntry | ClosedEntry | OpaqueEntry;

/** Wire bytes of an entry: kind ‖ payload, fixed offsets, big-endian. */
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
    case 'Void':
      return concatHex([numberToHex(EntryKind.Void, { size: 1 }), numberToHex(entry.target, { size: 8 })]);
    case 'Closed':
      return numberToHex(EntryKind.Closed, { size: 1 });
    case 'Opaque':
      return entry.bytes;
  }
}

/** @throws RangeError if the bytes are no entry, or have the wrong length for their kind */
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

function expectLength(kind: string, actual: number, expected: number): void {
  if (actual !== expected) throw new RangeError(`${kind} entry has ${actual} bytes; expected ${expected}`);
}
