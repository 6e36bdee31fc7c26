import type { Hex } from 'viem';

/** What a destination chain says about one packet: all from state, nothing from events or transaction statuses. */
export interface PacketObservation {
  readonly nonce: bigint;
  /** hash of the payload as the source chain has it */
  readonly payloadHash: Hex;
  /** endpoint.inboundPayloadHash(receiver, srcEid, sender, nonce) */
  readonly committedHash: Hex;
  /** endpoint.lazyInboundNonce: everything at or below was executed, cleared or skipped, or is still stored */
  readonly lazyNonce: bigint;
  /** endpoint.inboundNonce: end of the gapless committed run */
  readonly inboundNonce: bigint;
  /** ReceiveUln302View.verifiable */
  readonly verification: VerificationState;
  /** our verifiers' entries in ReceiveUln302.hashLookup with enough confirmations, by DVN address */
  readonly attestedBy: ReadonlyMap<string, boolean>;
}

/** ReceiveUln302View.VerificationState, by its number. */
export const VERIFICATION_STATES = ['Verifying', 'Verifiable', 'Verified', 'NotInitializable'] as const;
export type VerificationState = (typeof VERIFICATION_STATES)[number];

/** Where a packet stands; each state has one action. */
export type PacketState =
  /** executed, cleared, skipped or burnt: nothing is left to do */
  | { readonly kind: 'done' }
  /** committed and next in line: lzReceive */
  | { readonly kind: 'executable' }
  /** committed behind a nonce that is not */
  | { readonly kind: 'behind-gap'; readonly gapAt: bigint }
  /** another payload is committed at its nonce: an orphan of a reorg, or a forgery. Attest ours, commit overwrites */
  | { readonly kind: 'conflicting'; readonly committed: Hex; readonly missing: readonly string[]; readonly verifiable: boolean }
  /** the application's delegate blocked it; a new commit would undo that, so nobody but the delegate acts */
  | { readonly kind: 'nilified' }
  /** every verifier attested it: commit */
  | { readonly kind: 'verifiable' }
  /** our verifiers are done, others are not */
  | { readonly kind: 'awaiting-others' }
  /** these of our verifiers have not attested it */
  | { readonly kind: 'unverified'; readonly missing: readonly string[] }
  /** no peer is set at the destination: a commit would revert */
  | { readonly kind: 'path-uninitialised' };

const EMPTY = `0x${'00'.repeat(32)}`;
const NIL = `0x${'ff'.repeat(32)}`;

/** The state table of a LayerZero V2 packet. Pure, total: every observation has exactly one state. */
export function classifyPacket(o: PacketObservation): PacketState {
  const committed = o.committedHash.toLowerCase();
  const missing = [...o.attestedBy].filter(([, attested]) => !attested).map(([dvn]) => dvn);
  if (committed === EMPTY) {
    if (o.nonce <= o.lazyNonce) return { kind: 'done' };
    if (o.verification === 'NotInitializable') return { kind: 'path-uninitialised' };
    if (o.verification === 'Verifiable') return { kind: 'verifiable' };
    return missing.length > 0 ? { kind: 'unverified', missing } : { kind: 'awaiting-others' };
  }
  if (committed === NIL) return { kind: 'nilified' };
  if (committed !== o.payloadHash.toLowerCase())
    return { kind: 'conflicting', committed: o.committedHash, missing, verifiable: o.verification === 'Verifiable' };
  return o.nonce <= o.inboundNonce ? { kind: 'executable' } : { kind: 'behind-gap', gapAt: o.inboundNonce + 1n };
}

/** Words of LayerZero Scan for a message, so that users find the same here and there. */
export const PACKET_STATUSES = ['CONFIRMING', 'INFLIGHT', 'BLOCKED', 'PAYLOAD_STORED', 'FAILED', 'DELIVERED'] as const;
export type PacketStatus = (typeof PACKET_STATUSES)[number];

/**
 * A packet's state in those words.
 * @param sent `final`: the block that sent it is
 */
export function packetStatus(state: PacketState['kind'], sent: { readonly final: boolean }): PacketStatus {
  switch (state) {
    case 'done':
      return 'DELIVERED';
    case 'conflicting':
      return 'FAILED';
    case 'behind-gap':
    case 'nilified':
      return 'BLOCKED';
    case 'executable':
      return 'PAYLOAD_STORED';
    case 'verifiable':
    case 'awaiting-others':
    case 'unverified':
    case 'path-uninitialised':
      return sent.final ? 'INFLIGHT' : 'CONFIRMING';
  }
}
