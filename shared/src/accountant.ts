import { fold, genesisHead, type Path } from './message/log.js';
import { leafOf, type ReceiptsEntry } from './message/entry.js';
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

/** An amount of one asset: a deposit, an order, or a sum of them; base units of the token. */
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
  const found = firstExcess(claimed, deposited);
  if (found === null) return null;
  const { asset, amount, most } = found;
  const detail = `entries claim ${amount} of asset ${asset}, the vault took in ${most}`;
  return { code: 'ACCOUNTANT_REFUSED', srcEid, dstEid, sequence: checkpoint.sequence, detail };
}

/**
 * The accountant of orders: no chain may be ordered to release more than its vault ever received. Whoever could append orders on the hub
 * without a ledger behind them is stopped here; the vault keeps the same rule for itself.
 * @param ordered  orders in the hub's log up to the checkpoint, without voided ones
 * @param received deposited − cancelled of the vault that is to pay, per asset, at a final block of its chain
 */
export function auditReleases(
  checkpoint: Checkpoint,
  { srcEid, dstEid }: Path,
  ordered: readonly Claim[],
  received: readonly Claim[],
): RelayProblem | null {
  const found = firstExcess(ordered, received);
  if (found === null) return null;
  const { asset, amount, most } = found;
  const detail = `orders release ${amount} of asset ${asset}, the vault received ${most}`;
  return { code: 'ACCOUNTANT_REFUSED', srcEid, dstEid, sequence: checkpoint.sequence, detail };
}

/**
 * The accountant of receipts: each order is receipted once, with its own amount. A receipt frees reserved tokens on the hub, so whoever
 * could append receipts without payouts would unbalance its books. It follows that Σ receipted ≤ Σ ordered.
 * @param receipts those of the vault's log that are to be signed for, ascending
 * @param through  end of the range of the last receipt before them, 0 if there is none
 * @param orders   the hub's orders to that chain by sequence, without voided ones; at least those in the range of the receipts
 */
export function auditReceipts(
  checkpoint: Checkpoint,
  { srcEid, dstEid }: Path,
  receipts: readonly ReceiptsEntry[],
  through: Sequence,
  orders: ReadonlyMap<bigint, Claim>,
): RelayProblem | null {
  const refuse = (detail: string): RelayProblem => ({
    code: 'ACCOUNTANT_REFUSED',
    srcEid,
    dstEid,
    sequence: checkpoint.sequence,
    detail,
  });
  let covered: bigint = through;
  for (const { first, count, settled, sums } of receipts) {
    if (first <= covered) return refuse(`receipts from ${first} repeat orders up to ${covered}`);
    covered = first + BigInt(count) - 1n;
    const expected = new Map<number, bigint>();
    for (let i = 0n; i < BigInt(count); i++) {
      if (((settled >> i) & 1n) === 0n) continue;
      const order = orders.get(first + i);
      if (order === undefined) return refuse(`receipts settle ${first + i}, which is no order of the hub`);
      expected.set(order.asset, (expected.get(order.asset) ?? 0n) + order.amount);
    }
    for (const { asset, amount } of sums) {
      const due = expected.get(asset) ?? 0n;
      if (amount !== due) return refuse(`receipts from ${first} settle ${amount} of asset ${asset}, its orders are ${due}`);
      expected.delete(asset);
    }
    for (const [asset, due] of expected)
      if (due !== 0n) return refuse(`receipts from ${first} settle 0 of asset ${asset}, its orders are ${due}`);
  }
  return null;
}

/** The first asset of which more was claimed than there is. */
function firstExcess(
  claimed: readonly Claim[],
  available: readonly Claim[],
): { readonly asset: number; readonly amount: bigint; readonly most: bigint } | null {
  const limits = new Map(available.map(({ asset, amount }) => [asset, amount]));
  const sums = new Map<number, bigint>();
  for (const { asset, amount } of claimed) sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  for (const [asset, amount] of sums) {
    const most = limits.get(asset) ?? 0n;
    if (amount > most) return { asset, amount, most };
  }
  return null;
}
