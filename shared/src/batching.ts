import { unixSeconds, type UnixSeconds } from './units.js';

/** When a path's unflushed entries are worth a packet. */
export interface FlushPolicy {
  /** flush as soon as this many entries wait */
  readonly maxCount: number;
  /** flush once the oldest waiting entry has this age, seconds */
  readonly maxAgeSeconds: number;
  /** an age flush waits for this many entries, but never longer than OVERDUE_FACTOR × maxAgeSeconds */
  readonly minCount: number;
}

/** Entries that are on chain and not covered by the last flush (an express deposit was flushed with its own transaction). */
export interface Waiting {
  readonly count: number;
  /** chain time of the oldest one, null if there is none */
  readonly oldestAt: UnixSeconds | null;
}

export type FlushDecision =
  | { readonly kind: 'flush'; readonly because: 'count' | 'age' | 'overdue'; readonly entries: number }
  | { readonly kind: 'wait'; readonly because: 'empty' }
  | { readonly kind: 'wait'; readonly because: 'young' | 'few'; readonly until: UnixSeconds };

/** A batch below `minCount` is sent all the same once it has waited this many times the ordinary age: nothing waits forever. */
export const OVERDUE_FACTOR = 4;

/**
 * Whether to send a checkpoint now. Never for an empty log: a flush with nothing to cover would revert.
 * @param now chain time of the source chain, so that a wrong clock of the machine moves nothing
 * @throws RangeError if the policy contradicts itself
 */
export function decideFlush(policy: FlushPolicy, waiting: Waiting, now: UnixSeconds): FlushDecision {
  checkFlushPolicy(policy);
  if (waiting.count === 0 || waiting.oldestAt === null) return { kind: 'wait', because: 'empty' };
  if (waiting.count >= policy.maxCount) return { kind: 'flush', because: 'count', entries: waiting.count };
  const dueAt = unixSeconds(waiting.oldestAt + BigInt(policy.maxAgeSeconds));
  if (now < dueAt) return { kind: 'wait', because: 'young', until: dueAt };
  if (waiting.count >= policy.minCount) return { kind: 'flush', because: 'age', entries: waiting.count };
  const overdueAt = unixSeconds(waiting.oldestAt + BigInt(policy.maxAgeSeconds * OVERDUE_FACTOR));
  if (now < overdueAt) return { kind: 'wait', because: 'few', until: overdueAt };
  return { kind: 'flush', because: 'overdue', entries: waiting.count };
}

/** @throws RangeError naming the field, its value and what was expected */
export function checkFlushPolicy(policy: FlushPolicy): void {
  const { maxCount, maxAgeSeconds, minCount } = policy;
  if (!Number.isInteger(maxCount) || maxCount < 1) throw new RangeError(`maxCount is ${maxCount}; expected a positive integer`);
  if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0)
    throw new RangeError(`maxAgeSeconds is ${maxAgeSeconds}; expected an integer of seconds, at least 0`);
  if (!Number.isInteger(minCount) || minCount < 1 || minCount > maxCount)
    throw new RangeError(`minCount is ${minCount}; expected 1 … maxCount (${maxCount})`);
}

/** What one flush cost and covered; sums are exact, shares are rounded up. */
export interface BatchCost {
  readonly entries: number;
  /** native fee of the packet, wei */
  readonly feeWei: bigint;
  /** gas of the flush transaction × its price, wei */
  readonly gasWei: bigint;
}

/** Native cost per entry, wei, rounded up; the whole cost if the batch covered nothing new (a resend). */
export function costPerEntry({ entries, feeWei, gasWei }: BatchCost): bigint {
  const total = feeWei + gasWei;
  if (entries <= 1) return total;
  const count = BigInt(entries);
  return (total + count - 1n) / count;
}
