import type { Hex } from 'viem';
import type { Eid, Sequence } from './units.js';

/**
 * Why a step of the relayer did not happen. A closed union: each has one meaning, one reaction, one line in the runbook.
 * `eid`s name the path (source → destination) the problem belongs to.
 */
export type RelayProblem =
  | { readonly code: 'LOG_GAP'; readonly srcEid: Eid; readonly dstEid: Eid; readonly expected: Sequence; readonly found: Sequence }
  | {
      readonly code: 'HEAD_FOLD_MISMATCH';
      readonly srcEid: Eid;
      readonly dstEid: Eid;
      readonly sequence: Sequence;
      readonly folded: Hex;
      readonly reported: Hex;
    }
  | { readonly code: 'ENTRIES_MISSING'; readonly srcEid: Eid; readonly dstEid: Eid; readonly first: Sequence }
  | {
      readonly code: 'VERIFIED_HEAD_MISMATCH';
      readonly srcEid: Eid;
      readonly dstEid: Eid;
      readonly sequence: Sequence;
      readonly own: Hex;
      readonly verified: Hex;
    }
  | {
      readonly code: 'CONSUMED_HEAD_MISMATCH';
      readonly srcEid: Eid;
      readonly dstEid: Eid;
      readonly sequence: Sequence;
      readonly own: Hex;
      readonly consumed: Hex;
    }
  | {
      readonly code: 'CHECKPOINT_NOT_EXTENDING';
      readonly srcEid: Eid;
      readonly dstEid: Eid;
      readonly sequence: Sequence;
      readonly signedSequence: Sequence;
    }
  | {
      readonly code: 'CHECKPOINT_HEAD_WRONG';
      readonly srcEid: Eid;
      readonly dstEid: Eid;
      readonly sequence: Sequence;
      readonly own: Hex;
      readonly claimed: Hex;
    }
  | {
      readonly code: 'ACCOUNTANT_REFUSED';
      readonly srcEid: Eid;
      readonly dstEid: Eid;
      readonly sequence: Sequence;
      readonly detail: string;
    }
  | { readonly code: 'PROVIDERS_DISAGREE'; readonly srcEid: Eid; readonly dstEid: Eid; readonly detail: string }
  | {
      readonly code: 'PAYLOAD_CONFLICT';
      readonly srcEid: Eid;
      readonly dstEid: Eid;
      readonly nonce: bigint;
      readonly committed: Hex;
      readonly own: Hex;
    }
  | { readonly code: 'PACKET_NILIFIED'; readonly srcEid: Eid; readonly dstEid: Eid; readonly nonce: bigint }
  | { readonly code: 'PATH_UNINITIALISED'; readonly srcEid: Eid; readonly dstEid: Eid }
  | { readonly code: 'BOOKS_DISAGREE'; readonly srcEid: Eid; readonly dstEid: Eid; readonly detail: string }
  | {
      readonly code: 'RELEASE_LATE';
      readonly srcEid: Eid;
      readonly dstEid: Eid;
      readonly sequence: Sequence;
      /** of the order: what a withdrawal is looked up by */
      readonly claim: bigint;
      readonly seconds: number;
    }
  | { readonly code: 'PATH_QUARANTINED'; readonly srcEid: Eid; readonly dstEid: Eid };

export type RelayProblemCode = RelayProblem['code'];

/** What the relayer does about a problem: look again by itself, or stop this path and call a human. */
export function reactionTo(problem: RelayProblem): 'look-again' | 'stop-path' {
  switch (problem.code) {
    case 'LOG_GAP':
    case 'ENTRIES_MISSING':
    case 'PROVIDERS_DISAGREE':
    case 'PATH_UNINITIALISED':
    case 'RELEASE_LATE':
      return 'look-again';
    case 'HEAD_FOLD_MISMATCH':
    case 'VERIFIED_HEAD_MISMATCH':
    case 'CONSUMED_HEAD_MISMATCH':
    case 'CHECKPOINT_NOT_EXTENDING':
    case 'CHECKPOINT_HEAD_WRONG':
    case 'ACCOUNTANT_REFUSED':
    case 'PAYLOAD_CONFLICT':
    case 'PACKET_NILIFIED':
    case 'BOOKS_DISAGREE':
    case 'PATH_QUARANTINED':
      return 'stop-path';
  }
}

/** One sentence for an operator: what was found and what was expected. */
export function describeProblem(problem: RelayProblem): string {
  const path = `${problem.srcEid} → ${problem.dstEid}`;
  switch (problem.code) {
    case 'LOG_GAP':
      return `log ${path}: entry ${problem.found} came where ${problem.expected} was expected; a provider left entries out`;
    case 'HEAD_FOLD_MISMATCH':
      return `log ${path}: folding entry ${problem.sequence} gives ${problem.folded}, its event says ${problem.reported}`;
    case 'ENTRIES_MISSING':
      return `log ${path}: entries from ${problem.first} are not indexed yet`;
    case 'VERIFIED_HEAD_MISMATCH':
      return `log ${path}: the destination verified head ${problem.verified} at ${problem.sequence}, the source log has ${problem.own}`;
    case 'CONSUMED_HEAD_MISMATCH':
      return `log ${path}: the destination consumed up to ${problem.sequence} with head ${problem.consumed}, the source log has ${problem.own}`;
    case 'CHECKPOINT_NOT_EXTENDING':
      return `log ${path}: the checkpoint at ${problem.sequence} does not extend the one signed at ${problem.signedSequence}; it is not signed`;
    case 'CHECKPOINT_HEAD_WRONG':
      return `log ${path}: the checkpoint claims head ${problem.claimed} at ${problem.sequence}, the entries fold to ${problem.own}; it is not signed`;
    case 'ACCOUNTANT_REFUSED':
      return `log ${path}: the accountant refuses the checkpoint at ${problem.sequence}: ${problem.detail}`;
    case 'PROVIDERS_DISAGREE':
      return `log ${path}: the verifier's providers do not agree: ${problem.detail}`;
    case 'PAYLOAD_CONFLICT':
      return `packet ${problem.nonce} of ${path}: payload ${problem.committed} is committed, the source sent ${problem.own}`;
    case 'PACKET_NILIFIED':
      return `packet ${problem.nonce} of ${path} was nilified by the application's delegate`;
    case 'PATH_UNINITIALISED':
      return `path ${path} is not initialised at the destination: no peer is set there`;
    case 'BOOKS_DISAGREE':
      return `path ${path}: ${problem.detail}; nothing more is signed for it until the books agree`;
    case 'RELEASE_LATE':
      return `path ${path}: order ${problem.sequence} (claim ${problem.claim}) is not paid ${problem.seconds} s after it was given`;
    case 'PATH_QUARANTINED':
      return `path ${path} is quarantined at the destination until a governed rebase`;
  }
}
