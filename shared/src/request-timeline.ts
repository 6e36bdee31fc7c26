import {
  after,
  carriageOutlook,
  ended,
  outlook,
  type Actor,
  type CarriedStage,
  type Outlook,
  type PathExpectations,
  type PathHold,
} from './carriage.js';
import type { PacketState } from './packet-state.js';
import { byTime, type Place } from './timeline.js';
import type { Eid, Sequence, UnixSeconds } from './units.js';

/** What an event on a chain says about a withdrawal that was requested on a spoke, until the hub decided it. */
export type RequestEvent =
  | { readonly kind: 'requested' }
  | { readonly kind: 'final' }
  | { readonly kind: 'flushed' }
  | { readonly kind: 'verified' }
  | { readonly kind: 'recorded' }
  | { readonly kind: 'queued'; /** the claim it became */ readonly claim: bigint }
  | { readonly kind: 'expired' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Facts about one request, in any order. Facts a reorg removed are marked and kept. */
export type RequestFact = RequestEvent & { readonly place: Place; readonly orphaned: boolean };

export const REQUEST_STAGES = [
  'requested',
  'final',
  'flushed',
  'verified',
  'recorded',
  'queued',
  'expired',
  'refused',
] as const satisfies readonly RequestFact['kind'][];
export type RequestStage = (typeof REQUEST_STAGES)[number];

/** A request's story; once it is `queued` the claim's own timeline goes on. */
export interface RequestTimeline {
  readonly state: RequestStage | 'orphaned';
  readonly steps: readonly { readonly stage: RequestStage; readonly place: Place; readonly detail: string | null }[];
  /** the claim it became, null before that */
  readonly claim: bigint | null;
  readonly reorged: readonly { readonly stage: RequestStage; readonly place: Place }[];
}

/** Reduces the facts of one request to its timeline. The order of the facts does not matter. */
export function requestTimeline(facts: readonly RequestFact[]): RequestTimeline {
  const reorged = facts
    .filter((f) => f.orphaned)
    .map(({ kind, place }) => ({ stage: kind, place }))
    .sort((a, b) => byTime(a.place, b.place));
  const firsts = new Map<RequestStage, RequestFact>();
  for (const fact of facts.filter((f) => !f.orphaned)) {
    const known = firsts.get(fact.kind);
    if (known === undefined || byTime(fact.place, known.place) < 0) firsts.set(fact.kind, fact);
  }
  const steps = REQUEST_STAGES.flatMap((stage) => firsts.get(stage) ?? []).map((fact) => ({
    stage: fact.kind,
    place: fact.place,
    detail: fact.kind === 'refused' ? fact.reason : fact.kind === 'queued' ? `claim ${fact.claim}` : null,
  }));
  const queued = firsts.get('queued');
  return { state: steps.at(-1)?.stage ?? 'orphaned', steps, claim: queued?.kind === 'queued' ? queued.claim : null, reorged };
}

/** Why the hub would not decide a request now. */
export type Undecidable =
  | { readonly kind: 'refused'; /** the hub's error */ readonly because: string }
  /** the brake: no cash leaves while more is known to be missing than the fund has */
  | {
      readonly kind: 'braked';
      /** 18 decimals; null: nobody answered */
      readonly figures: { readonly missing: bigint; readonly fund: bigint } | null;
      /** when the window of the last open levy ends, which may cover what is missing; null: none is open */
      readonly until: UnixSeconds | null;
    };

/** What a request's outlook depends on beside its story. */
export interface RequestContext {
  readonly srcEid: Eid;
  readonly hubEid: Eid;
  readonly sequence: Sequence;
  readonly now: UnixSeconds;
  readonly validUntil: UnixSeconds;
  readonly packet: PacketState['kind'] | null;
  readonly hold: PathHold | null;
  /** why `processRequest` would revert now, null if it would not or was not tried */
  readonly undecidable: Undecidable | null;
  readonly expect: PathExpectations & { /** until a recorded request is decided */ readonly decided: number };
}

/** What comes next for a request, by when, who has to act, and what can be done now. */
export function requestOutlook(told: RequestTimeline, context: RequestContext): Outlook<RequestStage> {
  const { srcEid, hubEid, sequence, now, validUntil, undecidable, expect } = context;
  const since = told.steps.at(-1)?.place.at ?? told.reorged.at(-1)?.place.at ?? now;
  const carried = (stage: CarriedStage): Outlook<RequestStage> => {
    const moving = carriageOutlook({ ...context, dstEid: hubEid, stage, since }, now);
    return { ...moving, next: moving.next === 'delivered' ? 'recorded' : moving.next };
  };
  switch (told.state) {
    case 'requested':
      return carried('appended');
    case 'final':
    case 'flushed':
    case 'verified':
      return carried(told.state);
    case 'recorded': {
      const expired = now > validUntil;
      const calls = [
        { by: 'anyone', call: { contract: 'Withdrawals', function: 'processRequest', eid: hubEid, srcEid, sequence } },
      ] as const;
      if (expired)
        return outlook(now, {
          since,
          next: 'expired',
          by: null,
          actor: 'relayer',
          calls,
          sentence: 'Past its time: anyone may end it, and nothing moves.',
        });
      if (undecidable !== null) {
        const { actor, sentence } = held(undecidable, validUntil);
        return outlook(now, { since, next: 'queued', by: null, actor, calls: [], sentence });
      }
      return outlook(now, {
        since,
        next: 'queued',
        by: after(since, expect.decided),
        actor: 'relayer',
        calls,
        sentence: 'Recorded on the hub; anyone may have it decided.',
      });
    }
    case 'queued':
      return ended(since, 'Accepted: follow the claim.');
    case 'expired':
      return ended(since, 'Its time had passed before it could be decided; nothing moved.');
    case 'refused':
      return ended(since, 'Refused for good by the hub; nothing moved.');
    case 'orphaned':
      return ended(since, 'A reorg removed the request; nothing moved.');
  }
}

/** Who can end it, and the same in words. */
function held(undecidable: Undecidable, validUntil: UnixSeconds): { readonly actor: Actor; readonly sentence: string } {
  switch (undecidable.kind) {
    case 'refused':
      return {
        actor: 'owner',
        sentence: `Waits until the account can afford it, or until its time has passed: ${undecidable.because}.`,
      };
    case 'braked': {
      const { figures, until } = undecidable;
      const missing =
        figures === null
          ? 'more is missing in accounts that owe more than they have than the insurance fund has'
          : `${wholeCash(figures.missing)} is missing in accounts that owe more than they have, and the insurance fund has ${wholeCash(figures.fund)}`;
      const end =
        until === null ? 'once the fund or a levy covers it' : `once it is covered: a levy on profits can be closed from ${isoOf(until)}`;
      return {
        actor: until === null ? 'relayer' : 'time',
        sentence: `No cash can leave yet: ${missing}. It leaves again ${end}. The request stays and is tried again until ${isoOf(validUntil)}.`,
      };
    }
  }
}

const isoOf = (seconds: UnixSeconds): string => new Date(Number(seconds) * 1000).toISOString();
/** 18 decimals, cut to cents. */
const wholeCash = (cash: bigint): string => `${cash / 10n ** 18n}.${((cash / 10n ** 16n) % 100n).toString().padStart(2, '0')}`;
