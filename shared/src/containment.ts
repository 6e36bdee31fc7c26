import type { TokenAsset } from './journal.js';
import type { Mismatch, Snapshot, VaultBooks } from './reconciliation.js';
import type { Eid } from './units.js';

/** A vault short of at least this share of one token, percent, was robbed: a token that rebases or charges on exit is never off by so much at once. */
export const BREACH_PERCENT = 10n;
/** So many short tokens in one vault are no token's own doing. */
const BREACH_TOKENS = 2;

/** A token of which a vault holds too little. */
export interface FrozenAsset {
  readonly token: TokenAsset;
  /** for people: both figures */
  readonly because: string;
}

/** What has to stop until the books agree again. */
export interface Containment {
  /** chains whose paths are held, both ways, with the reason */
  readonly paths: ReadonlyMap<Eid, string>;
  /** tokens to freeze on the vault and the hub; other tokens of the chain go on unless its paths are held too */
  readonly assets: readonly FrozenAsset[];
}

/**
 * What a reconciliation asks for.
 *
 * The paths of a chain are held if its deposits, orders and receipts and the hub's books do not add up (INV-FLOW-1, INV-RELEASE-1): an entry
 * was credited that was never paid, one got lost, or a vault settled what nobody ordered. They are held too if its vault was robbed:
 * `BREACH_PERCENT` of one token are gone, or some of two.
 *
 * A vault that holds less of one token than it owes (INV-VAULT-1) has that token frozen and no other: tokens that rebase or charge on exit
 * do that. What INV-LEDGER-2 misses beyond these is a loss that governance booked, and holds nothing up a second time.
 */
export function containmentOf(snapshot: Pick<Snapshot, 'vaults'>, mismatches: readonly Mismatch[]): Containment {
  const paths = new Map<Eid, string>();
  for (const { invariant, token, subject, expected, actual } of mismatches)
    if ((invariant === 'INV-FLOW-1' || invariant === 'INV-RELEASE-1') && token !== null && !paths.has(token.eid))
      paths.set(token.eid, `${subject} is ${actual}; expected ${expected}`);
  const short = snapshot.vaults.filter((vault) => vault.held < owedBy(vault));
  for (const vault of short) {
    const { eid } = vault.token;
    const several = short.filter(({ token }) => token.eid === eid).length >= BREACH_TOKENS;
    if ((several || isBreached(vault)) && !paths.has(eid)) paths.set(eid, shortage(vault));
  }
  return { paths, assets: short.map((vault) => ({ token: vault.token, because: shortage(vault) })) };
}

/** Least a vault must hold of a token, base units: what came in and did not leave, and never less than what it promised to receivers. */
function owedBy({ deposited, cancelled, paid, claimable }: VaultBooks): bigint {
  const owed = deposited - cancelled - paid;
  return owed > claimable ? owed : claimable;
}

const isBreached = (vault: VaultBooks): boolean => (owedBy(vault) - vault.held) * 100n >= owedBy(vault) * BREACH_PERCENT;

const shortage = (vault: VaultBooks): string =>
  `chain ${vault.token.eid} asset ${vault.token.asset}: held by the vault is ${vault.held}; expected at least ${owedBy(vault)}`;
