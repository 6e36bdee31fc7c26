import type { Hex } from 'viem';
import { EntryKind, leafOf } from './message/entry.js';
import { fold } from './message/log.js';
import type { RelayProblem } from './problems.js';
import { sequence, type Eid, type Sequence } from './units.js';

/** The other side's log as the destination knows it, and the entries the source is known to hold after the consumed one. */
export interface Backlog {
  readonly srcEid: Eid;
  readonly dstEid: Eid;
  readonly consumed: Sequence;
  readonly consumedHead: Hex;
  /** heads the destination has verified above `consumed` */
  readonly verifiedHeads: ReadonlyMap<Sequence, Hex>;
  /** entries consumed + 1, consumed + 2, … in order, without gaps */
  readonly entries: readonly Hex[];
}

/** `Messenger.split(srcEid, from, to, headAt, leaves)`. */
export interface SplitCall {
  readonly kind: 'split';
  readonly from: Sequence;
  readonly to: Sequence;
  readonly headAt: Hex;
  /** leaves of to + 1 … from */
  readonly leaves: readonly Hex[];
}

/** `Messenger.deliver(srcEid, deliveryStream(entries))`. */
export interface DeliverCall {
  readonly kind: 'deliver';
  readonly first: Sequence;
  readonly last: Sequence;
  readonly entries: readonly Hex[];
}

export type DeliveryPlan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'calls'; readonly splits: readonly SplitCall[]; readonly deliveries: readonly DeliverCall[] }
  | { readonly kind: 'blocked'; readonly problem: RelayProblem };

/** How large one delivery may be. */
export interface ChunkLimits {
  /** most entries */
  readonly entries: number;
  /** most gas it could take in the worst case, see {@link deliveryGas} */
  readonly gas: bigint;
}

/** What a delivery costs before its first entry, and the vault's floor that must be left before its last payout. */
const DELIVERY_BASE_GAS = 400_000n;
/** An applied entry takes at most 60k (a rule for every handler, tested at the worst case); folding and calldata come above that. */
const ENTRY_GAS = 64_000n;
/** A payout runs with at most 150k for the token's code, the books and the receipt beside it. */
const RELEASE_GAS = 200_000n;

/** Most gas an entry can take when it is delivered. */
export function entryGas(entry: Hex): bigint {
  return Number(entry.slice(0, 4)) === EntryKind.Release ? RELEASE_GAS : ENTRY_GAS;
}

/** Most gas the delivery of these entries can take. */
export function deliveryGas(entries: readonly Hex[]): bigint {
  return entries.reduce((sum, entry) => sum + entryGas(entry), DELIVERY_BASE_GAS);
}

/**
 * The calls that consume a backlog, in order: splits walk backwards from a verified head once, then deliveries go forwards.
 * A chunk ends at a head that is verified already where one lies within reach; only otherwise a split is spent.
 * @throws RangeError if a chunk may hold no entry
 */
export function planDelivery(backlog: Backlog, limits: ChunkLimits): DeliveryPlan {
  if (!Number.isInteger(limits.entries) || limits.entries < 1)
    throw new RangeError(`a chunk holds ${limits.entries} entries; expected a positive integer`);
  if (limits.gas < DELIVERY_BASE_GAS + RELEASE_GAS)
    throw new RangeError(`a chunk may take ${limits.gas} gas; expected at least ${DELIVERY_BASE_GAS + RELEASE_GAS}, for one payout`);
  const { consumed, consumedHead, entries, srcEid, dstEid } = backlog;
  const targets = [...backlog.verifiedHeads.keys()].filter((s) => s > consumed).sort(ascending);
  const highest = targets.at(-1);
  if (highest === undefined) return { kind: 'nothing' };
  if (entries.length < Number(highest - consumed)) {
    const first = sequence(consumed + BigInt(entries.length) + 1n);
    return { kind: 'blocked', problem: { code: 'ENTRIES_MISSING', srcEid, dstEid, first } };
  }
  const leaves = entries.slice(0, Number(highest - consumed)).map(leafOf);
  const heads: Hex[] = [];
  leaves.reduce((head, leaf) => {
    const next = fold(head, leaf);
    heads.push(next);
    return next;
  }, consumedHead);
  const headAt = (s: bigint): Hex => {
    const head = heads[Number(s - consumed) - 1];
    if (head === undefined) throw new RangeError(`sequence ${s} is outside the backlog ${consumed + 1n} … ${highest}`);
    return head;
  };
  for (const target of targets) {
    const verified = backlog.verifiedHeads.get(target);
    const own = headAt(target);
    if (verified !== undefined && verified.toLowerCase() !== own)
      return { kind: 'blocked', problem: { code: 'VERIFIED_HEAD_MISMATCH', srcEid, dstEid, sequence: target, own, verified } };
  }

  const ends = chunkEnds(consumed, targets, highest, (from) => reachOf(entries.slice(Number(from - consumed)), limits));
  const splits = splitsFor(ends, targets).map(({ from, to }): SplitCall => ({
    kind: 'split',
    from,
    to,
    headAt: headAt(to),
    leaves: leaves.slice(Number(to - consumed), Number(from - consumed)),
  }));
  const deliveries = ends.map((last, i): DeliverCall => {
    const before = i === 0 ? consumed : (ends[i - 1] ?? consumed);
    return {
      kind: 'deliver',
      first: sequence(before + 1n),
      last,
      entries: entries.slice(Number(before - consumed), Number(last - consumed)),
    };
  });
  return { kind: 'calls', splits, deliveries };
}

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** How many of the entries fit into one chunk, from the first on; at least one. */
function reachOf(entries: readonly Hex[], limits: ChunkLimits): bigint {
  let gas = DELIVERY_BASE_GAS;
  let count = 0;
  for (const entry of entries) {
    gas += entryGas(entry);
    if (count === limits.entries || (count > 0 && gas > limits.gas)) break;
    count += 1;
  }
  return BigInt(Math.max(count, 1));
}

/** Ends of the chunks: the farthest verified head within reach, else exactly one chunk further. */
function chunkEnds(
  consumed: Sequence,
  verified: readonly Sequence[],
  highest: Sequence,
  reachFrom: (cursor: bigint) => bigint,
): Sequence[] {
  const ends: Sequence[] = [];
  for (let cursor: bigint = consumed; cursor < highest;) {
    const reach: bigint = cursor + reachFrom(cursor);
    const within = verified.filter((s) => s > cursor && s <= reach).at(-1);
    const end: Sequence = within ?? sequence(reach);
    ends.push(end);
    cursor = end;
  }
  return ends;
}

/** One split per end that is not verified yet, from the lowest proved head above it, highest end first. */
function splitsFor(ends: readonly Sequence[], verified: readonly Sequence[]): { from: Sequence; to: Sequence }[] {
  const proved = new Set<bigint>(verified);
  const splits: { from: Sequence; to: Sequence }[] = [];
  for (const to of [...ends].reverse()) {
    if (proved.has(to)) continue;
    const from = [...proved].filter((s) => s > to).sort(ascending)[0];
    if (from === undefined) throw new RangeError(`no verified head above ${to}`);
    splits.push({ from: sequence(from), to });
    proved.add(to);
  }
  return splits;
}
