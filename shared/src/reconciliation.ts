import { balancesOf, tokenJournalAsset, type Posting, type TokenAsset } from './journal.js';
import type { Eid } from './units.js';

/** The hub's books of one (chain, token) at the pinned hub block, base units. */
export interface HubCustody {
  readonly token: TokenAsset;
  readonly custody: bigint;
  readonly balances: bigint;
  readonly free: bigint;
  readonly reserved: bigint;
  readonly suspense: bigint;
  /** what rebase corrections could not take back: owed to accounts, but in no vault */
  readonly lost: bigint;
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

/** One view of everything, each part read at a pinned final block; the vaults' blocks are not older than the hub's view of their logs. */
export interface Snapshot {
  readonly hub: readonly HubCustody[];
  readonly vaults: readonly VaultBooks[];
  readonly undelivered: readonly Undelivered[];
  /** deposits that were delivered but refused for good (no handler): custody never saw them */
  readonly refused: readonly Undelivered[];
  /** final postings of the journal up to the hub's pinned block */
  readonly journal: readonly Posting[];
}

/** Invariants a reconciliation answers for, by the names of the design. */
export const RECONCILED_INVARIANTS = [
  'INV-VAULT-1',
  'INV-LEDGER-1',
  'INV-LEDGER-2',
  'INV-LEDGER-3',
  'INV-FLOW-1',
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
    ...acrossChains(snapshot),
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
    'INV-FLOW-1': !broken.has('INV-FLOW-1'),
    'INV-JOURNAL-CHAIN': !broken.has('INV-JOURNAL-CHAIN'),
  };
}

const keyOf = (token: TokenAsset): string => `${token.eid}:${token.asset}`;
const named = (token: TokenAsset): string => `chain ${token.eid} asset ${token.asset}`;

function vaultBacking({ vaults }: Snapshot): Mismatch[] {
  return vaults.flatMap((v) => {
    const owed = v.deposited - v.cancelled - v.paid;
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

function acrossChains({ hub, vaults, undelivered, refused }: Snapshot): Mismatch[] {
  const custody = new Map(hub.map((h) => [keyOf(h.token), h.custody]));
  const unbacked = new Map(hub.map((h) => [keyOf(h.token), h.lost]));
  const inFlight = sumByToken(undelivered);
  const lost = sumByToken(refused);
  const known = new Set(vaults.map((v) => keyOf(v.token)));
  const found = vaults.flatMap((v): Mismatch[] => {
    const key = keyOf(v.token);
    const onHub = custody.get(key) ?? 0n;
    const moving = inFlight.get(key) ?? 0n;
    const mismatches: Mismatch[] = [];
    const needed = onHub + moving + v.claimable;
    if (v.held < needed)
      mismatches.push({
        invariant: 'INV-LEDGER-2',
        token: v.token,
        subject: `${named(v.token)}: held by the vault`,
        expected: `at least ${needed} (custody ${onHub} + undelivered ${moving} + claimable ${v.claimable})`,
        actual: `${v.held}`,
      });
    const accounted = v.cancelled + v.paid + v.claimable + onHub + moving + (lost.get(key) ?? 0n) - (unbacked.get(key) ?? 0n);
    if (accounted !== v.deposited)
      mismatches.push({
        invariant: 'INV-FLOW-1',
        token: v.token,
        subject: `${named(v.token)}: deposited`,
        expected: `${accounted} (cancelled + paid + claimable + custody + undelivered)`,
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

/** The mirror against the original: custody, suspense and free of the journal are those of the hub at the same block. */
function journalAgainstChain({ hub, journal }: Snapshot): Mismatch[] {
  const balances = balancesOf(journal);
  return hub.flatMap((h) => {
    const asset = tokenJournalAsset(h.token);
    const mirrored = {
      custody: balances.get(`custody|${asset}`) ?? 0n,
      suspense: -(balances.get(`suspense|${asset}`) ?? 0n),
      free: -(balances.get(`free|${asset}`) ?? 0n),
    };
    return (['custody', 'suspense', 'free'] as const)
      .filter((name) => mirrored[name] !== h[name])
      .map((name): Mismatch => ({
        invariant: 'INV-JOURNAL-CHAIN',
        token: h.token,
        subject: `${named(h.token)}: ${name} in the journal`,
        expected: `${h[name]} as on the hub`,
        actual: `${mirrored[name]}`,
      }));
  });
}

function sumByToken(items: readonly Undelivered[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { token, amount } of items) sums.set(keyOf(token), (sums.get(keyOf(token)) ?? 0n) + amount);
  return sums;
}

/**
 * Chains whose deposits and the hub's books do not add up (INV-FLOW-1): an entry was credited that was never paid, or one got lost.
 * Nothing more is signed for their logs until the books agree again. A vault that holds too little of one token (INV-VAULT-1) is a matter
 * of that token alone, and holds no path up.
 */
export function chainsToHold(mismatches: readonly Mismatch[]): Map<Eid, string> {
  const held = new Map<Eid, string>();
  for (const { invariant, token, subject, expected, actual } of mismatches)
    if (invariant === 'INV-FLOW-1' && token !== null && !held.has(token.eid))
      held.set(token.eid, `${subject} is ${actual}; expected ${expected}`);
  return held;
}
