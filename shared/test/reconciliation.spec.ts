import { describe, expect, it } from '@jest/globals';
import { postingsOf } from '../src/journal.js';
import { invariantResults, reconcile, type Snapshot } from '../src/reconciliation.js';
import { accountId, eid, tokenAmount } from '../src/units.js';

const token = { eid: eid(40002), asset: 1 };
const alice = accountId(`0x${'aa'.repeat(32)}`);
/** 100 deposited, 10 cancelled, 60 credited, 10 parked, 20 on their way */
const good: Snapshot = {
  hub: [
    { token, decimals: 6, custody: 70n, balances: 60n, free: 0n, reserved: 0n, suspense: 10n, lost: 0n, corrected: 0n, writtenDown: 0n },
  ],
  vaults: [{ token, held: 90n, deposited: 100n, cancelled: 10n, paid: 0n, claimable: 0n }],
  cash: { total: 0n, queued: 0n, clearing: 0n, interest: 0n, spread: 0n },
  positions: { sums: [], unreadable: [] },
  releases: [],
  unreceipted: [],
  undelivered: [
    { token, amount: 15n },
    { token, amount: 5n },
  ],
  refused: [],
  journal: [
    ...postingsOf({
      kind: 'Credited',
      account: alice,
      token,
      amount: tokenAmount(60n),
      destination: { kind: 'collateral' },
      fromSuspense: false,
    }),
    ...postingsOf({ kind: 'Parked', token, amount: tokenAmount(10n) }),
  ],
};
const vault = good.vaults[0];
const hub = good.hub[0];
if (vault === undefined || hub === undefined) throw new Error('the snapshot has a vault and a hub asset');

describe('reconcile', () => {
  it('given books that agree, it finds nothing', () => {
    expect(reconcile(good)).toEqual([]);
    expect(Object.values(invariantResults([])).every(Boolean)).toBe(true);
  });
  it('given a donation to the vault, nothing is wrong', () => {
    expect(reconcile({ ...good, vaults: [{ ...vault, held: 1_000n }] })).toEqual([]);
  });

  const cases: [string, Snapshot, string[]][] = [
    ['a vault that holds less than it owes', { ...good, vaults: [{ ...vault, held: 89n }] }, ['INV-VAULT-1', 'INV-LEDGER-2']],
    [
      'a vault that cannot pay its claims',
      { ...good, vaults: [{ ...vault, held: 90n, claimable: 91n }] },
      ['INV-VAULT-1', 'INV-LEDGER-2', 'INV-FLOW-1', 'INV-RELEASE-1'],
    ],
    ['custody that is not the sum of its parts', { ...good, hub: [{ ...hub, balances: 61n }] }, ['INV-LEDGER-1']],
    [
      'custody without deposits behind it',
      { ...good, hub: [{ ...hub, custody: 80n, balances: 70n }] },
      ['INV-LEDGER-2', 'INV-FLOW-1', 'INV-JOURNAL-CHAIN'],
    ],
    ['a deposit that got lost on the way', { ...good, undelivered: [] }, ['INV-FLOW-1']],
    ['an asset the hub holds and no vault lists', { ...good, vaults: [] }, ['INV-FLOW-1']],
    [
      'a journal that does not balance',
      { ...good, journal: [...good.journal, { account: 'par', asset: 'cash', amount: 1n }] },
      ['INV-LEDGER-3'],
    ],
    ['a journal that misses an event', { ...good, journal: good.journal.slice(0, 2) }, ['INV-JOURNAL-CHAIN']],
  ];
  it.each(cases)('given %s, it names the invariant', (_, snapshot, expected) => {
    const found = reconcile(snapshot);
    expect([...new Set(found.map((m) => m.invariant))].sort()).toEqual([...expected].sort());
    for (const mismatch of found) expect(mismatch.subject.length * mismatch.expected.length * mismatch.actual.length).toBeGreaterThan(0);
  });

  it('given a loss that governance booked, the flow adds up again and the vault is still short', () => {
    const short: Snapshot = { ...good, vaults: [{ ...vault, deposited: 97n, held: 87n }], hub: [{ ...hub, lost: 3n }] };
    expect(reconcile(short).map((m) => m.invariant)).toEqual(['INV-LEDGER-2']);
  });
});
