import type { Address, Hex } from 'viem';
import type { BlockNumber, ChainId, Gas, Wei } from '@lockstep/shared';
import type { SendingRole } from '../config/relayer-config.js';

/**
 * Which configured key signs. `layerzeroDvnAdmin` exists only where this operator runs LayerZero's DVN, `guardian` where it may quarantine,
 * `keeper` where it keeps the markets, `liquidator` where it
 * liquidates.
 */
export const SENDER_KEYS = ['submitter', 'layerzeroDvnAdmin', 'guardian', 'keeper', 'liquidator'] as const;
export type SenderKey = (typeof SENDER_KEYS)[number];

/** A JSON object stored beside an intent: for people, logs and the API; the sender never reads it. */
export type Purpose = Readonly<Record<string, string | number | boolean | null>>;

/** A transaction somebody wants. */
export interface NewIntent {
  /** who wants it; a process only works the lanes of its own roles */
  readonly role: SendingRole;
  readonly chainId: ChainId;
  readonly key: SenderKey;
  /** one intent per key for ever: derive it from the facts that make the transaction necessary */
  readonly dedupeKey: string;
  readonly to: Address;
  readonly data: Hex;
  readonly value: Wei;
  /** absent: estimated, plus a quarter. Given: the call is tried on the pending state, so it may build on the intent before it */
  readonly gasLimit?: Gas;
  readonly purpose: Purpose;
}

/**
 * `queued` → `signed` → `mined` | `reverted` → `final` | `final-reverted`, or `queued` → `rejected` (its simulation reverted; nothing was
 * spent). A reorg leads from `mined` or `reverted` back to `signed`; a foreign transaction final at our nonce leads back to `queued`.
 */
export type IntentState = 'queued' | 'signed' | 'mined' | 'reverted' | 'final' | 'final-reverted' | 'rejected';

/** Why a contract refused, decoded as far as its ABI is known. */
export type RevertReason =
  | { readonly kind: 'error'; readonly name: string; readonly args: readonly string[]; readonly data: Hex }
  | { readonly kind: 'message'; readonly message: string }
  | { readonly kind: 'panic'; readonly code: number }
  | { readonly kind: 'unknown'; readonly data: Hex };

/** Where a transaction was mined and what it cost. */
export interface Inclusion {
  readonly hash: Hex;
  readonly block: BlockNumber;
  readonly blockHash: Hex;
  readonly gasUsed: Gas;
  /** wei per gas */
  readonly gasPrice: Wei;
}

/**
 * What became of an intent. Read it for cost and for people; stages move by chain state only, because a mined transaction may have done
 * nothing and somebody else's may have done the work.
 */
export type IntentOutcome =
  | { readonly state: 'queued' }
  | { readonly state: 'signed'; readonly hash: Hex }
  | { readonly state: 'mined' | 'reverted' | 'final' | 'final-reverted'; readonly inclusion: Inclusion }
  | { readonly state: 'rejected'; readonly reason: RevertReason };

/** Something the watcher met that a human should know of. Each is a row of `tx_incidents`. */
export type IncidentCode =
  /** a transaction this relayer did not sign took one of its nonces: the key is used elsewhere */
  | 'unknown-transaction-at-nonce'
  /** nonces below the lane's next one belonged to nobody; transfers of nothing filled them */
  | 'nonce-gap-filled'
  /** the key cannot pay for its transactions */
  | 'insufficient-funds'
  /** the node refuses bytes it must take */
  | 'broadcast-refused';

export function describeReason(reason: RevertReason): string {
  switch (reason.kind) {
    case 'error':
      return `${reason.name}(${reason.args.join(', ')})`;
    case 'message':
      return reason.message;
    case 'panic':
      return `Panic(0x${reason.code.toString(16)})`;
    case 'unknown':
      return reason.data === '0x' ? 'reverted without a reason' : `unknown error ${reason.data}`;
  }
}
