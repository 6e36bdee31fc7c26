import { encodeAbiParameters, keccak256, stringToHex, type Hex } from 'viem';
import { toCash, type AccountId, type Cash, type Eid, type TokenAmount } from './units.js';

/** A token of one chain: the index in that chain's vault. */
export interface TokenAsset {
  readonly eid: Eid;
  readonly asset: number;
}

/** What a posting counts: base units of one chain's token, or cash in 18 decimals. */
export type JournalAsset = `token:${number}:${number}` | 'cash';

/**
 * Accounts of the double-entry journal, per journal asset. Debits (what the hub holds) are positive, credits (whom it is owed to)
 * negative, so custody = balances + free + reserved + suspense is the statement that each asset's accounts sum to zero.
 * `par` stands behind cash: settlement tokens turned into cash at par. `queued` is cash that withdrawals wait with: it left its accounts,
 * and is owed until it is ordered (then tokens are reserved for it) or given back. `clearing` is cash that stands in positions' quotes and
 * in expiries that nobody settled yet, signed; `interest` was charged to debtors and waits to be collected.
 * `spread` (a debit) is loss that all cash bears and holders have not been charged with yet; `written-down` (a debit) is what balances of a token
 * lost with their vault and accounts have not been charged with yet.
 */
export type JournalAccount =
  | 'custody'
  | 'suspense'
  | 'free'
  | 'reserved'
  | 'par'
  | 'queued'
  | 'clearing'
  | 'interest'
  | 'spread'
  | 'written-down'
  | 'loss'
  | `balance:${AccountId}`
  | `cash:${AccountId}`;

export interface Posting {
  readonly account: JournalAccount;
  readonly asset: JournalAsset;
  /** debit positive, credit negative; base units of a token, or 18-decimal cash */
  readonly amount: bigint;
}

export const tokenJournalAsset = ({ eid, asset }: TokenAsset): JournalAsset => `token:${eid}:${asset}`;

/** What the hub's ledger reported, in the terms the journal needs. Amounts are base units unless they say cash. */
export type LedgerEvent =
  | {
      readonly kind: 'Credited';
      readonly account: AccountId;
      readonly token: TokenAsset;
      readonly amount: TokenAmount;
      readonly destination: CreditDestination;
      /** the deposit was parked before, so it comes out of suspense and not out of the packet */
      readonly fromSuspense: boolean;
    }
  | { readonly kind: 'Parked'; readonly token: TokenAsset; readonly amount: TokenAmount }
  | {
      readonly kind: 'Transferred';
      readonly from: AccountId;
      readonly to: AccountId;
      readonly token: TokenAsset;
      readonly amount: TokenAmount;
    }
  | { readonly kind: 'CashTransferred'; readonly from: AccountId; readonly to: AccountId; readonly amount: Cash }
  | {
      readonly kind: 'Corrected';
      /** null: the correction is on suspense */
      readonly account: AccountId | null;
      readonly token: TokenAsset;
      /** what moved on the account's balance (or on suspense), signed, base units */
      readonly balance: bigint;
      /** what moved on the account's cash, in base units of the settlement token, signed; null if none did */
      readonly cash: { readonly amount: bigint; readonly decimals: number } | null;
    }

  /** tokens are set aside for a claim or an order */
  | {
      readonly kind: 'Reserved';
      /** whose claim it is; all zero: a deposit that goes home */
      readonly account: AccountId;
      readonly token: TokenAsset;
      readonly units: TokenAmount;
      readonly from: ReserveSource;
    }
  /** a claim was given back: the reverse; cash goes straight to its account */
  | {
      readonly kind: 'Unreserved';
      readonly account: AccountId;
      readonly token: TokenAsset;
      readonly units: TokenAmount;
      readonly to: ReserveSource;
    }
  | { readonly kind: 'CashQueued' | 'CashUnqueued'; readonly account: AccountId; readonly amount: Cash }
  /** cash moved for positions: signed, 18 decimals, what the account has more */
  | { readonly kind: 'CashChanged'; readonly account: AccountId; readonly change: bigint }
  /** a debtor's interest went to the pool; the pool went to an account */
  | { readonly kind: 'InterestCharged' | 'InterestCollected'; readonly account: AccountId; readonly amount: Cash }
  /** a loss covered what an account owed; holders' parts of it left their cash */
  | { readonly kind: 'LossSpread' | 'LossCharged'; readonly account: AccountId; readonly amount: Cash }
  /** a vault lost a part of a token: of balances, and of free settlement, for which cash of one account fell */
  | {
      readonly kind: 'AssetWrittenDown';
      readonly token: TokenAsset;
      readonly balances: TokenAmount;
      readonly free: { readonly units: TokenAmount; readonly decimals: number };
      readonly bearer: AccountId;
    }
  /** an account's part of what balances lost */
  | { readonly kind: 'BalanceWrittenDown'; readonly account: AccountId; readonly token: TokenAsset; readonly lost: TokenAmount }
  /** a receipt freed the reservation: the vault owes the tokens no longer to the hub's books */
  | { readonly kind: 'Released'; readonly token: TokenAsset; readonly units: TokenAmount }
  /** a rebase took such a receipt back */
  | { readonly kind: 'Reinstated'; readonly token: TokenAsset; readonly units: TokenAmount };

/** What a reservation was made of; only `cash` changes its unit, and then the token's decimals are needed. */
export type ReserveSource =
  { readonly kind: 'balance' } | { readonly kind: 'cash'; readonly decimals: number } | { readonly kind: 'suspense' };

/** Where a credited amount went; only `cash` changes its unit, and then the token's decimals are needed. */
export type CreditDestination =
  { readonly kind: 'collateral' } | { readonly kind: 'idle' } | { readonly kind: 'cash'; readonly decimals: number };

/** Postings of one ledger event. Each asset sums to zero (INV-LEDGER-3). */
export function postingsOf(event: LedgerEvent): Posting[] {
  switch (event.kind) {
    case 'Credited': {
      const asset = tokenJournalAsset(event.token);
      const source: JournalAccount = event.fromSuspense ? 'suspense' : 'custody';
      return [{ account: source, asset, amount: event.amount }, ...credit(event.account, asset, event.amount, event.destination)];
    }
    case 'Parked': {
      const asset = tokenJournalAsset(event.token);
      return [
        { account: 'custody', asset, amount: event.amount },
        { account: 'suspense', asset, amount: -event.amount },
      ];
    }
    case 'Transferred': {
      const asset = tokenJournalAsset(event.token);
      return [
        { account: `balance:${event.from}`, asset, amount: event.amount },
        { account: `balance:${event.to}`, asset, amount: -event.amount },
      ];
    }
    case 'CashTransferred':
      return [
        { account: `cash:${event.from}`, asset: 'cash', amount: event.amount },
        { account: `cash:${event.to}`, asset: 'cash', amount: -event.amount },
      ];
    case 'CashQueued':
      return moved('cash', event.amount, `cash:${event.account}`, 'queued');
    case 'CashUnqueued':
      return moved('cash', event.amount, 'queued', `cash:${event.account}`);
    case 'CashChanged':
      return moved('cash', event.change, 'clearing', `cash:${event.account}`);
    case 'InterestCharged':
      return moved('cash', event.amount, `cash:${event.account}`, 'interest');
    case 'InterestCollected':
      return moved('cash', event.amount, 'interest', `cash:${event.account}`);
    case 'LossSpread':
      return moved('cash', event.amount, 'spread', `cash:${event.account}`);
    case 'LossCharged':
      return moved('cash', event.amount, `cash:${event.account}`, 'spread');
    case 'AssetWrittenDown': {
      const { token, balances, free, bearer } = event;
      const asset = tokenJournalAsset(token);
      return [
        ...moved(asset, balances, 'written-down', 'custody'),
        ...moved(asset, free.units, 'free', 'custody'),
        ...moved('cash', toCash(free.units, free.decimals), `cash:${bearer}`, 'par'),
      ].filter(({ amount }) => amount !== 0n);
    }
    case 'BalanceWrittenDown':
      return moved(tokenJournalAsset(event.token), event.lost, `balance:${event.account}`, 'written-down');
    case 'Reserved': {
      const { account, token, units, from } = event;
      const cash = from.kind === 'cash' ? moved('cash', toCash(units, from.decimals), 'queued', 'par') : [];
      return [...moved(tokenJournalAsset(token), units, sourceAccount(account, from), 'reserved'), ...cash];
    }
    case 'Unreserved': {
      const { account, token, units, to } = event;
      const cash = to.kind === 'cash' ? moved('cash', toCash(units, to.decimals), 'par', `cash:${account}`) : [];
      return [...moved(tokenJournalAsset(token), units, 'reserved', sourceAccount(account, to)), ...cash];
    }
    case 'Released':
      return moved(tokenJournalAsset(event.token), event.units, 'reserved', 'custody');
    case 'Reinstated':
      return moved(tokenJournalAsset(event.token), event.units, 'custody', 'reserved');
    case 'Corrected': {
      const { account, token, balance, cash } = event;
      const asset = tokenJournalAsset(token);
      const target: JournalAccount = account === null ? 'suspense' : `balance:${account}`;
      const onCash =
        account === null || cash === null ? [] : credit(account, asset, cash.amount, { kind: 'cash', decimals: cash.decimals });
      const custody: Posting = { account: 'custody', asset, amount: balance + (onCash.length > 0 ? (cash?.amount ?? 0n) : 0n) };
      const onBalance: Posting = { account: target, asset, amount: -balance };
      return [custody, onBalance, ...onCash].filter(({ amount }) => amount !== 0n);
    }
  }
}

/** A debit of one account against another; `from` owes less by it, or `to` holds less. */
function moved(asset: JournalAsset, amount: bigint, from: JournalAccount, to: JournalAccount): Posting[] {
  return [
    { account: from, asset, amount },
    { account: to, asset, amount: -amount },
  ];
}

/** Account of the token's own units behind a reservation. */
function sourceAccount(account: AccountId, { kind }: ReserveSource): JournalAccount {
  switch (kind) {
    case 'balance':
      return `balance:${account}`;
    case 'cash':
      return 'free';
    case 'suspense':
      return 'suspense';
  }
}

function credit(account: AccountId, asset: JournalAsset, amount: bigint, destination: CreditDestination): Posting[] {
  switch (destination.kind) {
    case 'collateral':
    case 'idle':
      return [{ account: `balance:${account}`, asset, amount: -amount }];
    case 'cash': {
      const sign = amount < 0n ? -1n : 1n;
      // CAST: the magnitude is a token amount that was on chain, so it fits the unit; the sign is put back after the conversion.
      const worth = sign * toCash((sign * amount) as TokenAmount, destination.decimals);
      return [
        { account: 'free', asset, amount: -amount },
        { account: 'par', asset: 'cash', amount: worth },
        { account: `cash:${account}`, asset: 'cash', amount: -worth },
      ];
    }
  }
}

/** Assets whose postings do not sum to zero, with the sum; empty for a balanced entry (INV-LEDGER-3). */
export function imbalances(postings: readonly Posting[]): Map<JournalAsset, bigint> {
  const sums = new Map<JournalAsset, bigint>();
  for (const { asset, amount } of postings) sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  return new Map([...sums].filter(([, sum]) => sum !== 0n));
}

/** Balance of every (account, asset), zero ones left out. */
export function balancesOf(postings: Iterable<Posting>): Map<string, bigint> {
  const balances = new Map<string, bigint>();
  for (const { account, asset, amount } of postings) {
    const key = `${account}|${asset}`;
    balances.set(key, (balances.get(key) ?? 0n) + amount);
  }
  return new Map([...balances].filter(([, amount]) => amount !== 0n));
}

/** Where on chain a journal entry comes from; entries are ordered by (block, log index). */
export interface JournalEntry {
  readonly eid: Eid;
  readonly block: bigint;
  readonly blockHash: Hex;
  readonly logIndex: number;
  readonly kind: LedgerEvent['kind'];
  readonly postings: readonly Posting[];
}

const JOURNAL_DOMAIN = keccak256(stringToHex('lockstep.journal.v1'));

/**
 * Hash over a journal's content, entry after entry: two journals are the same exactly if theirs are (INV-LEDGER-4).
 * Database identifiers and times of recording are no content.
 */
export function journalHash(entries: readonly JournalEntry[]): Hex {
  return [...entries].sort(byPlace).reduce<Hex>((hash, entry) => extendJournalHash(hash, entry), JOURNAL_DOMAIN);
}

function byPlace(a: JournalEntry, b: JournalEntry): number {
  if (a.eid !== b.eid) return a.eid - b.eid;
  if (a.block !== b.block) return a.block < b.block ? -1 : 1;
  return a.logIndex - b.logIndex;
}

function extendJournalHash(hash: Hex, entry: JournalEntry): Hex {
  const postings = entry.postings.map((p) => `${p.account}|${p.asset}|${p.amount}`).sort();
  return keccak256(
    encodeAbiParameters(
      [
        { type: 'bytes32' },
        { type: 'uint32' },
        { type: 'uint64' },
        { type: 'bytes32' },
        { type: 'uint32' },
        { type: 'string' },
        { type: 'string[]' },
      ],
      [hash, entry.eid, entry.block, entry.blockHash, entry.logIndex, entry.kind, postings],
    ),
  );
}
