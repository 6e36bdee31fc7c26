import { iGatewayAbi, iLedgerAbi } from '@lockstep/contracts';
import { accountId, cash, decodeCreditReceipt, eid, reserveSource, sequence, tokenAmount, type HubEvent } from '@lockstep/shared';
import { decodeEventLog, isAddressEqual, zeroHash, type Hex } from 'viem';
import type { BlockRef, Log } from '../../chain/block.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { placeOf, signedTopics, type FactRow } from '../facts.js';
import { SETTLEMENT } from '../standing.js';

export const HUB_LEDGER_EVENTS = [
  'Credited',
  'AssetConfigured',
  'Transferred',
  'CashTransferred',
  'Corrected',
  'Reserved',
  'Unreserved',
  'CashQueued',
  'CashUnqueued',
  'CashChanged',
  'InterestCharged',
  'InterestCollected',
  'LossSpread',
  'LossCharged',
  'AssetWrittenDown',
  'BalanceWrittenDown',
  'Released',
  'Reinstated',
] as const;
export const HUB_GATEWAY_EVENTS = ['DepositParked', 'ParkedCredited', 'EntryRefused', 'DepositReturned'] as const;

/** `ILedger.ParkReason`, by number; 0 is no reason. */
export const PARK_REASONS = [
  'None',
  'UnknownAsset',
  'FrozenAsset',
  'CapExceeded',
  'InflowLimit',
  'BalanceOverflow',
  'AccountInvalid',
] as const;
/** `IGateway.Refusal`, by number. */
const REFUSALS = ['UnknownKind', 'Malformed'] as const;

/** What a log of the hub's ledger or gateway says: an event for the journal, or one that only a deposit's timeline tells. */
export type HubLog =
  | HubEvent
  | { readonly kind: 'EntryRefused'; readonly srcEid: number; readonly sequence: bigint; readonly reason: string }
  /** what moves with it is a `Reserved` of the ledger */
  | { readonly kind: 'DepositReturned'; readonly srcEid: number; readonly sequence: bigint; readonly claim: bigint };

/** Reads a log of the hub's contracts. @throws Error if it is none of the events asked for */
export function readHubLog(chain: ChainContext, log: Log): HubLog {
  return isAddressEqual(log.address, chain.contract('Gateway')) ? readGatewayLog(log) : readLedgerLog(log);
}

function readGatewayLog(log: Log): HubLog {
  const { eventName, args } = decodeEventLog({ abi: iGatewayAbi, data: log.data, topics: signedTopics(log) });
  switch (eventName) {
    case 'DepositParked':
      return { kind: 'DepositParked', ...placeIn(args), leaf: args.leaf, reason: PARK_REASONS[args.reason] ?? `reason ${args.reason}` };
    case 'ParkedCredited':
      return { kind: 'ParkedCredited', ...placeIn(args) };
    case 'EntryRefused':
      return { kind: 'EntryRefused', ...placeIn(args), reason: REFUSALS[args.reason] ?? `reason ${args.reason}` };
    case 'DepositReturned':
      return { kind: 'DepositReturned', ...placeIn(args), claim: args.claim };
    default:
      throw new Error(`hub gateway event ${eventName} was not asked for`);
  }
}

const placeIn = (args: { srcEid: number; sequence: bigint }) => ({ srcEid: eid(args.srcEid), sequence: sequence(args.sequence) });

function readLedgerLog(log: Log): HubEvent {
  const { eventName, args } = decodeEventLog({ abi: iLedgerAbi, data: log.data, topics: signedTopics(log) });
  switch (eventName) {
    case 'Credited': {
      const receipt = decodeCreditReceipt(args.receipt);
      return { kind: 'Credited', account: accountId(args.account), ...receipt };
    }
    case 'AssetConfigured':
      return {
        kind: 'AssetConfigured',
        assetId: args.assetId,
        token: { eid: eid(args.eid), asset: args.asset },
        decimals: args.config.decimals,
        settlement: args.config.standing === SETTLEMENT,
      };
    case 'Transferred':
      return {
        kind: 'Transferred',
        from: accountId(args.from),
        to: accountId(args.to),
        assetId: args.assetId,
        amount: tokenAmount(args.amount),
      };
    case 'CashTransferred':
      return { kind: 'CashTransferred', from: accountId(args.from), to: accountId(args.to), amount: cash(args.amount) };
    case 'Corrected':
      return {
        kind: 'Corrected',
        account: args.account === zeroHash ? null : accountId(args.account),
        assetId: args.assetId,
        booked: args.booked,
      };
    case 'Reserved':
      return { kind: 'Reserved', ...reservation(args), source: reserveSource(args.from) };
    case 'Unreserved':
      return { kind: 'Unreserved', ...reservation(args), source: reserveSource(args.to) };
    case 'CashQueued':
    case 'CashUnqueued':
      return { kind: eventName, account: accountId(args.account), amount: cash(args.cash) };
    case 'CashChanged':
      return { kind: eventName, account: accountId(args.account), change: args.change };
    case 'InterestCharged':
    case 'InterestCollected':
    case 'LossSpread':
    case 'LossCharged':
      return { kind: eventName, account: accountId(args.account), amount: cash(args.amount) };
    case 'AssetWrittenDown':
      return {
        kind: eventName,
        token: { eid: eid(args.eid), asset: args.asset },
        balances: tokenAmount(args.balances),
        free: tokenAmount(args.free),
        bearer: accountId(args.bearer),
      };
    case 'BalanceWrittenDown':
      return {
        kind: eventName,
        account: accountId(args.account),
        assetId: args.assetId,
        held: tokenAmount(args.held),
        kept: tokenAmount(args.kept),
      };
    case 'Released':
    case 'Reinstated':
      return { kind: eventName, token: { eid: eid(args.eid), asset: args.asset }, units: tokenAmount(args.units) };
    default:
      throw new Error(`hub ledger event ${eventName} was not asked for`);
  }
}

function reservation(args: { account: Hex; eid: number; asset: number; units: bigint }) {
  return { account: accountId(args.account), token: { eid: eid(args.eid), asset: args.asset }, units: tokenAmount(args.units) };
}

/** The rows of one hub log: the event itself, and what it means for a deposit's timeline. */
export function hubRows(chain: ChainContext, block: BlockRef, log: Log): { event: FactRow; outcome: FactRow | null } {
  const read = readHubLog(chain, log);
  const place = placeOf(block, log);
  const deposit = depositOf(read);
  const event: FactRow = {
    eid: chain.eid,
    kind: read.kind,
    src_eid: deposit?.srcEid ?? null,
    sequence: deposit?.sequence ?? null,
    account: accountOf(read),
    asset_id: 'assetId' in read ? read.assetId : null,
    payload: read,
    ...place,
  };
  if (deposit === null || deposit.outcome === null) return { event, outcome: null };
  const { srcEid, sequence: at, outcome, reason } = deposit;
  return { event, outcome: { src_eid: srcEid, dst_eid: chain.eid, sequence: at, outcome, reason, ...place } };
}

interface DepositSaid {
  readonly srcEid: number;
  readonly sequence: bigint;
  readonly outcome: 'credited' | 'parked' | 'returned' | 'refused' | null;
  readonly reason: string | null;
}

function depositOf(read: HubLog): DepositSaid | null {
  switch (read.kind) {
    case 'Credited':
      return { srcEid: read.srcEid, sequence: read.sequence, outcome: 'credited', reason: null };
    case 'DepositParked':
      return { srcEid: read.srcEid, sequence: read.sequence, outcome: 'parked', reason: read.reason };
    case 'ParkedCredited':
      return { srcEid: read.srcEid, sequence: read.sequence, outcome: null, reason: null };
    case 'EntryRefused':
      return { srcEid: read.srcEid, sequence: read.sequence, outcome: 'refused', reason: read.reason };
    case 'DepositReturned':
      return { srcEid: read.srcEid, sequence: read.sequence, outcome: 'returned', reason: read.claim.toString() };
    case 'AssetConfigured':
    case 'Transferred':
    case 'CashTransferred':
    case 'Corrected':
    case 'Reserved':
    case 'Unreserved':
    case 'CashQueued':
    case 'CashUnqueued':
    case 'CashChanged':
    case 'InterestCharged':
    case 'InterestCollected':
    case 'LossSpread':
    case 'LossCharged':
    case 'AssetWrittenDown':
    case 'BalanceWrittenDown':
    case 'Released':
    case 'Reinstated':
      return null;
  }
}

function accountOf(read: HubLog): string | null {
  switch (read.kind) {
    case 'Credited':
    case 'Corrected':
    case 'Reserved':
    case 'Unreserved':
    case 'CashQueued':
    case 'CashUnqueued':
    case 'CashChanged':
    case 'InterestCharged':
    case 'InterestCollected':
    case 'LossSpread':
    case 'LossCharged':
    case 'BalanceWrittenDown':
      return read.account;
    case 'Transferred':
    case 'CashTransferred':
      return read.to;
    case 'AssetConfigured':
    case 'AssetWrittenDown':
    case 'DepositParked':
    case 'ParkedCredited':
    case 'EntryRefused':
    case 'DepositReturned':
    case 'Released':
    case 'Reinstated':
      return null;
  }
}
