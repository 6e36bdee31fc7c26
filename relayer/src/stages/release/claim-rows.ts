import { iWithdrawalsAbi } from '@lockstep/contracts';
import { decodeEventLog } from 'viem';
import type { BlockRef, Log } from '../../chain/block.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { placeOf, signedTopics, type FactRow, type FactTable } from '../facts.js';

const identity = 'block_hash, log_index';
export const CLAIM_EVENTS: FactTable = {
  table: 'claim_events',
  eidColumn: 'eid',
  kind: 'claim-event',
  subject: `jsonb_build_object('event', kind, 'claim', claim::text, 'dstEid', dst_eid, 'sequence', sequence::text)`,
  identity,
};
export const REQUEST_EVENTS: FactTable = {
  table: 'request_events',
  eidColumn: 'eid',
  kind: 'request-event',
  subject: `jsonb_build_object('event', kind, 'srcEid', src_eid, 'sequence', sequence::text, 'claim', claim::text)`,
  identity,
};
export const RECEIPT_EVENTS: FactTable = {
  table: 'receipt_events',
  eidColumn: 'eid',
  kind: 'receipt-event',
  subject: `jsonb_build_object('srcEid', src_eid, 'sequence', sequence::text, 'first', first_order::text, 'last', last_order::text)`,
  identity,
};

export const WITHDRAWALS_EVENTS = [
  'ClaimQueued',
  'ReleaseOrdered',
  'ClaimCancelled',
  'RequestRecorded',
  'RequestProcessed',
  'RequestExpired',
  'ReceiptsApplied',
  'EntryRefused',
] as const;

/** `IWithdrawals.Refusal`, by number. */
const REFUSALS = ['Malformed', 'UnknownKind', 'ForeignHome', 'ReceiptRepeated', 'ReceiptExceedsReserved'] as const;

const NO_CLAIM = { account: null, dst_eid: null, asset: null, units: null, receiver: null, from_cash: null, sequence: null, voided: null };

/** The row of one event of the hub's Withdrawals. @throws Error if it is none of the events asked for */
export function claimRow(chain: ChainContext, block: BlockRef, log: Log): readonly [FactTable, FactRow] {
  const { eventName, args } = decodeEventLog({ abi: iWithdrawalsAbi, data: log.data, topics: signedTopics(log) });
  const at = { eid: chain.eid, ...placeOf(block, log) };
  switch (eventName) {
    case 'ClaimQueued': {
      const { claim, account, asset, units, receiver, fromCash } = args;
      return [
        CLAIM_EVENTS,
        { kind: 'queued', claim, ...NO_CLAIM, account, dst_eid: args.eid, asset, units, receiver, from_cash: fromCash, ...at },
      ];
    }
    case 'ReleaseOrdered':
      return [CLAIM_EVENTS, { kind: 'ordered', claim: args.claim, ...NO_CLAIM, dst_eid: args.eid, sequence: args.sequence, ...at }];
    case 'ClaimCancelled':
      return [CLAIM_EVENTS, { kind: 'cancelled', claim: args.claim, ...NO_CLAIM, account: args.account, voided: args.voided, ...at }];
    case 'RequestRecorded':
      return [REQUEST_EVENTS, { kind: 'recorded', ...requestAt(args), claim: null, leaf: args.leaf, reason: null, ...at }];
    case 'RequestProcessed':
      return [REQUEST_EVENTS, { kind: 'processed', ...requestAt(args), claim: args.claim, leaf: null, reason: null, ...at }];
    case 'RequestExpired':
      return [REQUEST_EVENTS, { kind: 'expired', ...requestAt(args), claim: null, leaf: null, reason: null, ...at }];
    case 'EntryRefused': {
      const reason = REFUSALS[args.reason] ?? `reason ${args.reason}`;
      return [REQUEST_EVENTS, { kind: 'refused', ...requestAt(args), claim: null, leaf: null, reason, ...at }];
    }
    case 'ReceiptsApplied': {
      const { srcEid, sequence, first, count, settled, paid } = args;
      const range = { first_order: first, last_order: first + BigInt(count) - 1n };
      return [RECEIPT_EVENTS, { src_eid: srcEid, sequence, ...range, settled, paid, ...at }];
    }
    default:
      throw new Error(`event ${eventName} of Withdrawals was not asked for`);
  }
}

const requestAt = (args: { readonly srcEid: number; readonly sequence: bigint }) => ({ src_eid: args.srcEid, sequence: args.sequence });
