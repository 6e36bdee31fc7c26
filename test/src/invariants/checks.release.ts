import type { Observation, SpokeObservation } from './observation.js';
import { voidedIn } from './path.js';
import { sequencesIn, type PayoutEffect, type PayoutsObservation } from './payouts.js';
import type { Findings } from './report.js';

/** What may become of an order, in the order in which it happens: what is claimable may be paid in parts. */
const ENDS = /^(paid|refused|claimable(\+claimed)*(\+returned)?)$/;
/** What may become of an order that the hub never gave: it must wait until governance annuls it, and nothing may leave for it. */
const ANNULLED = 'claimable+annulled';

/** INV-RELEASE-1: each order is paid or claimable once, Σ released ≤ Σ ordered; and a receipt says what the vault did, no more. */
export function checkReleases(o: Observation, findings: Findings): void {
  for (const p of o.payouts) {
    checkOrders(p, findings);
    checkAnnulled(p, findings);
    checkReceipts(p, findings);
    for (const source of o.sources) if (source.chain.eid === p.chain.eid) checkVaultTotals(p, source, findings);
  }
}

function checkOrders({ chain, log, inbox, effects }: PayoutsObservation, findings: Findings): void {
  const voided = voidedIn(log);
  const ordered = new Map<number, bigint>();
  const released = new Map<number, bigint>();
  const payers = new Map<bigint, bigint[]>();
  const releases = log.filter(({ entry }) => entry.kind === 'Release');
  for (const { sequence, entry } of releases) {
    if (entry.kind !== 'Release') continue;
    const where = `order ${sequence} to ${chain.name}`;
    const seen = effects.get(sequence) ?? [];
    const kinds = seen.map((e) => e.kind).join('+');
    const found = (): string => kinds || 'nothing happened';
    if (voided.has(sequence)) {
      const end = sequence > inbox.consumed ? '' : 'voided';
      findings.expect('INV-RELEASE-1', kinds === end, where, found, end || 'nothing yet: it is not consumed');
      continue;
    }
    ordered.set(entry.asset, (ordered.get(entry.asset) ?? 0n) + entry.amount);
    payers.set(entry.claim, [...(payers.get(entry.claim) ?? []), sequence]);
    if (sequence > inbox.consumed) {
      findings.expect('INV-RELEASE-1', kinds === '', where, found, 'nothing yet: it is not consumed');
      continue;
    }
    findings.expect('INV-RELEASE-1', ENDS.test(kinds), where, found, 'paid, claimable (then claimed or returned) or refused');
    const [first] = seen;
    if (first?.kind !== 'paid' && first?.kind !== 'claimable') continue;
    released.set(first.asset, (released.get(first.asset) ?? 0n) + first.amount);
    const same =
      first.claim === entry.claim &&
      first.asset === entry.asset &&
      first.amount === entry.amount &&
      first.receiver.toLowerCase() === entry.receiver.toLowerCase();
    const taken = seen.reduce((total, e) => total + (e.kind === 'claimed' || e.kind === 'returned' ? e.amount : 0n), 0n);
    findings.expect('INV-RELEASE-1', taken <= first.amount, where, () => `claimed ${taken}`, `at most ${first.amount}`);
    const wanted = `claim ${entry.claim}, ${entry.amount} of asset ${entry.asset} to ${entry.receiver}`;
    findings.expect('INV-RELEASE-1', same, where, () => `claim ${first.claim}, ${first.amount} to ${first.receiver}`, wanted);
  }
  for (const [claim, sequences] of payers)
    findings.expect('INV-RELEASE-1', sequences.length === 1, `claim ${claim}`, () => `orders ${sequences.join(', ')}`, 'one order');
  const known = new Set(releases.map((r) => r.sequence));
  for (const [sequence, seen] of effects) {
    // On the hub's own path the log holds deposits too, which may be voided.
    if (known.has(sequence) || seen.every((e) => e.kind === 'voided')) continue;
    findings.expect('INV-RELEASE-1', false, `${chain.name}, sequence ${sequence}`, () => 'a payout', 'an order');
  }
  for (const [asset, sum] of released) {
    const most = ordered.get(asset) ?? 0n;
    findings.expect('INV-RELEASE-1', sum <= most, `${chain.name} asset ${asset}`, () => `released ${sum}`, `at most ${most}`);
  }
}

function checkAnnulled({ chain, annulled }: PayoutsObservation, findings: Findings): void {
  for (const { sequence, effects } of annulled) {
    const where = `${chain.name}, annulled order ${sequence}`;
    const kinds = effects.map((e) => e.kind).join('+');
    findings.expect('INV-RELEASE-1', kinds === ANNULLED, where, () => kinds, ANNULLED);
  }
}

function checkReceipts({ chain, effects, annulled, receipts }: PayoutsObservation, findings: Findings): void {
  const receipted = new Set<bigint>();
  for (const { first, count, settled, paid } of receipts) {
    const where = `receipts ${first} … ${first + BigInt(count) - 1n} of ${chain.name}`;
    for (const sequence of sequencesIn(first, settled)) {
      findings.expect('INV-RELEASE-1', !receipted.has(sequence), where, () => `order ${sequence} again`, 'each order once');
      receipted.add(sequence);
      const said = sequencesIn(first, paid).includes(sequence) ? 'paid' : 'claimable';
      const did = [effects.get(sequence) ?? [], ...annulled.filter((a) => a.sequence === sequence).map((a) => a.effects)].flatMap(
        ([first]) => (first === undefined ? [] : [first.kind]),
      );
      const actual = did.join(' and ') || 'nothing: no payout';
      findings.expect('INV-RELEASE-1', did.includes(said), where, () => `order ${sequence} ${said}`, actual);
    }
  }
}

type Amounts = Exclude<PayoutEffect['kind'], 'refused' | 'voided'>;

function sum(effects: Iterable<readonly PayoutEffect[]>, kind: Amounts, asset: number): bigint {
  let total = 0n;
  for (const list of effects) for (const e of list) if (e.kind === kind && e.asset === asset) total += e.amount;
  return total;
}

function checkVaultTotals({ chain, effects, annulled }: PayoutsObservation, { assets }: SpokeObservation, findings: Findings): void {
  for (const { index, symbol, paid, claimable } of assets) {
    const all = [...effects.values(), ...annulled.map((a) => a.effects)];
    const of = (kind: Amounts): bigint => sum(all, kind, index);
    const left = of('paid') + of('claimed') + of('returned');
    const kept = of('claimable') - of('claimed') - of('returned') - of('annulled');
    const found = (): string => `paid ${paid}, claimable ${claimable}`;
    const holds = paid === left && claimable === kept;
    findings.expect('INV-RELEASE-1', holds, `${chain.name} ${symbol}`, found, `paid ${left}, claimable ${kept} by its events`);
  }
}

/** Units of an asset that its vault has settled and the hub has no receipt for yet. */
export function settledUnreceipted({ effects, annulled, receipts }: PayoutsObservation, asset: number): bigint {
  const receipted = new Set(receipts.flatMap(({ first, settled }) => sequencesIn(first, settled)));
  // What left for an order that was annulled since is gone, and no receipt of it counts.
  let total = sum(
    annulled.map((a) => a.effects),
    'claimed',
    asset,
  );
  for (const [sequence, [first]] of effects)
    if ((first?.kind === 'paid' || first?.kind === 'claimable') && first.asset === asset && !receipted.has(sequence)) total += first.amount;
  return total;
}

/**
 * INV-CASH-1: 0 ≤ Σ free settlement − (Σ cash + clearing + queued claims + interest − losses to charge) ≤ number of roundings, in 18-decimal units. Here no move
 * rounds: a leg paid from cash debits exactly what its units are worth, and the rest stays cash; a correction moves both sides or neither;
 * what positions round stays in clearing. So they are equal.
 */
export function checkCash({ cash, inbound }: Observation, findings: Findings): void {
  const free = inbound
    .flatMap(({ custody }) => [...custody.values()])
    // Whatever loses its standing as settlement keeps the pool behind cash.
    .filter((c) => c.settlement || c.free > 0n)
    .reduce((total, c) => total + c.free * 10n ** BigInt(18 - c.decimals), 0n);
  const { total, queued, clearing, interest, spread } = cash;
  const owed = total + queued + clearing + interest - spread;
  findings.expect(
    'INV-CASH-1',
    free === owed,
    'hub',
    () => `free ${free}`,
    `${owed}: cash ${total}, queued ${queued}, clearing ${clearing}, interest ${interest}, losses to charge ${spread}`,
  );
}
