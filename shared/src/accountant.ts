import { fold, genesisHead, type Path } from './message/log.js';
import { leafOf } from './message/entry.js';
import type { Checkpoint } from './message/checkpoint.js';
import type { RelayProblem } from './problems.js';
import { sequence, type Sequence } from './units.js';
import type { Hex } from 'viem';

/** Head up to which a verifier has signed a path. */
export interface SignedHead {
  readonly sequence: Sequence;
  readonly head: Hex;
}

/** An entry as the verifier read it itself, from its own providers, in final blocks. */
export interface OwnEntry {
  readonly sequence: Sequence;
  readonly bytes: Hex;
  readonly head: Hex;
}

export type SigningDecision =
  /** `heads`: nothing to remember but the new signed head */
  { readonly kind: 'sign'; readonly signed: SignedHead } | { readonly kind: 'refuse'; readonly problem: RelayProblem };

/**
 * Whether a verifier may sign a checkpoint: it is rebuilt entry by entry from the verifier's own reads, starting at the head signed
 * last (or at the genesis), and it must come out at the claimed head. A checkpoint at or below the signed sequence is signed again
 * only if it claims the head that the own log has there.
 * @param last    what was signed last for this path, null if nothing
 * @param entries own entries, ascending; at least those after `last`, and all up to the checkpoint if it lies below `last`
 */
export function decideSignature(
  path: Path,
  checkpoint: Checkpoint,
  last: SignedHead | null,
  entries: readonly OwnEntry[],
): SigningDecision {
  const { srcEid, dstEid } = path;
  const refuse = (problem: RelayProblem): SigningDecision => ({ kind: 'refuse', problem });
  const extending = last === null || checkpoint.sequence >= last.sequence;
  const from: SignedHead = last !== null && extending ? last : { sequence: sequence(0n), head: genesisHead(path) };

  let head = from.head;
  let expected = from.sequence + 1n;
  for (const entry of entries) {
    if (entry.sequence <= from.sequence) continue;
    if (entry.sequence > checkpoint.sequence) break;
    if (entry.sequence !== expected)
      return refuse({ code: 'LOG_GAP', srcEid, dstEid, expected: sequence(expected), found: entry.sequence });
    head = fold(head, leafOf(entry.bytes));
    if (head !== entry.head.toLowerCase())
      return last !== null && entry.sequence === from.sequence + 1n
        ? refuse({ code: 'CHECKPOINT_NOT_EXTENDING', srcEid, dstEid, sequence: checkpoint.sequence, signedSequence: last.sequence })
        : refuse({ code: 'HEAD_FOLD_MISMATCH', srcEid, dstEid, sequence: entry.sequence, folded: head, reported: entry.head });
    expected += 1n;
  }
  if (expected !== checkpoint.sequence + 1n) return refuse({ code: 'ENTRIES_MISSING', srcEid, dstEid, first: sequence(expected) });
  if (head !== checkpoint.head.toLowerCase())
    return refuse(
      extending && last !== null && checkpoint.sequence === last.sequence
        ? { code: 'CHECKPOINT_NOT_EXTENDING', srcEid, dstEid, sequence: checkpoint.sequence, signedSequence: last.sequence }
        : { code: 'CHECKPOINT_HEAD_WRONG', srcEid, dstEid, sequence: checkpoint.sequence, own: head, claimed: checkpoint.head },
    );
  return { kind: 'sign', signed: extending ? { sequence: checkpoint.sequence, head } : last };
}

/** Deposits of one asset, base units of the token. */
export interface Claim {
  readonly asset: number;
  readonly amount: bigint;
}

/**
 * The accountant: a chain may not credit more than its vault took in. Whoever could append entries without depositing is stopped here,
 * before anything is signed.
 * @param claimed   deposits in the log up to the checkpoint
 * @param deposited what the vault says it ever took in, per asset, at a block at or after the checkpoint's
 */
export function auditDeposits(
  checkpoint: Checkpoint,
  { srcEid, dstEid }: Path,
  claimed: readonly Claim[],
  deposited: readonly Claim[],
): RelayProblem | null {
  const received = new Map(deposited.map(({ asset, amount }) => [asset, amount]));
  const sums = new Map<number, bigint>();
  for (const { asset, amount } of claimed) sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  for (const [asset, amount] of sums) {
    const most = received.get(asset) ?? 0n;
    if (amount > most)
      return {
        code: 'ACCOUNTANT_REFUSED',
        srcEid,
        dstEid,
        sequence: checkpoint.sequence,
        detail: `entries claim ${amount} of asset ${asset}, the vault took in ${most}`,
      };
  }
  return null;
}
