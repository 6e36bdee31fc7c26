import type { Hex } from 'viem';
import type { CreditDestination, LedgerEvent, ReserveSource, TokenAsset } from './journal.js';
import { CASH_DECIMALS, tokenAmount, type AccountId, type Cash, type Eid, type Sequence, type TokenAmount } from './units.js';

/** An event of the hub's ledger or gateway, as it is on chain. Amounts are base units unless they say cash. */
export type HubEvent =
  | {
      readonly kind: 'AssetConfigured';
      readonly assetId: number;
      readonly token: TokenAsset;
      readonly decimals: number;
      readonly settlement: boolean;
    }
  | {
      readonly kind: 'Credited';
      readonly account: AccountId;
      readonly srcEid: Eid;
      readonly sequence: Sequence;
      readonly assetId: number;
      readonly amount: TokenAmount;
      readonly destination: CreditDestination['kind'];
    }
  | { readonly kind: 'DepositParked'; readonly srcEid: Eid; readonly sequence: Sequence; readonly leaf: Hex; readonly reason: string }
  | { readonly kind: 'ParkedCredited'; readonly srcEid: Eid; readonly sequence: Sequence }
  | {
      readonly kind: 'Transferred';
      readonly from: AccountId;
      readonly to: AccountId;
      readonly assetId: number;
      readonly amount: TokenAmount;
    }
  | { readonly kind: 'CashTransferred'; readonly from: AccountId; readonly to: AccountId; readonly amount: Cash }
  | {
      readonly kind: 'Corrected';
      /** null: suspense */
      readonly account: AccountId | null;
      readonly assetId: number;
      /** signed, base units */
      readonly booked: bigint;
    }
  | {
      readonly kind: 'Reserved' | 'Unreserved';
      /** all zero: a deposit that goes home */
      readonly account: AccountId;
      readonly token: TokenAsset;
      readonly units: TokenAmount;
      readonly source: ReserveSource['kind'];
    }
  | {
      readonly kind: 'CashQueued' | 'CashUnqueued' | 'InterestCharged' | 'InterestCollected' | 'LossSpread' | 'LossCharged';
      readonly account: AccountId;
      readonly amount: Cash;
    }
  | {
      readonly kind: 'CashChanged';
      readonly account: AccountId;
      /** signed, 18 decimals */
      readonly change: bigint;
    }
  | {
      readonly kind: 'AssetWrittenDown';
      readonly token: TokenAsset;
      /** lost of balances and of free settlement */
      readonly balances: TokenAmount;
      readonly free: TokenAmount;
      readonly bearer: AccountId;
    }
  | {
      readonly kind: 'BalanceWrittenDown';
      readonly account: AccountId;
      readonly assetId: number;
      readonly held: TokenAmount;
      readonly kept: TokenAmount;
    }
  | { readonly kind: 'Released' | 'Reinstated'; readonly token: TokenAsset; readonly units: TokenAmount };

/** `from` and `to` of the ledger's `Reserved` and `Unreserved`, by number. */
const RESERVE_SOURCES = ['balance', 'cash', 'suspense'] as const satisfies readonly ReserveSource['kind'][];

/** @throws RangeError if the number is none */
export function reserveSource(number: number): ReserveSource['kind'] {
  const source = RESERVE_SOURCES[number];
  if (source === undefined) throw new RangeError(`reserve source is ${number}; expected 0 … ${RESERVE_SOURCES.length - 1}`);
  return source;
}

/** What the events before this one say; a database and a rebuild in memory both can answer it. */
export interface HubHistory {
  /** token and decimals behind an asset id, null if it was never configured */
  asset(assetId: number): { readonly token: TokenAsset; readonly decimals: number; readonly settlement: boolean } | null;
  /** decimals of a token, null if it was never configured */
  decimals(token: TokenAsset): number | null;
  /** the deposit was parked by an earlier event */
  wasParked(srcEid: Eid, sequence: Sequence): boolean;
  /** asset and amount of the source log's deposit with this leaf, null if the log is not known that far */
  deposit(srcEid: Eid, sequence: Sequence, leaf: Hex): { readonly asset: number; readonly amount: TokenAmount } | null;
  /** what the journal owes the account of a token, base units */
  balance(account: AccountId, token: TokenAsset): bigint;
}

export type Projection =
  | { readonly kind: 'book'; readonly event: LedgerEvent }
  /** changes no balance */
  | { readonly kind: 'nothing' }
  /** another chain's log is not known far enough yet */
  | { readonly kind: 'wait' };

/**
 * What a hub event means for the journal.
 * @throws RangeError if it names an asset that was never configured: the hub's events are not complete
 */
export function projectHubEvent(event: HubEvent, history: HubHistory): Projection {
  switch (event.kind) {
    case 'AssetConfigured':
    case 'ParkedCredited':
      return { kind: 'nothing' };
    case 'Credited': {
      const { token, decimals } = known(history, event.assetId);
      const destination: CreditDestination = event.destination === 'cash' ? { kind: 'cash', decimals } : { kind: event.destination };
      const fromSuspense = history.wasParked(event.srcEid, event.sequence);
      return { kind: 'book', event: { kind: 'Credited', account: event.account, token, amount: event.amount, destination, fromSuspense } };
    }
    case 'DepositParked': {
      const deposit = history.deposit(event.srcEid, event.sequence, event.leaf);
      if (deposit === null) return { kind: 'wait' };
      if (deposit.amount === 0n) return { kind: 'nothing' };
      return { kind: 'book', event: { kind: 'Parked', token: { eid: event.srcEid, asset: deposit.asset }, amount: deposit.amount } };
    }
    case 'Transferred': {
      const { token } = known(history, event.assetId);
      if (event.from === event.to || event.amount === 0n) return { kind: 'nothing' };
      return { kind: 'book', event: { kind: 'Transferred', from: event.from, to: event.to, token, amount: event.amount } };
    }
    case 'CashTransferred':
      return event.from === event.to || event.amount === 0n ? { kind: 'nothing' } : { kind: 'book', event };
    case 'Corrected':
      return projectCorrection(event, history);
    case 'CashChanged':
      return event.change === 0n ? { kind: 'nothing' } : { kind: 'book', event };
    case 'CashQueued':
    case 'CashUnqueued':
    case 'InterestCharged':
    case 'InterestCollected':
    case 'LossSpread':
    case 'LossCharged':
      return event.amount === 0n ? { kind: 'nothing' } : { kind: 'book', event };
    case 'Reserved':
    case 'Unreserved': {
      const { kind, account, token, units } = event;
      if (units === 0n) return { kind: 'nothing' };
      const source = sourceOf(event, history);
      return kind === 'Reserved'
        ? { kind: 'book', event: { kind, account, token, units, from: source } }
        : { kind: 'book', event: { kind, account, token, units, to: source } };
    }
    case 'AssetWrittenDown': {
      const { kind, token, balances, bearer } = event;
      const decimals = history.decimals(token);
      if (decimals === null)
        throw new RangeError(`hub event writes down asset ${token.asset} of ${token.eid}, which no event configured before`);
      if (balances === 0n && event.free === 0n) return { kind: 'nothing' };
      // What has more decimals than cash was never settlement: nothing of it is free.
      return {
        kind: 'book',
        event: { kind, token, balances, free: { units: event.free, decimals: Math.min(decimals, CASH_DECIMALS) }, bearer },
      };
    }
    case 'BalanceWrittenDown': {
      const { kind, account, held, kept } = event;
      const { token } = known(history, event.assetId);
      return held === kept ? { kind: 'nothing' } : { kind: 'book', event: { kind, account, token, lost: tokenAmount(held - kept) } };
    }
    case 'Released':
    case 'Reinstated':
      return event.units === 0n ? { kind: 'nothing' } : { kind: 'book', event };
  }
}

function sourceOf({ source, token }: Extract<HubEvent, { kind: 'Reserved' | 'Unreserved' }>, history: HubHistory): ReserveSource {
  switch (source) {
    case 'balance':
    case 'suspense':
      return { kind: source };
    case 'cash': {
      const decimals = history.decimals(token);
      if (decimals === null)
        throw new RangeError(`hub event turns cash into asset ${token.asset} of ${token.eid}, which no event configured before`);
      return { kind: 'cash', decimals };
    }
  }
}

/** The hub takes a negative correction from the balance first and from cash after that; a positive one goes where the asset stands. */
function projectCorrection(event: Extract<HubEvent, { kind: 'Corrected' }>, history: HubHistory): Projection {
  const { account, booked } = event;
  const { token, decimals, settlement } = known(history, event.assetId);
  if (booked === 0n) return { kind: 'nothing' };
  if (account === null) return { kind: 'book', event: { kind: 'Corrected', account, token, balance: booked, cash: null } };
  const held = history.balance(account, token);
  const fromBalance = -booked < held ? booked : -held;
  const balance = booked > 0n ? (settlement ? 0n : booked) : fromBalance;
  const rest = booked - balance;
  const cash = rest === 0n ? null : { amount: rest, decimals };
  return { kind: 'book', event: { kind: 'Corrected', account, token, balance, cash } };
}

function known(history: HubHistory, assetId: number): { token: TokenAsset; decimals: number; settlement: boolean } {
  const asset = history.asset(assetId);
  if (asset === null) throw new RangeError(`hub event names asset ${assetId}, which no event configured before`);
  return asset;
}
