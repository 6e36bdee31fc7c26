import { iPayoutsAbi } from '@lockstep/contracts';
import { CLAIM_REASONS, RELEASE_REFUSALS } from '@lockstep/shared';
import { decodeEventLog } from 'viem';
import type { BlockRef, Log } from '../../chain/block.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { placeOf, signedTopics, type FactRow, type FactTable } from '../facts.js';

export const PAYOUT_EVENTS: FactTable = {
  table: 'payout_events',
  eidColumn: 'eid',
  kind: 'payout-event',
  subject: `jsonb_build_object('event', kind, 'eid', eid, 'sequence', sequence::text, 'claim', claim::text, 'amount', amount::text)`,
  identity: 'block_hash, log_index',
};

export const VAULT_EVENTS = [
  'Paid',
  'MadeClaimable',
  'ReleaseRefused',
  'Claimed',
  'ClaimReturned',
  'ClaimAnnulled',
  'ReceiptsUnsent',
] as const;

const NOTHING = {
  claim: null,
  account: null,
  receiver: null,
  asset: null,
  amount: null,
  reason: null,
  deposit_sequence: null,
  orders: null,
};

/** The row of one event of a vault's payouts. @throws Error if it is none of the events asked for */
export function payoutRow(chain: ChainContext, block: BlockRef, log: Log): FactRow {
  const { eventName, args } = decodeEventLog({ abi: iPayoutsAbi, data: log.data, topics: signedTopics(log) });
  const at = { eid: chain.eid, ...placeOf(block, log) };
  switch (eventName) {
    case 'Paid': {
      const { sequence, claim, receiver, asset, amount } = args;
      return { kind: 'paid', sequence, ...NOTHING, claim, receiver, asset, amount, ...at };
    }
    case 'MadeClaimable': {
      const { sequence, claim, account, receiver, asset, amount } = args;
      const reason = CLAIM_REASONS[args.reason] ?? `reason ${args.reason}`;
      return { kind: 'claimable', sequence, ...NOTHING, claim, account, receiver, asset, amount, reason, ...at };
    }
    case 'ReleaseRefused': {
      const reason = RELEASE_REFUSALS[args.reason] ?? `reason ${args.reason}`;
      return { kind: 'refused', sequence: args.sequence, ...NOTHING, reason, ...at };
    }
    case 'Claimed': {
      const { sequence, claim, to, asset, amount } = args;
      return { kind: 'claimed', sequence, ...NOTHING, claim, receiver: to, asset, amount, ...at };
    }
    case 'ClaimReturned': {
      const { sequence, claim, asset, amount, depositSequence } = args;
      return { kind: 'returned', sequence, ...NOTHING, claim, asset, amount, deposit_sequence: depositSequence, ...at };
    }
    case 'ClaimAnnulled': {
      const { sequence, claim, asset, amount } = args;
      return { kind: 'annulled', sequence, ...NOTHING, claim, asset, amount, ...at };
    }
    case 'ReceiptsUnsent':
      return { kind: 'unsent', sequence: args.first, ...NOTHING, orders: Number(args.count), ...at };
    default:
      throw new Error(`event ${eventName} of the vault was not asked for`);
  }
}
