import type { Entry } from '@lockstep/shared';
import type { StackChain } from '../harness/stack.js';
import { settledUnreceipted } from './checks.release.js';
import type { Effect, InboundObservation, Observation, SpokeObservation, VaultAsset } from './observation.js';
import { voidedIn, type InboxObservation, type LogObservation } from './path.js';
import type { Findings } from './report.js';

/** Pairs what a source shows with what the hub shows about it. */
function paths(o: Observation): readonly { readonly source: SpokeObservation; readonly inbound: InboundObservation }[] {
  return o.inbound.flatMap((inbound) => o.sources.filter((s) => s.chain.eid === inbound.chain.eid).map((source) => ({ source, inbound })));
}

/** What the hub has written down of an asset: the vault lost it, and nobody counts on it any longer. */
const lostOf = (o: Observation, { eid }: StackChain, index: number): bigint =>
  o.inbound.find(({ chain }) => chain.eid === eid)?.custody.get(index)?.lost ?? 0n;

/** INV-VAULT-1: vault balance ≥ Σ deposited − Σ cancelled − Σ paid − Σ written down on the hub, and ≥ claimable, per asset. */
export function checkVaults(o: Observation, findings: Findings): void {
  for (const { chain, assets } of o.sources)
    for (const a of assets) {
      const owed = a.deposited - a.cancelled - a.paid - lostOf(o, chain, a.index);
      const where = `${chain.name} ${a.symbol}`;
      findings.expect('INV-VAULT-1', a.held >= owed && owed >= 0n, where, () => `held ${a.held}, owed ${owed}`, 'held ≥ owed ≥ 0');
      findings.expect('INV-VAULT-1', a.held >= a.claimable, where, () => `held ${a.held}, claimable ${a.claimable}`, 'held ≥ claimable');
    }
}

/** INV-LOG-1, both ways: consumed ≤ verified ≤ appended, heads agree at each. Heads are folded here from the entries' events. */
export function checkLogs(o: Observation, findings: Findings): void {
  for (const { source, inbound } of paths(o)) checkLog(`${source.chain.name} → hub`, source, inbound, findings);
  // The hub's own log was looked at above: there is one, not two.
  for (const p of o.payouts) if (p.chain.eid !== o.hub.eid) checkLog(`hub → ${p.chain.name}`, p, p, findings);
}

function checkLog(where: string, source: LogObservation, known: InboxObservation, findings: Findings): void {
  const { inbox, rebased } = known;
  const { sequence, head } = source.outbox;
  const at = (n: bigint): string => source.foldedHeads[Number(n)] ?? 'no such entry';
  const same = (name: string, actual: string, n: bigint): void =>
    findings.expect('INV-LOG-1', actual === at(n), `${where}, ${name} at ${n}`, () => actual, at(n));
  findings.expect(
    'INV-LOG-1',
    inbox.consumed <= inbox.verified && inbox.verified <= sequence,
    where,
    () => `consumed ${inbox.consumed}, verified ${inbox.verified}, appended ${sequence}`,
    'consumed ≤ verified ≤ appended',
  );
  findings.expect(
    'INV-LOG-1',
    BigInt(source.log.length) === sequence,
    where,
    () => `${source.log.length} entries in events`,
    `${sequence}`,
  );
  for (const [i, entry] of source.log.entries()) {
    findings.expect('INV-LOG-1', entry.sequence === BigInt(i + 1), where, () => `sequence ${entry.sequence}`, `${i + 1}`);
    same('head in the event', entry.head, entry.sequence);
  }
  same('outbox head', head, sequence);
  same('consumed head', inbox.consumedHead, inbox.consumed);
  if (inbox.verified > 0n && inbox.verified !== rebased?.sequence) same('verified head', known.verifiedHead, inbox.verified);
}

/** Ends of an entry that was delivered and not voided, by its kind. */
const ENDS: Record<Entry['kind'], readonly string[]> = {
  Deposited: ['credited', 'parked', 'parked+parked-credited+credited', 'parked+returned', 'refused', 'unhandled'],
  WithdrawRequested: ['recorded', 'recorded+processed', 'recorded+expired', 'refused', 'unhandled'],
  Receipts: ['receipted', 'refused', 'unhandled'],
  // Applied: the hub's event names the account and the key, not the entry.
  DelegateSet: ['', 'refused', 'unhandled'],
  // An order on the hub's own path takes effect in the vault: INV-RELEASE-1 judges it.
  Release: [''],
  Void: [''],
  Closed: [''],
  Opaque: ['unhandled'],
};
const ORDER: readonly Effect[] = [
  'parked',
  'parked-credited',
  'returned',
  'credited',
  'recorded',
  'processed',
  'expired',
  'receipted',
  'refused',
  'unhandled',
  'voided',
];

/** INV-LOG-2: each (path, sequence) takes effect once, is refused once, is voided, or is parked and ends once. */
export function checkEffects(o: Observation, findings: Findings): void {
  for (const { source, inbound } of paths(o)) {
    const voided = voidedIn(source.log);
    for (const { sequence, entry } of source.log) {
      const where = `${source.chain.name} entry ${sequence} (${entry.kind})`;
      const seen = [...(inbound.effects.get(sequence) ?? [])].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)).join('+');
      const found = (): string => seen || 'nothing happened';
      if (sequence > inbound.inbox.consumed) findings.expect('INV-LOG-2', seen === '', where, found, 'nothing yet: it is not consumed');
      else if (voided.has(sequence)) findings.expect('INV-LOG-2', seen === 'voided', where, found, 'voided');
      else {
        // Governance may count entries as consumed that never were; its corrections stand for them.
        const passed = seen === '' && inbound.rebased !== undefined && sequence <= inbound.rebased.sequence;
        findings.expect('INV-LOG-2', passed || ENDS[entry.kind].includes(seen), where, found, 'exactly one end');
      }
    }
    for (const sequence of inbound.effects.keys())
      findings.expect(
        'INV-LOG-2',
        sequence <= BigInt(source.log.length),
        `${source.chain.name} entry ${sequence}`,
        () => 'an effect without an entry',
        `at most ${source.log.length}`,
      );
  }
}

/** INV-LEDGER-1: per (chain, token) custody = balances + free + reserved + suspense. */
export function checkCustody(o: Observation, findings: Findings): void {
  for (const { chain, custody } of o.inbound)
    for (const [index, c] of custody) {
      const parts = c.balances + c.free + c.reserved + c.suspense;
      findings.expect('INV-LEDGER-1', c.custody === parts, `${chain.name} asset ${index}`, () => `custody ${c.custody}`, `${parts}`);
    }
}

/** Deposits of an asset that are in the log, were not voided and have not reached the hub. */
function undelivered(source: SpokeObservation, inbound: InboundObservation, asset: VaultAsset): bigint {
  const voided = voidedIn(source.log);
  return source.log
    .filter(
      ({ sequence, entry }) =>
        entry.kind === 'Deposited' && entry.asset === asset.index && sequence > inbound.inbox.consumed && !voided.has(sequence),
    )
    .reduce((sum, { entry }) => sum + (entry.kind === 'Deposited' ? entry.amount : 0n), 0n);
}

/** INV-LEDGER-2 and INV-FLOW-1: what the vaults booked is what the hub booked and what is still on its way, in either direction. */
export function checkFlow(o: Observation, findings: Findings): void {
  for (const { source, inbound } of paths(o)) {
    const orders = o.payouts.find((p) => p.chain.eid === source.chain.eid);
    for (const a of source.assets) {
      const where = `${source.chain.name} ${a.symbol}`;
      const c = inbound.custody.get(a.index) ?? { custody: 0n, balances: 0n, free: 0n, reserved: 0n, suspense: 0n, lost: 0n };
      const inFlight = undelivered(source, inbound, a);
      // The hub still books as reserved what the vault has settled since its last receipt.
      const settled = orders ? settledUnreceipted(orders, a.index) : 0n;
      const needed = c.custody + inFlight - settled + a.claimable;
      findings.expect('INV-LEDGER-2', a.held >= needed, where, () => `vault holds ${a.held}`, `at least ${needed}`);
      // Corrections of a rebase move value to the loss account, outside this sum.
      if (inbound.rebased) continue;
      const accounted = a.cancelled + a.paid + a.claimable + c.balances + c.free + (c.reserved - settled) + c.suspense + c.lost + inFlight;
      const parts = `${inFlight} undelivered, ${c.reserved} reserved, ${settled} settled without a receipt, ${c.lost} written down`;
      findings.expect('INV-FLOW-1', a.deposited === accounted, where, () => `deposited ${a.deposited}`, `${accounted}; ${parts}`);
    }
  }
}
