import { after, carriageOutlook, ended, outlook, stuck, type Actor, type Carried, type OfferedCall, type Outlook } from './carriage.js';
import type { PathExpectations, PathHold } from './carriage.js';
import type { PacketState } from './packet-state.js';
import { byTime, type Place } from './timeline.js';
import type { Eid, Sequence, UnixSeconds } from './units.js';

/** `IWithdrawals.Waiting`, by number: why a claim cannot be ordered now. */
export const CLAIM_WAITING = ['None', 'NotQueued', 'Liquidity', 'OutflowLimit', 'PathQuarantined', 'PathClosed', 'OrdersPaused'] as const;
export type ClaimWaiting = (typeof CLAIM_WAITING)[number];

/** `IPayouts.ClaimReason`, by number: why an order was made claimable and not paid. */
export const CLAIM_REASONS = ['TransferFailed', 'PayoutsPaused', 'AssetFrozen', 'OutflowLimit', 'ReceiverInvalid'] as const;
export type ClaimReason = (typeof CLAIM_REASONS)[number];

/** `IPayouts.ReleaseRefusal`, by number: an order that the vault ignored for good. */
export const RELEASE_REFUSALS = ['Malformed', 'AssetNotListed', 'BackingExceeded', 'ForeignLog'] as const;
export type ReleaseRefusal = (typeof RELEASE_REFUSALS)[number];

/** What an event on a chain says about one claim. */
export type WithdrawalEvent =
  | { readonly kind: 'requested' }
  | { readonly kind: 'queued' }
  | { readonly kind: 'cancelled'; /** it had been ordered, and its unflushed order was voided */ readonly voided: boolean }
  | { readonly kind: 'ordered'; readonly sequence: Sequence }
  /** the hub's policy calls the order's block final; `at` is when that was seen */
  | { readonly kind: 'final' }
  | { readonly kind: 'flushed' }
  | { readonly kind: 'verified' }
  | { readonly kind: 'paid' }
  | { readonly kind: 'claimable'; readonly reason: ClaimReason }
  | { readonly kind: 'claimed'; readonly to: string }
  | { readonly kind: 'returned'; /** the deposit it became */ readonly depositSequence: Sequence }
  | {
      readonly kind: 'refused';
      /** `Annulled`: a rebase of the path found that the hub never gave it */ readonly reason: ReleaseRefusal | 'Unhandled' | 'Annulled';
    }
  | { readonly kind: 'receipted' };

/** Facts about one claim, in any order. Facts a reorg removed are marked and kept. */
export type WithdrawalFact = WithdrawalEvent & { readonly place: Place; readonly orphaned: boolean };

export const WITHDRAWAL_STAGES = [
  'requested',
  'queued',
  'ordered',
  'final',
  'flushed',
  'verified',
  'paid',
  'claimable',
  'claimed',
  'returned',
  'refused',
  'receipted',
  'cancelled',
] as const satisfies readonly WithdrawalFact['kind'][];
export type WithdrawalStage = (typeof WITHDRAWAL_STAGES)[number];

export interface WithdrawalStep {
  readonly stage: WithdrawalStage;
  readonly place: Place;
  readonly detail: string | null;
}

/** A withdrawal's story, from its request (or from the queue, if it was requested on the hub) to its receipt. */
export interface WithdrawalTimeline {
  /** where the money is. `claimable` until it is claimed or returned, receipted or not; `orphaned`: the claim's block is gone */
  readonly state: WithdrawalStage | 'orphaned';
  readonly steps: readonly WithdrawalStep[];
  readonly receipted: boolean;
  readonly orderSequence: Sequence | null;
  readonly reorged: readonly { readonly stage: WithdrawalStage; readonly place: Place }[];
}

/** Reduces the facts of one claim to its timeline. The order of the facts does not matter. */
export function withdrawalTimeline(facts: readonly WithdrawalFact[]): WithdrawalTimeline {
  const reorged = facts
    .filter((f) => f.orphaned)
    .map(({ kind, place }) => ({ stage: kind, place }))
    .sort((a, b) => byTime(a.place, b.place));
  const firsts = new Map<WithdrawalStage, WithdrawalFact>();
  for (const fact of facts.filter((f) => !f.orphaned)) {
    const known = firsts.get(fact.kind);
    if (known === undefined || byTime(fact.place, known.place) < 0) firsts.set(fact.kind, fact);
  }
  const alive = WITHDRAWAL_STAGES.flatMap((stage) => firsts.get(stage) ?? []);
  const steps = alive.map((fact): WithdrawalStep => ({ stage: fact.kind, place: fact.place, detail: detailOf(fact) }));
  const ordered = firsts.get('ordered');
  const receipted = firsts.has('receipted');
  const state = stateOf(new Set(firsts.keys())) ?? steps.at(-1)?.stage ?? 'orphaned';
  return { state, steps, receipted, orderSequence: ordered?.kind === 'ordered' ? ordered.sequence : null, reorged };
}

/** Stages that later bookkeeping does not end: a receipt covers refused and claimable orders too. Null: the last step decides. */
function stateOf(seen: ReadonlySet<WithdrawalStage>): WithdrawalStage | null {
  if (seen.has('refused')) return 'refused';
  if (seen.has('returned')) return 'returned';
  return seen.has('claimable') && !seen.has('claimed') ? 'claimable' : null;
}

function detailOf(fact: WithdrawalFact): string | null {
  switch (fact.kind) {
    case 'claimable':
    case 'refused':
      return fact.reason;
    case 'claimed':
      return `to ${fact.to}`;
    case 'returned':
      return `deposit ${fact.depositSequence}`;
    case 'ordered':
      return `order ${fact.sequence}`;
    case 'cancelled':
      return fact.voided ? 'its order was voided' : null;
    case 'requested':
    case 'queued':
    case 'final':
    case 'flushed':
    case 'verified':
    case 'paid':
    case 'receipted':
      return null;
  }
}

/** What a withdrawal's outlook depends on beside its story. */
export interface WithdrawalContext {
  readonly claim: bigint;
  readonly hubEid: Eid;
  /** chain it leaves from */
  readonly dstEid: Eid;
  readonly now: UnixSeconds;
  /** a deposit sent home: it has no account, so nobody can cancel or return it */
  readonly isReturn: boolean;
  /** what `Withdrawals.waitingFor` says, null if it was not asked */
  readonly waiting: ClaimWaiting | null;
  /** claims of its token that wait before it */
  readonly ahead: number;
  readonly packet: PacketState['kind'] | null;
  /** of the path from the hub */
  readonly hold: PathHold | null;
  /** the Receipts entry on its way back, null if there is none (yet) */
  readonly receipt: Carried | null;
  readonly expect: PathExpectations & {
    /** until a queued claim is ordered, if nothing stands against it */
    readonly ordered: number;
    /** until an order is paid: what its operator counts as late, whatever stage it is at */
    readonly paid: number;
    /** until the hub has the receipt of a payout */
    readonly receipted: number;
  };
  /** what a simulated `claim` of the order says while it is claimable, null if it was not tried */
  readonly claimSimulation: 'passes' | 'reverts' | null;
  /** seconds after the order's block from which it may be cancelled, while it is unflushed */
  readonly cancelDelay: number;
  /** seconds after which anyone may turn a claimable order into a deposit of its account */
  readonly returnDelay: number;
}

/** What comes next for a withdrawal, by when, who has to act, and what can be done now. */
export function withdrawalOutlook(told: WithdrawalTimeline, context: WithdrawalContext): Outlook<WithdrawalStage> {
  const { now } = context;
  const last = told.steps.at(-1)?.place.at ?? told.reorged.at(-1)?.place.at ?? now;
  const began = told.steps.find((s) => s.stage === told.state)?.place.at ?? last;
  switch (told.state) {
    case 'orphaned':
      return ended(last, 'A reorg removed the claim; the amount is where it was before. Request it again.');
    case 'requested':
      return outlook(now, {
        since: began,
        next: 'queued',
        by: null,
        actor: 'relayer',
        calls: [],
        sentence: 'On its way to the hub, which decides it: follow the request.',
      });
    case 'queued':
      return queuedOutlook(began, context);
    case 'ordered':
    case 'final':
    case 'flushed':
    case 'verified':
      return orderedOutlook(told.state, began, told, context);
    case 'claimable':
      return claimableOutlook(began, told, context);
    case 'paid':
    case 'claimed':
      return receiptOutlook(began, context);
    case 'returned':
      return ended(began, 'It became a deposit of its account again: follow the deposit.');
    case 'refused':
      return stuck(
        began,
        'governance',
        [],
        'The vault refused the order for good; the amount stays reserved on the hub until governance books it.',
      );
    case 'receipted':
      return ended(began, 'Paid, and receipted by the hub.');
    case 'cancelled':
      return ended(began, 'Cancelled; the amount is back in the account.');
  }
}

function queuedOutlook(since: UnixSeconds, context: WithdrawalContext): Outlook<WithdrawalStage> {
  const { claim, hubEid, now, waiting, ahead, isReturn, expect } = context;
  const order: OfferedCall = { by: 'anyone', call: { contract: 'Withdrawals', function: 'order', eid: hubEid, claim } };
  const cancel: OfferedCall[] = isReturn
    ? []
    : [{ by: 'owner', call: { contract: 'Withdrawals', function: 'cancel', eid: hubEid, claim } }];
  const place = ahead === 0 ? 'first of its token in the queue' : `${ahead} of its token wait before it`;
  const wait = (actor: Actor, sentence: string): Outlook<WithdrawalStage> =>
    outlook(now, { since, next: 'ordered', by: null, actor, calls: cancel, sentence: `${sentence} (${place}).` });
  switch (waiting) {
    case null:
    case 'None':
      return outlook(now, {
        since,
        next: 'ordered',
        by: after(since, expect.ordered),
        actor: 'relayer',
        calls: [order, ...cancel],
        sentence: `Can be ordered now, by anyone (${place}).`,
      });
    case 'NotQueued':
      return outlook(now, {
        since,
        next: 'ordered',
        by: null,
        actor: 'relayer',
        calls: [],
        sentence: 'No longer queued; its order is not seen yet.',
      });
    case 'Liquidity':
      return wait('liquidity', `Waits for settlement tokens on chain ${context.dstEid}`);
    case 'OutflowLimit':
      return wait('time', `Waits for the outflow limit of chain ${context.dstEid} to refill`);
    case 'PathQuarantined':
    case 'PathClosed':
      return stuck(
        since,
        'governance',
        cancel,
        `The path to chain ${context.dstEid} takes no orders; it can be cancelled and requested on another chain.`,
      );
    case 'OrdersPaused':
      return stuck(since, 'governance', cancel, 'Orders are paused; governance ends that, after a delay.');
  }
}

function orderedOutlook(
  state: 'ordered' | 'final' | 'flushed' | 'verified',
  since: UnixSeconds,
  told: WithdrawalTimeline,
  context: WithdrawalContext,
): Outlook<WithdrawalStage> {
  const { claim, hubEid, dstEid, now, packet, hold, expect } = context;
  const sequence = told.orderSequence;
  if (sequence === null) return stuck(since, 'relayer', [], 'Its order is not known here; the index of the hub misses an event.');
  const stage = state === 'ordered' ? 'appended' : state;
  const moving = carriageOutlook({ srcEid: hubEid, dstEid, sequence, stage, since, packet, hold, expect }, now);
  const orderedAt = told.steps.find((s) => s.stage === 'ordered')?.place.at ?? since;
  const latest = after(orderedAt, expect.paid);
  const mayCancel = !context.isReturn && (state === 'ordered' || state === 'final') && now >= after(orderedAt, context.cancelDelay);
  const cancel: OfferedCall = {
    by: 'owner',
    call: { contract: 'Withdrawals', function: 'cancelOrdered', eid: hubEid, claim, dstEid, sequence },
  };
  return {
    ...moving,
    // A stage may still have time when the order has none left.
    by: moving.by !== null && moving.by > latest ? latest : moving.by,
    late: moving.late || now > latest,
    next: moving.next === 'delivered' ? 'paid' : moving.next,
    calls: mayCancel ? [...moving.calls, cancel] : moving.calls,
  };
}

function claimableOutlook(since: UnixSeconds, told: WithdrawalTimeline, context: WithdrawalContext): Outlook<WithdrawalStage> {
  const { dstEid, now, isReturn, returnDelay, claimSimulation } = context;
  const sequence = told.orderSequence;
  if (sequence === null) return stuck(since, 'relayer', [], 'Its order is not known here; the index of the hub misses an event.');
  const vault = { contract: 'CollateralVault', eid: dstEid, sequence } as const;
  const claim: OfferedCall = { by: 'anyone', call: { ...vault, function: 'claim' } };
  const redirect: OfferedCall = { by: 'receiver-or-owner', call: { ...vault, function: 'claimTo' } };
  // A deposit sent home has no account to go back into.
  const back: OfferedCall[] = isReturn
    ? []
    : [{ by: now >= after(since, returnDelay) ? 'anyone' : 'receiver-or-owner', call: { ...vault, function: 'returnClaim' } }];
  const waits = { since, next: 'claimed', by: null } as const;
  if (claimSimulation === 'passes')
    return outlook(now, {
      ...waits,
      by: after(since, context.expect.delivered),
      actor: 'relayer',
      calls: [claim, redirect, ...back],
      sentence: 'Nothing stands against it any more; anyone may claim it for its receiver.',
    });
  const reason = told.steps.find((s) => s.stage === 'claimable')?.detail;
  switch (reason) {
    case 'OutflowLimit':
      return outlook(now, {
        ...waits,
        actor: 'time',
        calls: back,
        sentence: `The outflow limit of chain ${dstEid} held it back; once it has refilled anyone may claim it for its receiver.`,
      });
    case 'PayoutsPaused':
      return stuck(since, 'governance', back, 'Payouts of its chain are paused; once they are open anyone may claim it for its receiver.');
    case 'AssetFrozen':
      return stuck(since, 'governance', [], 'Its asset is frozen on its chain; once it is open anyone may claim it for its receiver.');
    default:
      return stuck(
        since,
        'owner',
        [redirect, ...back],
        'Its receiver could not be paid; the receiver or the owner may redirect it, or take it back into the account.',
      );
  }
}

function receiptOutlook(since: UnixSeconds, { now, receipt, expect }: WithdrawalContext): Outlook<WithdrawalStage> {
  const by = after(since, expect.receipted);
  if (receipt === null)
    return outlook(now, {
      since,
      next: 'receipted',
      by,
      actor: 'relayer',
      calls: [],
      sentence: 'The receiver has it. Its receipt frees the reservation on the hub; nobody waits for that.',
    });
  const moving = carriageOutlook(receipt, now);
  return {
    ...moving,
    since,
    next: 'receipted',
    by,
    late: moving.actor === 'governance' || now > by,
    sentence: `The receiver has it. Its receipt: ${moving.sentence}`,
  };
}
