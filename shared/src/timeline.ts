import type { Hex } from 'viem';
import {
  after,
  carriageOutlook,
  ended,
  outlook,
  type CarriedStage,
  type OfferedCall,
  type Outlook,
  type PathExpectations,
  type PathHold,
} from './carriage.js';
import type { PacketState } from './packet-state.js';
import type { Eid, Sequence, UnixSeconds } from './units.js';

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
  /** sent home by this claim, which has a timeline of its own */
  | { readonly kind: 'returned'; readonly claim: bigint }
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

export const DEPOSIT_STAGES = [
  'deposited',
  'final',
  'flushed',
  'verified',
  'delivered',
  'parked',
  'returned',
  'voided',
  'refused',
] as const;
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
    .sort((a, b) => byTime(a.place, b.place));
  const alive = facts.filter((f) => f.kind === 'final' || !f.orphaned);
  const earliest = <K extends DepositFact['kind']>(kind: K): Extract<DepositFact, { kind: K }> | undefined =>
    // CAST: the filter keeps exactly the facts of this kind, which TypeScript cannot follow through the generic.
    (alive.filter((f) => f.kind === kind) as Extract<DepositFact, { kind: K }>[]).sort((a, b) => byTime(a.place, b.place))[0];

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
    .sort((a, b) => byTime(a.place, b.place));
  // a parked deposit that was credited by a retry has both outcomes, in this order, possibly in one block
  outcomes.sort((a, b) => Number(a.outcome.kind !== 'parked') - Number(b.outcome.kind !== 'parked'));
  for (const { outcome, place } of outcomes) steps.push(outcomeStep(outcome, place));
  const state = steps.at(-1)?.stage ?? 'deposited';
  const cancelled = earliest('cancelled') !== undefined && outcomes.length === 0;
  return cancelled
    ? { state: 'cancelled', steps, reorged, next: 'Cancelled on its own chain and refunded there; the hub will step over it.' }
    : { state, steps, reorged, next: nextStep(state) };
}

/** Earlier places first. */
export const byTime = (a: Place, b: Place): number => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0);

function outcomeStep(outcome: DepositOutcome, place: Place): TimelineStep {
  switch (outcome.kind) {
    case 'credited':
      return { stage: 'delivered', place, detail: null };
    case 'parked':
      return { stage: 'parked', place, detail: outcome.reason };
    case 'returned':
      return { stage: 'returned', place, detail: `claim ${outcome.claim}` };
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
    case 'returned':
      return 'Sent home: follow the claim.';
    case 'voided':
      return 'Cancelled; it took no effect on the hub.';
    case 'refused':
      return 'Refused for good by the hub; see the reason.';
  }
}

/** What a deposit's outlook depends on beside its story. */
export interface DepositContext {
  readonly srcEid: Eid;
  readonly hubEid: Eid;
  readonly sequence: Sequence;
  readonly now: UnixSeconds;
  readonly packet: PacketState['kind'] | null;
  readonly hold: PathHold | null;
  readonly expect: PathExpectations & { /** seconds a parked deposit is expected to wait at most */ readonly parked: number };
  /** from when payer or refund address may cancel it while it is unflushed: its timestamp + the vault's cancel delay */
  readonly cancellableFrom: UnixSeconds;
  /** from when anyone may send it home while it is parked: its timestamp + the gateway's return delay */
  readonly returnableFrom: UnixSeconds;
}

/** What comes next for a deposit, by when, who has to act, and what can be done now. */
export function depositOutlook(told: DepositTimeline, context: DepositContext): Outlook<DepositStage> {
  const { srcEid, hubEid, sequence, now } = context;
  const since = told.steps.at(-1)?.place.at ?? told.reorged.at(-1)?.place.at ?? now;
  const carried = (stage: CarriedStage): Outlook<DepositStage> => carriageOutlook({ ...context, dstEid: hubEid, stage, since }, now);
  switch (told.state) {
    case 'deposited':
    case 'final': {
      const moving = carried(told.state === 'final' ? 'final' : 'appended');
      const cancel: OfferedCall = {
        by: 'payer-or-refund',
        call: { contract: 'CollateralVault', function: 'cancel', eid: srcEid, sequence },
      };
      return now < context.cancellableFrom ? moving : { ...moving, calls: [...moving.calls, cancel] };
    }
    case 'flushed':
    case 'verified':
      return carried(told.state);
    case 'parked': {
      const place = { eid: hubEid, srcEid, sequence };
      const retry: OfferedCall = { by: 'anyone', call: { contract: 'Gateway', function: 'retry', ...place } };
      const home: OfferedCall = { by: 'anyone', call: { contract: 'Gateway', function: 'returnDeposit', ...place } };
      return outlook(now, {
        since,
        next: 'delivered',
        by: after(since, context.expect.parked),
        actor: 'relayer',
        calls: now < context.returnableFrom ? [retry] : [retry, home],
        sentence: 'Parked on the hub; anyone may retry it once the reason is gone, or send it home after the return delay.',
      });
    }
    case 'delivered':
    case 'returned':
    case 'voided':
    case 'refused':
    case 'cancelled':
    case 'orphaned':
      return ended(since, told.next);
  }
}
