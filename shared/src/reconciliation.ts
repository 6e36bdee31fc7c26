import { balancesOf, tokenJournalAsset, type Posting, type TokenAsset } from './journal.js';
import { positionMismatches, type PositionBooks } from './position-sums.js';
import { CASH_DECIMALS } from './units.js';

/** The hub's books of one (chain, token) at the pinned hub block, base units. */
export interface HubCustody {
  readonly token: TokenAsset;
  /** of the token; 0 for one the hub never configured, of which nothing is free */
  readonly decimals: number;
  readonly custody: bigint;
  readonly balances: bigint;
  readonly free: bigint;
  readonly reserved: bigint;
  readonly suspense: bigint;
  /** what rebase corrections could not take back: owed to accounts, but in no vault */
  readonly lost: bigint;
  /** net of what rebase corrections moved on custody, signed */
  readonly corrected: bigint;
  /** what left custody because its vault lost it */
  readonly writtenDown: bigint;
}

/** One asset of a vault at the pinned block of its chain, base units. */
export interface VaultBooks {
  readonly token: TokenAsset;
  /** tokens the vault holds */
  readonly held: bigint;
  readonly deposited: bigint;
  readonly cancelled: bigint;
  readonly paid: bigint;
  readonly claimable: bigint;
}

/** Deposits of the log that lie between the hub's pinned block and the vault's: appended, neither consumed nor voided. */
export interface Undelivered {
  readonly token: TokenAsset;
  readonly amount: bigint;
}

/**
 * What a vault settled, and the hub's books do not know yet. An order that a rebase annulled was not settled: its receipt counts without what
 * was annulled.
 */
export interface Unreceipted extends Undelivered {
  /**
   * `undelivered`: its receipt lies between the vault's pinned block and what the hub consumed at its own;
   * `refused`: the hub refused the receipt for good; `unsent`: the log to the hub was closed before
   */
  readonly why: 'undelivered' | 'refused' | 'unsent';
}

/** The orders and the receipts of one asset of a vault, base units. */
export interface ReleaseBooks {
  readonly token: TokenAsset;
  /** Σ of the hub's orders, without voided ones, up to what the vault had consumed at its pinned block */
  readonly ordered: bigint;
  /** Σ of all receipts in the vault's log at its pinned block, without what was annulled since */
  readonly receipted: bigint;
}

/** Cash on the hub at its pinned block, 18 decimals. */
export interface HubCash {
  /** Σ cash of all accounts, signed */
  readonly total: bigint;
  /** waits with claims */
  readonly queued: bigint;
  /** stands in positions and expiries that are not settled, signed */
  readonly clearing: bigint;
  /** charged to debtors and not collected */
  readonly interest: bigint;
  /** losses of all cash that holders have not been charged with yet; below 0 by what roundings charged beyond them */
  readonly spread: bigint;
}

/** One view of everything, each part read at a pinned final block; the vaults' blocks are not older than the hub's view of their logs. */
export interface Snapshot {
  readonly hub: readonly HubCustody[];
  readonly cash: HubCash;
  /** what all accounts hold of each instrument at the hub's pinned block */
  readonly positions: PositionBooks;
  readonly vaults: readonly VaultBooks[];
  readonly releases: readonly ReleaseBooks[];
  readonly unreceipted: readonly Unreceipted[];
  readonly undelivered: readonly Undelivered[];
  /** deposits that were delivered but refused for good (no handler): custody never saw them */
  readonly refused: readonly Undelivered[];
  /** final postings of the journal up to the hub's pinned block */
  readonly journal: readonly Posting[];
}

/** Invariants a reconciliation answers for, by their names in docs/invariants.md. */
export const RECONCILED_INVARIANTS = [
  'INV-VAULT-1',
  'INV-LEDGER-1',
  'INV-LEDGER-2',
  'INV-LEDGER-3',
  'INV-CASH-1',
  'INV-POS-1',
  'INV-FLOW-1',
  'INV-RELEASE-1',
  'INV-JOURNAL-CHAIN',
] as const;
export type ReconciledInvariant = (typeof RECONCILED_INVARIANTS)[number];

/** A number that is not what an invariant says it must be. Amounts are base units of the token. */
export interface Mismatch {
  readonly invariant: ReconciledInvariant;
  /** the token it is about, null if it is about the journal as a whole */
  readonly token: TokenAsset | null;
  readonly subject: string;
  readonly expected: string;
  readonly actual: string;
}

/** All mismatches of a snapshot; empty when every invariant holds. */
export function reconcile(snapshot: Snapshot): Mismatch[] {
  return [
    ...vaultBacking(snapshot),
    ...hubBooks(snapshot),
    ...cashBacking(snapshot),
    ...positionMismatches(snapshot.positions),
    ...acrossChains(snapshot),
    ...releaseBooks(snapshot),
    ...journalSums(snapshot),
    ...journalAgainstChain(snapshot),
  ];
}

/** Whether each invariant holds, from the mismatches. */
export function invariantResults(mismatches: readonly Mismatch[]): Record<ReconciledInvariant, boolean> {
  const broken = new Set(mismatches.map((m) => m.invariant));
  return {
    'INV-VAULT-1': !broken.has('INV-VAULT-1'),
    'INV-LEDGER-1': !broken.has('INV-LEDGER-1'),
    'INV-LEDGER-2': !broken.has('INV-LEDGER-2'),
    'INV-LEDGER-3': !broken.has('INV-LEDGER-3'),
    'INV-CASH-1': !broken.has('INV-CASH-1'),
    'INV-POS-1': !broken.has('INV-POS-1'),
    'INV-FLOW-1': !broken.has('INV-FLOW-1'),
    'INV-RELEASE-1': !broken.has('INV-RELEASE-1'),
    'INV-JOURNAL-CHAIN': !broken.has('INV-JOURNAL-CHAIN'),
  };
}

const keyOf = (token: TokenAsset): string => `${token.eid}:${token.asset}`;
const named = (token: TokenAsset): string => `chain ${token.eid} asset ${token.asset}`;

/** A vault that lost tokens owes on; what the hub has written down, it no longer counts on. */
function vaultBacking({ hub, vaults }: Snapshot): Mismatch[] {
  const writtenDown = new Map(hub.map((h) => [keyOf(h.token), h.writtenDown]));
  return vaults.flatMap((v) => {
    const owed = v.deposited - v.cancelled - v.paid - (writtenDown.get(keyOf(v.token)) ?? 0n);
    const found: Mismatch[] = [];
    if (v.held < owed)
      found.push({
        invariant: 'INV-VAULT-1',
        token: v.token,
        subject: `${named(v.token)}: held`,
        expected: `at least ${owed} owed`,
        actual: `${v.held}`,
      });
    if (v.held < v.claimable)
      found.push({
        invariant: 'INV-VAULT-1',
        token: v.token,
        subject: `${named(v.token)}: held`,
        expected: `at least ${v.claimable} claimable`,
        actual: `${v.held}`,
      });
    return found;
  });
}

function hubBooks({ hub }: Snapshot): Mismatch[] {
  return hub.flatMap((h): Mismatch[] => {
    const parts = h.balances + h.free + h.reserved + h.suspense;
    return parts === h.custody
      ? []
      : [
          {
            invariant: 'INV-LEDGER-1',
            token: h.token,
            subject: `${named(h.token)}: custody`,
            expected: `${parts} (balances + free + reserved + suspense)`,
            actual: `${h.custody}`,
          },
        ];
  });
}

/**
 * Free settlement at par is exactly what is owed in cash: every conversion between the two is exact, and what positions round stays in
 * clearing.
 */
function cashBacking({ hub, cash }: Snapshot): Mismatch[] {
  const backing = hub.reduce((sum, h) => sum + h.free * 10n ** BigInt(CASH_DECIMALS - Math.min(h.decimals, CASH_DECIMALS)), 0n);
  const owed = cash.total + cash.queued + cash.clearing + cash.interest - cash.spread;
  return backing === owed
    ? []
    : [
        {
          invariant: 'INV-CASH-1',
          token: null,
          subject: 'free settlement at par',
          expected: `${owed} (cash ${cash.total} + queued ${cash.queued} + clearing ${cash.clearing} + interest ${cash.interest} − losses to charge ${cash.spread})`,
          actual: `${backing}`,
        },
      ];
}

/**
 * What governance wrote off of a token on the hub. A vault that paid what nobody ordered can never take it back; the books agree again once
 * the hub owes as much less.
 */
function writtenOff({ hub }: Pick<Snapshot, 'hub'>): Map<string, bigint> {
  return new Map(hub.map((h) => [keyOf(h.token), h.lost > h.corrected ? h.lost - h.corrected : 0n]));
}

/** What the hub refused to receipt for good and governance has not written off. */
function refusedReceipts({ hub, unreceipted }: Snapshot): Map<string, bigint> {
  const forgiven = writtenOff({ hub });
  const refused = sumByToken(unreceipted.filter(({ why }) => why === 'refused'));
  return new Map(
    [...refused].map(([key, amount]) => {
      const left = amount - (forgiven.get(key) ?? 0n);
      return [key, left > 0n ? left : 0n];
    }),
  );
}

/** A vault settles what it was ordered and nothing else, and says so in its log. */
function releaseBooks(snapshot: Snapshot): Mismatch[] {
  const { vaults, releases, unreceipted } = snapshot;
  const forgiven = writtenOff(snapshot);
  const unsent = sumByToken(unreceipted.filter(({ why }) => why === 'unsent'));
  const books = new Map(releases.map((r) => [keyOf(r.token), r]));
  const found = vaults.flatMap(({ token, paid, claimable }): Mismatch[] => {
    const { ordered = 0n, receipted = 0n } = books.get(keyOf(token)) ?? {};
    const settled = paid + claimable;
    const said = receipted + (unsent.get(keyOf(token)) ?? 0n);
    const most = ordered + (forgiven.get(keyOf(token)) ?? 0n);
    const mismatches: Mismatch[] = [];
    if (settled > most)
      mismatches.push({
        invariant: 'INV-RELEASE-1',
        token,
        subject: `${named(token)}: paid and claimable`,
        expected: `at most ${most} ordered or written off`,
        actual: `${settled}`,
      });
    if (said !== settled)
      mismatches.push({
        invariant: 'INV-RELEASE-1',
        token,
        subject: `${named(token)}: settled by the receipts`,
        expected: `${settled} (paid ${paid} + claimable ${claimable})`,
        actual: `${said}`,
      });
    return mismatches;
  });
  const refused = [...refusedReceipts(snapshot)].filter(([, amount]) => amount !== 0n);
  const tokens = new Map(unreceipted.map(({ token }) => [keyOf(token), token]));
  return [
    ...found,
    ...refused.flatMap(([key, amount]): Mismatch[] => {
      const token = tokens.get(key);
      if (token === undefined) return [];
      return [
        { invariant: 'INV-RELEASE-1', token, subject: `${named(token)}: receipts the hub refused`, expected: '0', actual: `${amount}` },
      ];
    }),
  ];
}

function acrossChains(snapshot: Snapshot): Mismatch[] {
  const { hub, vaults, undelivered, unreceipted, refused } = snapshot;
  const custody = new Map(hub.map((h) => [keyOf(h.token), h.custody]));
  const unbacked = new Map(hub.map((h) => [keyOf(h.token), h.lost - h.writtenDown]));
  const inFlight = sumByToken(undelivered);
  const lost = sumByToken(refused);
  const settled = sumByToken(unreceipted.filter(({ why }) => why !== 'refused'));
  for (const [key, amount] of refusedReceipts(snapshot)) settled.set(key, (settled.get(key) ?? 0n) + amount);
  const known = new Set(vaults.map((v) => keyOf(v.token)));
  const found = vaults.flatMap((v): Mismatch[] => {
    const key = keyOf(v.token);
    const onHub = custody.get(key) ?? 0n;
    const moving = inFlight.get(key) ?? 0n;
    const mismatches: Mismatch[] = [];
    const unbooked = settled.get(key) ?? 0n;
    const needed = onHub + moving - unbooked + v.claimable;
    if (v.held < needed)
      mismatches.push({
        invariant: 'INV-LEDGER-2',
        token: v.token,
        subject: `${named(v.token)}: held by the vault`,
        expected: `at least ${needed} (custody ${onHub} + undelivered ${moving} − unreceipted ${unbooked} + claimable ${v.claimable})`,
        actual: `${v.held}`,
      });
    const accounted = v.cancelled + v.paid + v.claimable + onHub - unbooked + moving + (lost.get(key) ?? 0n) - (unbacked.get(key) ?? 0n);
    if (accounted !== v.deposited)
      mismatches.push({
        invariant: 'INV-FLOW-1',
        token: v.token,
        subject: `${named(v.token)}: deposited`,
        expected: `${accounted} (cancelled + paid + claimable + custody − unreceipted + undelivered)`,
        actual: `${v.deposited}`,
      });
    return mismatches;
  });
  const orphaned = hub.filter((h) => h.custody !== 0n && !known.has(keyOf(h.token)));
  return [
    ...found,
    ...orphaned.map((h): Mismatch => ({
      invariant: 'INV-FLOW-1',
      token: h.token,
      subject: `${named(h.token)}: custody`,
      expected: '0, no vault lists this asset',
      actual: `${h.custody}`,
    })),
  ];
}

function journalSums({ journal }: Snapshot): Mismatch[] {
  const sums = new Map<string, bigint>();
  for (const p of journal) sums.set(p.asset, (sums.get(p.asset) ?? 0n) + p.amount);
  return [...sums]
    .filter(([, sum]) => sum !== 0n)
    .map(([asset, sum]) => ({
      invariant: 'INV-LEDGER-3',
      token: null,
      subject: `${asset}: Σ of all postings`,
      expected: '0',
      actual: `${sum}`,
    }));
}

/** The mirror against the original: the journal's books are those of the hub at the same block. */
function journalAgainstChain({ hub, cash, journal }: Snapshot): Mismatch[] {
  const balances = balancesOf(journal);
  const held = [...balances].reduce((sum, [key, amount]) => (key.startsWith('cash:') ? sum - amount : sum), 0n);
  const cashBooks = [
    { name: 'cash of all accounts', actual: held, expected: cash.total },
    { name: 'queued cash', actual: -(balances.get('queued|cash') ?? 0n), expected: cash.queued },
    { name: 'cash in clearing', actual: -(balances.get('clearing|cash') ?? 0n), expected: cash.clearing },
    { name: 'interest to collect', actual: -(balances.get('interest|cash') ?? 0n), expected: cash.interest },
    { name: 'losses to charge', actual: balances.get('spread|cash') ?? 0n, expected: cash.spread },
  ]
    .filter(({ actual, expected }) => actual !== expected)
    .map(({ name, actual, expected }): Mismatch => ({
      invariant: 'INV-JOURNAL-CHAIN',
      token: null,
      subject: `${name} in the journal`,
      expected: `${expected} as on the hub`,
      actual: `${actual}`,
    }));
  const tokenBooks = hub.flatMap((h) => {
    const asset = tokenJournalAsset(h.token);
    const mirrored = {
      custody: balances.get(`custody|${asset}`) ?? 0n,
      suspense: -(balances.get(`suspense|${asset}`) ?? 0n),
      free: -(balances.get(`free|${asset}`) ?? 0n),
      reserved: -(balances.get(`reserved|${asset}`) ?? 0n),
    };
    return (['custody', 'suspense', 'free', 'reserved'] as const)
      .filter((name) => mirrored[name] !== h[name])
      .map((name): Mismatch => ({
        invariant: 'INV-JOURNAL-CHAIN',
        token: h.token,
        subject: `${named(h.token)}: ${name} in the journal`,
        expected: `${h[name]} as on the hub`,
        actual: `${mirrored[name]}`,
      }));
  });
  return [...cashBooks, ...tokenBooks];
}

function sumByToken(items: readonly Undelivered[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { token, amount } of items) sums.set(keyOf(token), (sums.get(keyOf(token)) ?? 0n) + amount);
  return sums;
}
