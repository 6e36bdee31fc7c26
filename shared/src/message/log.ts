import { concatHex, encodeAbiParameters, keccak256, numberToHex, padHex, size, stringToHex, type Address, type Hex } from 'viem';
import { sequence, type Eid, type Sequence } from '../units.js';
import { leafOf } from './entry.js';

/** One direction between two messengers; its log starts from the hash of these four. */
export interface Path {
  readonly srcEid: Eid;
  readonly srcMessenger: Address;
  readonly dstEid: Eid;
  readonly dstMessenger: Address;
}

const DOMAIN = keccak256(stringToHex('lockstep.log.v1'));

/** Head at sequence 0: keccak256(abi.encode(domain, srcEid, bytes32(srcMessenger), dstEid, bytes32(dstMessenger))). */
export function genesisHead(path: Path): Hex {
  return keccak256(
    encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'uint32' }, { type: 'bytes32' }, { type: 'uint32' }, { type: 'bytes32' }],
      [DOMAIN, path.srcEid, padHex(path.srcMessenger, { size: 32 }), path.dstEid, padHex(path.dstMessenger, { size: 32 })],
    ),
  );
}

/** head' = keccak256(head ‖ leaf). */
export const fold = (head: Hex, leaf: Hex): Hex => keccak256(concatHex([head, leaf]));

export const foldLeaves = (head: Hex, leaves: readonly Hex[]): Hex => leaves.reduce(fold, head);

export const foldEntries = (head: Hex, entries: readonly Hex[]): Hex => entries.reduce((h, e) => fold(h, leafOf(e)), head);

/** `(length (1) ‖ entry)*`, the argument of `Messenger.deliver`. */
export const deliveryStream = (entries: readonly Hex[]): Hex => concatHex(entries.flatMap((e) => [numberToHex(size(e), { size: 1 }), e]));

/** A consecutive chunk of a backlog, ending at `last`. */
export interface Chunk {
  readonly first: Sequence;
  readonly last: Sequence;
}

/**
 * Cuts the backlog (consumed, verified] into chunks of at most `size` entries, the last one ending at `verified`.
 * All ends but the last are heads that `split` proves by walking backwards.
 * @throws RangeError if size < 1 or verified < consumed
 */
export function planChunks(consumed: Sequence, verified: Sequence, chunkSize: number): Chunk[] {
  if (!Number.isInteger(chunkSize) || chunkSize < 1) throw new RangeError(`chunk size is ${chunkSize}; expected a positive integer`);
  if (verified < consumed) throw new RangeError(`verified sequence ${verified} is below the consumed one ${consumed}`);
  const chunks: Chunk[] = [];
  for (let first = consumed + 1n; first <= verified; first += BigInt(chunkSize)) {
    const last = first + BigInt(chunkSize) - 1n;
    chunks.push({ first: sequence(first), last: sequence(last < verified ? last : verified) });
  }
  return chunks;
}
