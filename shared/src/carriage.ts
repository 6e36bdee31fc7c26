import type { PacketState } from './packet-state.js';
import { unixSeconds, type Eid, type Sequence, type UnixSeconds } from './units.js';

/** A call that moves something on, by the names of the contracts. Whoever shows it fills in bytes and proofs from the logs. */
export type Call =
  | { readonly contract: 'Messenger'; readonly function: 'flush' | 'resend'; readonly eid: Eid; readonly dstEid: Eid }
  /** hands over the entries up to a verified head that covers `through`, splitting it if the chunk is too large */
  | {
      readonly contract: 'Messenger';
      readonly function: 'deliver' | 'skipStalled';
      readonly eid: Eid;
      readonly srcEid: Eid;
      readonly through: Sequence;
    }
  /** of the packet whose checkpoint covers `through` */
  | {
      readonly contract: 'ReceiveUln302';
      readonly function: 'commitVerification';
      readonly eid: Eid;
      readonly srcEid: Eid;
      readonly through: Sequence;
    }
  | { readonly contract: 'EndpointV2'; readonly function: 'lzReceive'; readonly eid: Eid; readonly srcEid: Eid; readonly through: Sequence }
  | {
      readonly contract: 'Gateway';
      readonly function: 'retry' | 'returnDeposit';
      readonly eid: Eid;
      readonly srcEid: Eid;
      readonly sequence: Sequence;
    }
  | { readonly contract: 'Withdrawals'; readonly function: 'order' | 'cancel'; readonly eid: Eid; readonly claim: bigint }
  | {
      readonly contract: 'Withdrawals';
      readonly function: 'cancelOrdered';
      readonly eid: Eid;
      readonly claim: bigint;
      readonly dstEid: Eid;
      readonly sequence: Sequence;
    }
  | {
      readonly contract: 'Withdrawals';
      readonly function: 'processRequest';
      readonly eid: Eid;
      readonly srcEid: Eid;
      readonly sequence: Sequence;
    }
  | {
      readonly contract: 'CollateralVault';
      readonly function: 'cancel' | 'claim' | 'claimTo' | 'returnClaim';
      readonly eid: Eid;
      readonly sequence: Sequence;
    };

/** Who may make a call. `owner`: the account's principal, or its delegate where the contract takes one. */
export type Caller = 'anyone' | 'owner' | 'receiver-or-owner' | 'payer-or-refund';

/** A call that can be made now, and by whom. */
export interface OfferedCall {
  readonly call: Call;
  readonly by: Caller;
}

/** Who has to act for the next stage to come. `time`: nobody, a clock runs (finality, a bucket that refills). */
export const ACTORS = ['nobody', 'time', 'relayer', 'verifiers', 'liquidity', 'owner', 'governance'] as const;
export type Actor = (typeof ACTORS)[number];

/** What comes next, by when, and what can be done about it. */
export interface Outlook<Stage extends string> {
  /** when the present stage began */
  readonly since: UnixSeconds;
  /** stage expected next, null if this is the end */
  readonly next: Stage | null;
  /** when it is expected at the latest, null if nobody can promise that */
  readonly by: UnixSeconds | null;
  /** `by` has passed, or only governance or the owner can help */
  readonly late: boolean;
  readonly actor: Actor;
  /** what somebody can do now, most useful first */
  readonly calls: readonly OfferedCall[];
  /** the same in one sentence */
  readonly sentence: string;
}

/** Why nothing moves on a path. */
export type PathHold = 'quarantined' | 'closed';

/** Seconds that each part of a path is expected to take. */
export interface PathExpectations {
  /** until a block of the source chain is final */
  readonly final: number;
  /** until the next flush after that */
  readonly flushed: number;
  /** until verifiers and executor brought the checkpoint to the destination */
  readonly verified: number;
  /** until its entries are delivered */
  readonly delivered: number;
}

export const CARRIED_STAGES = ['appended', 'final', 'flushed', 'verified'] as const;
export type CarriedStage = (typeof CARRIED_STAGES)[number];

/** An entry on its way from one chain's log into the other chain. */
export interface Carried {
  readonly srcEid: Eid;
  readonly dstEid: Eid;
  readonly sequence: Sequence;
  readonly stage: CarriedStage;
  readonly since: UnixSeconds;
  /** state of the packet that carries the first checkpoint covering it; null on the same-chain path, or if it was not looked at */
  readonly packet: PacketState['kind'] | null;
  readonly hold: PathHold | null;
  readonly expect: PathExpectations;
}

/** Adds seconds to a time of a chain. */
export const after = (at: UnixSeconds, seconds: number): UnixSeconds => unixSeconds(at + BigInt(seconds));

/** What comes next for an entry on its way: the same for deposits, requests, orders and receipts. */
export function carriageOutlook(carried: Carried, now: UnixSeconds): Outlook<Exclude<CarriedStage, 'appended'> | 'delivered'> {
  const { srcEid, dstEid, sequence, stage, since, hold, expect } = carried;
  const flush: OfferedCall = { by: 'anyone', call: { contract: 'Messenger', function: 'flush', eid: srcEid, dstEid } };
  if (hold !== null) return held(carried, hold);
  switch (stage) {
    case 'appended':
      return outlook(now, {
        since,
        next: 'final',
        by: after(since, expect.final),
        actor: 'time',
        calls: [flush],
        sentence: `Waits for finality of chain ${srcEid}; anyone may flush it to chain ${dstEid} already.`,
      });
    case 'final':
      return outlook(now, {
        since,
        next: 'flushed',
        by: after(since, expect.flushed),
        actor: 'relayer',
        calls: [flush],
        sentence: `Waits for the next flush to chain ${dstEid}; anyone may flush.`,
      });
    case 'flushed':
      return outlook(now, { since, next: 'verified', by: after(since, expect.verified), ...packetStep(carried) });
    case 'verified':
      return outlook(now, {
        since,
        next: 'delivered',
        by: after(since, expect.delivered),
        actor: 'relayer',
        calls: [{ by: 'anyone', call: { contract: 'Messenger', function: 'deliver', eid: dstEid, srcEid, through: sequence } }],
        sentence: `Waits for delivery on chain ${dstEid}; anyone may deliver it.`,
      });
  }
}

function held<Stage extends string>({ srcEid, dstEid, stage, since }: Carried, hold: PathHold): Outlook<Stage> {
  const why = {
    quarantined: 'is quarantined, because its two ends contradict each other, until a governed rebase',
    closed: 'is closed: its last entry was consumed, and nothing after it can be',
  }[hold];
  // A resend works during quarantine and shows the other side the conflict; after the end of a log nothing is left to repeat.
  const resend: OfferedCall = { by: 'anyone', call: { contract: 'Messenger', function: 'resend', eid: srcEid, dstEid } };
  return {
    since,
    next: null,
    by: null,
    late: true,
    actor: 'governance',
    calls: hold === 'quarantined' && (stage === 'flushed' || stage === 'verified') ? [resend] : [],
    sentence: `The path from chain ${srcEid} to chain ${dstEid} ${why}.`,
  };
}

/** Between flush and verified head: what the packet waits for. */
function packetStep({ srcEid, dstEid, sequence, packet }: Carried): Pick<Outlook<never>, 'actor' | 'calls' | 'sentence'> {
  const at = { eid: dstEid, srcEid, through: sequence };
  const commit: OfferedCall = { by: 'anyone', call: { contract: 'ReceiveUln302', function: 'commitVerification', ...at } };
  const execute: OfferedCall = { by: 'anyone', call: { contract: 'EndpointV2', function: 'lzReceive', ...at } };
  const resend: OfferedCall = { by: 'anyone', call: { contract: 'Messenger', function: 'resend', eid: srcEid, dstEid } };
  const skip: OfferedCall = { by: 'anyone', call: { contract: 'Messenger', function: 'skipStalled', ...at } };
  switch (packet) {
    case null:
    case 'unverified':
    case 'awaiting-others':
      return {
        actor: 'verifiers',
        calls: [resend],
        sentence: 'Its packet waits for LayerZero verifiers; anyone may send the checkpoint again.',
      };
    case 'verifiable':
      return { actor: 'relayer', calls: [commit], sentence: 'Every verifier attested its packet; anyone may commit and execute it.' };
    case 'executable':
      return { actor: 'relayer', calls: [execute], sentence: 'Its packet is committed; anyone may execute it.' };
    case 'behind-gap':
      return {
        actor: 'relayer',
        calls: [skip, resend],
        sentence: 'Its packet stands behind one that is not verified; anyone may skip that one, or send the checkpoint again.',
      };
    case 'done':
      return {
        actor: 'relayer',
        calls: [resend],
        sentence: 'Its packet was executed or skipped without a head; anyone may send the checkpoint again.',
      };
    case 'conflicting':
      return {
        actor: 'verifiers',
        calls: [resend],
        sentence: 'Another payload is committed in its place, until its verifiers attest the right one.',
      };
    case 'nilified':
      return {
        actor: 'governance',
        calls: [resend],
        sentence: 'Its packet was blocked by governance; a later checkpoint covers it as well.',
      };
    case 'path-uninitialised':
      return { actor: 'governance', calls: [], sentence: `Chain ${dstEid} knows no peer for it yet.` };
  }
}

/** An outlook with `late` decided by the time: past `by`. */
export function outlook<Stage extends string>(now: UnixSeconds, told: Omit<Outlook<Stage>, 'late'>): Outlook<Stage> {
  return { ...told, late: told.by !== null && now > told.by };
}

/** An outlook of something that only this actor can end: late until it acts. */
export function stuck(since: UnixSeconds, actor: Actor, calls: readonly OfferedCall[], sentence: string): Outlook<never> {
  return { since, next: null, by: null, late: true, actor, calls, sentence };
}

/** The outlook of something that has ended. */
export function ended(since: UnixSeconds, sentence: string): Outlook<never> {
  return { since, next: null, by: null, late: false, actor: 'nobody', calls: [], sentence };
}
