import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { zeroHash } from 'viem';
import { postingsOf, type LedgerEvent, type Posting } from '../src/journal.js';
import { containmentOf, type Containment } from '../src/containment.js';
import { reconcile, type ReconciledInvariant, type Snapshot, type Unreceipted } from '../src/reconciliation.js';
import { accountId, cash, eid, toCash, tokenAmount } from '../src/units.js';

const alice = accountId(`0x${'aa'.repeat(32)}`);
const fund = accountId(`0x${'fd'.repeat(32)}`);
const DECIMALS = 6;
const token = { eid: eid(40002), asset: 1 };

/** `amount` of the receipt of a forged order that waits falls to nothing when a rebase annuls the order. */
type UpEntry = { readonly kind: 'deposit' | 'parking' | 'receipt' | 'forged-paid' | 'forged-claimable'; amount: bigint };
const isReceipt = ({ kind }: UpEntry): boolean => kind === 'receipt' || kind === 'forged-paid' || kind === 'forged-claimable';

/** One settlement token on one spoke, its vault, the hub's books and the two logs between them: the smallest true model of the flow. */
class Model {
  readonly #up: UpEntry[] = [];
  readonly #down: bigint[] = [];
  readonly #queue: bigint[] = [];
  readonly #claimables: bigint[] = [];
  readonly #parked: bigint[] = [];
  readonly #journal: Posting[] = [];
  #consumedUp = 0;
  #consumedDown = 0;
  readonly vault = { held: 0n, deposited: 0n, cancelled: 0n, paid: 0n, claimable: 0n };
  readonly #loss = { lost: 0n, corrected: 0n, writtenDown: 0n };
  #stolen = 0n;
  readonly hub = { free: 0n, reserved: 0n, suspense: 0n, cash: 0n, queued: 0n, clearing: 0n, interest: 0n, spread: 0n };

  deposit(amount: bigint, parks: boolean): void {
    this.vault.deposited += amount;
    this.vault.held += amount;
    this.#up.push({ kind: parks ? 'parking' : 'deposit', amount });
  }

  deliverToHub(): void {
    const entry = this.#up[this.#consumedUp];
    if (entry === undefined) return;
    this.#consumedUp += 1;
    const amount = tokenAmount(entry.amount);
    switch (entry.kind) {
      case 'deposit':
        this.hub.free += amount;
        this.hub.cash += toCash(amount, DECIMALS);
        return this.#book({
          kind: 'Credited',
          account: alice,
          token,
          amount,
          destination: { kind: 'cash', decimals: DECIMALS },
          fromSuspense: false,
        });
      case 'parking':
        this.hub.suspense += amount;
        this.#parked.push(amount);
        return this.#book({ kind: 'Parked', token, amount });
      case 'receipt':
        this.hub.reserved -= amount;
        return this.#book({ kind: 'Released', token, units: amount });
      case 'forged-paid':
      case 'forged-claimable': // exceeds what is reserved, or names no order: refused for good
        return;
    }
  }

  deliverAll(): void {
    while (this.#consumedUp < this.#up.length) this.deliverToHub();
  }

  request(share: bigint): void {
    const units = (this.hub.cash / toCash(tokenAmount(1n), DECIMALS) / 4n) * share;
    if (units <= 0n) return;
    const worth = toCash(tokenAmount(units), DECIMALS);
    this.hub.cash -= worth;
    this.hub.queued += worth;
    this.#queue.push(units);
    this.#book({ kind: 'CashQueued', account: alice, amount: worth });
  }

  cancel(): void {
    const units = this.#queue.pop();
    if (units === undefined) return;
    const worth = toCash(tokenAmount(units), DECIMALS);
    this.hub.queued -= worth;
    this.hub.cash += worth;
    this.#book({ kind: 'CashUnqueued', account: alice, amount: cash(worth) });
  }

  order(): void {
    const [units] = this.#queue;
    // Cash may come out of positions that others have not paid into yet: then a claim waits for liquidity.
    if (units === undefined || units > this.hub.free) return;
    this.#queue.shift();
    this.hub.queued -= toCash(tokenAmount(units), DECIMALS);
    this.hub.free -= units;
    this.hub.reserved += units;
    this.#down.push(units);
    this.#book({ kind: 'Reserved', account: alice, token, units: tokenAmount(units), from: { kind: 'cash', decimals: DECIMALS } });
  }

  /** Cash goes to an account out of positions, or back; part of it may not have been there. */
  position(change: bigint, account = alice): void {
    this.hub.cash += change;
    this.hub.clearing -= change;
    this.#book({ kind: 'CashChanged', account, change });
  }

  charge(amount: bigint): void {
    this.hub.cash -= amount;
    this.hub.interest += amount;
    this.#book({ kind: 'InterestCharged', account: alice, amount: cash(amount) });
  }

  collect(): void {
    const amount = this.hub.interest;
    if (amount === 0n) return;
    this.hub.interest = 0n;
    this.hub.cash += amount;
    this.#book({ kind: 'InterestCollected', account: fund, amount: cash(amount) });
  }

  /** The fund owes what nobody pays, and all cash bears it. */
  spreadLoss(amount: bigint): void {
    this.position(-amount, fund);
    this.hub.cash += amount;
    this.hub.spread += amount;
    this.#book({ kind: 'LossSpread', account: fund, amount: cash(amount) });
  }

  bearLoss(amount: bigint): void {
    this.hub.cash -= amount;
    this.hub.spread -= amount;
    this.#book({ kind: 'LossCharged', account: alice, amount: cash(amount) });
  }

  /** The vault is said to hold a part of what pooled settlement counts on; the fund bears the rest. */
  writeDown(quarters: bigint): void {
    const lost = this.hub.free - (this.hub.free * quarters) / 4n;
    const worth = toCash(tokenAmount(lost), DECIMALS);
    this.hub.free -= lost;
    this.hub.cash -= worth;
    this.vault.held -= lost;
    this.#loss.writtenDown += lost;
    this.#book({
      kind: 'AssetWrittenDown',
      token,
      balances: tokenAmount(0n),
      free: { units: tokenAmount(lost), decimals: DECIMALS },
      bearer: fund,
    });
  }

  sendHome(): void {
    const units = this.#parked.pop();
    if (units === undefined) return;
    this.hub.suspense -= units;
    this.hub.reserved += units;
    this.#down.push(units);
    this.#book({ kind: 'Reserved', account: accountId(zeroHash), token, units: tokenAmount(units), from: { kind: 'suspense' } });
  }

  deliverToVault(pays: boolean): void {
    const units = this.#down[this.#consumedDown];
    if (units === undefined) return;
    this.#consumedDown += 1;
    if (pays) {
      this.vault.paid += units;
      this.vault.held -= units;
    } else {
      this.vault.claimable += units;
      this.#claimables.push(units);
    }
    this.#up.push({ kind: 'receipt', amount: units });
  }

  claim(): void {
    const units = this.#claimables.pop();
    if (units === undefined) return;
    this.vault.claimable -= units;
    this.vault.paid += units;
    this.vault.held -= units;
  }

  returnClaim(): void {
    const units = this.#claimables.pop();
    if (units === undefined) return;
    this.vault.claimable -= units;
    this.vault.paid += units;
    this.vault.deposited += units;
    this.#up.push({ kind: 'deposit', amount: units });
  }

  /** The vault settles an order that the hub never gave. */
  forge(amount: bigint, pays: boolean): void {
    const { held, claimable } = this.vault;
    const most = held - claimable;
    const units = amount < most ? amount : most;
    if (units <= 0n) return;
    if (pays) {
      this.vault.paid += units;
      this.vault.held -= units;
      this.#stolen += units;
    } else this.vault.claimable += units;
    this.#up.push({ kind: pays ? 'forged-paid' : 'forged-claimable', amount: units });
  }

  /** A governed rebase: forged orders that wait are annulled, and what forged ones took is written off on the hub. */
  govern(): void {
    for (const entry of this.#up) {
      if (entry.kind !== 'forged-claimable') continue;
      this.vault.claimable -= entry.amount;
      entry.amount = 0n;
    }
    const stolen = this.#stolen;
    this.#stolen = 0n;
    const worth = toCash(tokenAmount(stolen), DECIMALS);
    if (this.hub.free < stolen || this.hub.cash < worth) {
      this.#loss.lost += stolen;
      return;
    }
    if (stolen === 0n) return;
    this.hub.free -= stolen;
    this.hub.cash -= worth;
    this.#loss.corrected -= stolen;
    const cashed = { amount: -stolen, decimals: DECIMALS };
    this.#book({ kind: 'Corrected', account: alice, token, balance: 0n, cash: cashed });
  }

  snapshot(): Snapshot {
    const { free, reserved, suspense } = this.hub;
    const inFlight = this.#up.slice(this.#consumedUp);
    const refused = this.#up.slice(0, this.#consumedUp).filter((e) => isReceipt(e) && e.kind !== 'receipt');
    const unreceipted = [
      ...inFlight.filter(isReceipt).map((e): Unreceipted => ({ token, amount: e.amount, why: 'undelivered' })),
      ...refused.map((e): Unreceipted => ({ token, amount: e.amount, why: 'refused' })),
    ];
    return {
      hub: [{ token, decimals: DECIMALS, custody: free + reserved + suspense, balances: 0n, free, reserved, suspense, ...this.#loss }],
      cash: {
        total: this.hub.cash,
        queued: this.hub.queued,
        clearing: this.hub.clearing,
        interest: this.hub.interest,
        spread: this.hub.spread,
      },
      positions: { sums: [], unreadable: [] },
      vaults: [{ token, ...this.vault }],
      releases: [
        {
          token,
          ordered: this.#down.slice(0, this.#consumedDown).reduce((a, b) => a + b, 0n),
          receipted: this.#up.reduce((sum, e) => (isReceipt(e) ? sum + e.amount : sum), 0n),
        },
      ],
      unreceipted,
      undelivered: inFlight.filter((e) => !isReceipt(e)).map(({ amount }) => ({ token, amount })),
      refused: [],
      journal: [...this.#journal],
    };
  }

  #book(event: LedgerEvent): void {
    this.#journal.push(...postingsOf(event));
  }
}

const step: fc.Arbitrary<(model: Model) => void> = fc.oneof(
  fc.tuple(fc.bigInt(1n, 10n ** 12n), fc.boolean()).map(
    ([amount, parks]) =>
      (m: Model) =>
        m.deposit(amount, parks),
  ),
  fc.bigInt(1n, 4n).map((share) => (m: Model) => m.request(share)),
  fc.boolean().map((pays) => (m: Model) => m.deliverToVault(pays)),
  fc.bigInt(-(10n ** 21n), 10n ** 21n).map((change) => (m: Model) => m.position(change)),
  fc.bigInt(1n, 10n ** 18n).map((amount) => (m: Model) => m.charge(amount)),
  fc.bigInt(1n, 10n ** 18n).map((amount) => (m: Model) => m.spreadLoss(amount)),
  fc.bigInt(1n, 10n ** 18n).map((amount) => (m: Model) => m.bearLoss(amount)),
  fc.constantFrom<((m: Model) => void)[]>(
    (m) => m.deliverToHub(),
    (m) => m.order(),
    (m) => m.cancel(),
    (m) => m.collect(),
    (m) => m.sendHome(),
    (m) => m.claim(),
    (m) => m.returnClaim(),
  ),
);
const history = fc.array(step, { minLength: 1, maxLength: 60 });
/** With vaults that lose tokens now and then, and say so. */
const lossy = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: step },
    fc.bigInt(0n, 3n).map((quarters) => (m: Model) => m.writeDown(quarters)),
  ),
  {
    minLength: 1,
    maxLength: 60,
  },
);
const after = (steps: readonly ((m: Model) => void)[]): Model => {
  const model = new Model();
  // Something to work with, so that most histories reach a payout.
  model.deposit(10n ** 9n, false);
  model.deliverToHub();
  for (const take of steps) take(model);
  return model;
};
const broken = (snapshot: Snapshot): ReconciledInvariant[] => [...new Set(reconcile(snapshot).map((m) => m.invariant))];

describe('reconciliation of withdrawals', () => {
  it('given any history of deposits, positions, interest, losses, write-downs, requests, orders, payouts, claims, returns and receipts, then every book agrees after each step', () => {
    fc.assert(
      fc.property(lossy, (steps) => {
        const model = new Model();
        expect(reconcile(model.snapshot())).toEqual([]);
        model.deposit(10n ** 9n, false);
        for (const take of steps) {
          take(model);
          expect(reconcile(model.snapshot())).toEqual([]);
        }
      }),
    );
  });

  it('INV-RELEASE-1: given any history, when a vault pays what nobody ordered, or one order twice, then it is found and the path is held', () => {
    fc.assert(
      fc.property(history, fc.bigInt(1n, 10n ** 9n), (steps, extra) => {
        const { vaults, ...rest } = after(steps).snapshot();
        const [vault] = vaults;
        if (vault === undefined) throw new Error('the model has a vault');
        const robbed: Snapshot = { ...rest, vaults: [{ ...vault, paid: vault.paid + extra, held: vault.held - extra }] };
        expect(broken(robbed)).toContain('INV-RELEASE-1');
        expect([...containmentOf(robbed, reconcile(robbed)).paths.keys()]).toEqual([token.eid]);
      }),
    );
  });

  it('INV-RELEASE-1: given a forged order in any history, then it is found and the path is held, until governance annulled it or wrote it off', () => {
    fc.assert(
      fc.property(history, fc.bigInt(1n, 10n ** 9n), fc.boolean(), history, (steps, amount, pays, later) => {
        const model = after(steps);
        if (model.vault.held <= model.vault.claimable) return;
        model.forge(amount, pays);
        const containment = (): Containment => containmentOf(model.snapshot(), reconcile(model.snapshot()));
        expect(broken(model.snapshot())).toContain('INV-RELEASE-1');
        expect([...containment().paths.keys()]).toEqual([token.eid]);
        model.deliverAll(); // what it says now, it says for ever: the hub refuses the receipt
        expect([...containment().paths.keys()]).toEqual([token.eid]);
        model.govern();
        expect(containment()).toEqual({ paths: new Map(), assets: [] });
        if (pays) return; // the vault may be short of what is lost, which later payouts would run into
        for (const take of later) {
          take(model);
          expect(reconcile(model.snapshot())).toEqual([]);
        }
      }),
    );
  });

  it('INV-RELEASE-1: given a receipt that the hub refused, then it is found', () => {
    const model = after([(m) => m.request(4n), (m) => m.order(), (m) => m.deliverToVault(true)]);
    const snapshot = model.snapshot();
    expect(snapshot.unreceipted).toHaveLength(1);
    const refused = snapshot.unreceipted.map((u): Unreceipted => ({ ...u, why: 'refused' }));
    expect(broken({ ...snapshot, unreceipted: refused })).toEqual(['INV-RELEASE-1']);
  });

  it('given a log that was closed before a receipt could be sent, then the books agree without it', () => {
    const snapshot = after([(m) => m.request(4n), (m) => m.order(), (m) => m.deliverToVault(true)]).snapshot();
    const unsent = snapshot.unreceipted.map((u): Unreceipted => ({ ...u, why: 'unsent' }));
    const releases = snapshot.releases.map((r) => ({ ...r, receipted: 0n }));
    expect(broken({ ...snapshot, unreceipted: unsent, releases })).toEqual([]);
    expect(broken({ ...snapshot, unreceipted: [], releases })).toEqual(['INV-LEDGER-2', 'INV-FLOW-1', 'INV-RELEASE-1']);
  });

  it.each<[string, ReconciledInvariant[], (s: Snapshot) => Snapshot]>([
    [
      'cash that nothing free stands behind',
      ['INV-CASH-1', 'INV-JOURNAL-CHAIN'],
      (s) => ({ ...s, cash: { ...s.cash, total: s.cash.total + 1n } }),
    ],
    ['queued cash that got lost', ['INV-CASH-1', 'INV-JOURNAL-CHAIN'], (s) => ({ ...s, cash: { ...s.cash, queued: s.cash.queued - 1n } })],
    [
      'cash that a position made of nothing',
      ['INV-CASH-1', 'INV-JOURNAL-CHAIN'],
      (s) => ({ ...s, cash: { ...s.cash, clearing: s.cash.clearing + 1n } }),
    ],
    [
      'interest that went nowhere',
      ['INV-CASH-1', 'INV-JOURNAL-CHAIN'],
      (s) => ({ ...s, cash: { ...s.cash, interest: s.cash.interest - 1n } }),
    ],
    [
      'units that the hub reserved twice',
      ['INV-LEDGER-1', 'INV-JOURNAL-CHAIN'],
      (s) => ({ ...s, hub: s.hub.map((h) => ({ ...h, reserved: h.reserved + 1n })) }),
    ],
    [
      'a receipt that was applied and never sent',
      ['INV-LEDGER-1', 'INV-FLOW-1', 'INV-JOURNAL-CHAIN'],
      (s) => ({ ...s, hub: s.hub.map((h) => ({ ...h, custody: h.custody - 1n })) }),
    ],
  ])('given %s, it names the invariant', (_, expected, tamper) => {
    const snapshot = after([
      (m) => m.position(-5n),
      (m) => m.charge(3n),
      (m) => m.request(2n),
      (m) => m.order(),
      (m) => m.request(1n),
    ]).snapshot();
    expect(broken(snapshot)).toEqual([]);
    expect(broken(tamper(snapshot))).toEqual(expected);
  });
});
