import type { Hex } from 'viem';
import type { Eid, UnixSeconds } from './units.js';

/** Where and when something happened on a chain. */
export interface Place {
  readonly at: UnixSeconds;
  readonly eid: Eid;
  readonly tx: Hex;
  /** the block is final by the chain's policy */
  readonly final: boolean;
}

/** How a delivered deposit ended, or what it waits for. */
export type DepositOutcome =
  | { readonly kind: 'credited' }
  | { readonly kind: 'parked'; readonly reason: string }
  | { readonly kind: 'voided' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Facts about one deposit, in any order, each from an event on a chain. Facts a reorg removed are marked and kept. */
export type DepositFact =
  | { readonly kind: 'deposited'; readonly place: Place; readonly orphaned: boolean }
  /** the source chain's policy calls its block final; `at` is when that was seen */
  | { readonly kind: 'final'; readonly place: Place }
  /** a VOID of it was appended on the source chain: it will never take effect */
  | { readonly kind: 'cancelled'; readonly place: Place; readonly orphaned: boolean }
  | { readonly kind: 'flushed'; readonly place: Place; readonly orphaned: boolean }
  | { readonly kind: 'verified'; readonly place: Place; readonly orphaned: boolean }
  | { readonly kind: 'outcome'; readonly outcome: DepositOutcome; readonly place: Place; readonly orphaned: boolean };

export const DEPOSIT_STAGES = ['deposited', 'final', 'flushed', 'verified', 'delivered', 'parked', 'voided', 'refused'] as const;
export type DepositStage = (typeof DEPOSIT_STAGES)[number];

export interface TimelineStep {
  readonly stage: DepositStage;
  readonly place: Place;
  readonly detail: string | null;
}

/** A deposit's story: where it is now, how it got there, and what a reorg took back. */
export interface DepositTimeline {
  /** `orphaned`: its block is gone and the deposit was not seen again */
  readonly state: DepositStage | 'orphaned' | 'cancelled';
  readonly steps: readonly TimelineStep[];
  readonly reorged: readonly { readonly stage: string; readonly place: Place }[];
  /** what happens next and who does it, in one sentence */
  readonly next: string;
}

/** Reduces the facts of one deposit to its timeline. The order of the facts does not matter. */
export function depositTimeline(facts: readonly DepositFact[]): DepositTimeline {
  const reorged = facts
    .filter((f): f is Exclude<DepositFact, { kind: 'final' }> => f.kind !== 'final' && f.orphaned)
    .map((f) => ({ stage: f.kind, place: f.place }))
    .sort((a, b) => order(a.place, b.place));
  const alive = facts.filter((f) => f.kind === 'final' || !f.orphaned);
  const earliest = <K extends DepositFact['kind']>(kind: K): Extract<DepositFact, { kind: K }> | undefined =>
    // CAST: the filter keeps exactly the facts of this kind, which TypeScript cannot follow through the generic.
    (alive.filter((f) => f.kind === kind) as Extract<DepositFact, { kind: K }>[]).sort((a, b) => order(a.place, b.place))[0];

  const deposited = earliest('deposited');
  if (deposited === undefined) {
    const next =
      reorged.length > 0 ? 'A reorg removed the deposit; its tokens are where they were before. Deposit again.' : 'Not seen yet.';
    return { state: 'orphaned', steps: [], reorged, next };
  }
  const steps: TimelineStep[] = [{ stage: 'deposited', place: deposited.place, detail: null }];
  for (const kind of ['final', 'flushed', 'verified'] as const) {
    const fact = earliest(kind);
    if (fact !== undefined) steps.push({ stage: kind, place: fact.place, detail: null });
  }
  const outcomes = alive
    .filter((f): f is Extract<DepositFact, { kind: 'outcome' }> => f.kind === 'outcome')
    .sort((a, b) => order(a.place, b.place));
  // a parked deposit that was credited by a retry has both outcomes, in this order, possibly in one block
  outcomes.sort((a, b) => Number(a.outcome.kind !== 'parked') - Number(b.outcome.kind !== 'parked'));
  for (const { outcome, place } of outcomes) steps.push(outcomeStep(outcome, place));
  const state = steps.at(-1)?.stage ?? 'deposited';
  const cancelled = earliest('cancelled') !== undefined && outcomes.length === 0;
  return cancelled
    ? { state: 'cancelled', steps, reorged, next: 'Cancelled on its own chain and refunded there; the hub will step over it.' }
    : { state, steps, reorged, next: nextStep(state) };
}

const order = (a: Place, b: Place): number => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0);

function outcomeStep(outcome: DepositOutcome, place: Place): TimelineStep {
  switch (outcome.kind) {
    case 'credited':
      return { stage: 'delivered', place, detail: null };
    case 'parked':
      return { stage: 'parked', place, detail: outcome.reason };
    case 'voided':
      return { stage: 'voided', place, detail: null };
    case 'refused':
      return { stage: 'refused', place, detail: outcome.reason };
  }
}

function nextStep(state: DepositStage): string {
  switch (state) {
    case 'deposited':
      return 'Waits for finality of its chain, and for the next flush; anyone may call Messenger.flush.';
    case 'final':
      return 'Waits for the next flush; anyone may call Messenger.flush.';
    case 'flushed':
      return 'Waits for its verifiers; once they attested, anyone may commit and execute the packet.';
    case 'verified':
      return 'Waits for delivery; anyone may call Messenger.deliver on the hub.';
    case 'delivered':
      return 'Credited.';
    case 'parked':
      return 'Waits in suspense; anyone may call Gateway.retry once the reason is gone.';
    case 'voided':
      return 'Cancelled; it took no effect on the hub.';
    case 'refused':
      return 'Refused for good by the hub; see the reason.';
  }
}
