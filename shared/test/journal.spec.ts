import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { zeroHash } from 'viem';
import { balancesOf, imbalances, journalHash, postingsOf, tokenJournalAsset, type JournalEntry, type LedgerEvent } from '../src/journal.js';
import { accountId, cash, eid, tokenAmount } from '../src/units.js';

const alice = accountId(`0x${'aa'.repeat(32)}`);
const bob = accountId(`0x${'bb'.repeat(32)}`);
const token = { eid: eid(40002), asset: 1 };

const amounts = fc.bigInt(1n, 2n ** 100n).map(tokenAmount);
const destination = fc.oneof(
  fc.constant({ kind: 'collateral' } as const),
  fc.constant({ kind: 'idle' } as const),
  fc.integer({ min: 0, max: 18 }).map((decimals) => ({ kind: 'cash', decimals }) as const),
);
const reserveSource = fc.oneof(
  fc.constant({ kind: 'balance' } as const),
  fc.constant({ kind: 'suspense' } as const),
  fc.integer({ min: 0, max: 18 }).map((decimals) => ({ kind: 'cash', decimals }) as const),
);
const claim = { account: fc.constantFrom(alice, bob), token: fc.constant(token), units: amounts };
const ledgerEvent: fc.Arbitrary<LedgerEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('Credited' as const),
    account: fc.constantFrom(alice, bob),
    token: fc.constant(token),
    amount: amounts,
    destination,
    fromSuspense: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('Parked' as const), token: fc.constant(token), amount: amounts }),
  fc.record({
    kind: fc.constant('Transferred' as const),
    from: fc.constant(alice),
    to: fc.constant(bob),
    token: fc.constant(token),
    amount: amounts,
  }),
  fc.record({
    kind: fc.constant('CashTransferred' as const),
    from: fc.constant(alice),
    to: fc.constant(bob),
    amount: fc.bigInt(1n, 2n ** 100n).map(cash),
  }),
  fc.record({ kind: fc.constant('Reserved' as const), ...claim, from: reserveSource }),
  fc.record({ kind: fc.constant('Unreserved' as const), ...claim, to: reserveSource }),
  fc.record({
    kind: fc.constantFrom('CashQueued' as const, 'CashUnqueued' as const),
    account: fc.constantFrom(alice, bob),
    amount: fc.bigInt(1n, 2n ** 100n).map(cash),
  }),
  fc.record({ kind: fc.constantFrom('Released' as const, 'Reinstated' as const), token: fc.constant(token), units: amounts }),
  fc.record({
    kind: fc.constant('Corrected' as const),
    account: fc.constantFrom(null, alice),
    token: fc.constant(token),
    balance: fc.bigInt(-(2n ** 100n), 2n ** 100n),
    cash: fc.option(fc.record({ amount: fc.bigInt(-(2n ** 100n), 2n ** 100n), decimals: fc.integer({ min: 0, max: 18 }) })),
  }),
);

describe('postingsOf', () => {
  it('INV-LEDGER-3: every event sums to zero per asset', () => {
    fc.assert(fc.property(ledgerEvent, (event) => expect(imbalances(postingsOf(event)).size).toBe(0)));
  });

  it('given a settlement deposit of 6 decimals, it becomes cash of 18 at par, and free stands behind it', () => {
    const balances = balancesOf(
      postingsOf({
        kind: 'Credited',
        account: alice,
        token,
        amount: tokenAmount(5_000_000n),
        destination: { kind: 'cash', decimals: 6 },
        fromSuspense: false,
      }),
    );
    expect(Object.fromEntries(balances)).toEqual({
      'custody|token:40002:1': 5_000_000n,
      'free|token:40002:1': -5_000_000n,
      'par|cash': 5n * 10n ** 18n,
      [`cash:${alice}|cash`]: -5n * 10n ** 18n,
    });
  });

  it('given a parked deposit that is credited later, suspense ends at zero and custody counts it once', () => {
    const amount = tokenAmount(7n);
    const postings = [
      ...postingsOf({ kind: 'Parked', token, amount }),
      ...postingsOf({ kind: 'Credited', account: alice, token, amount, destination: { kind: 'collateral' }, fromSuspense: true }),
    ];
    expect(Object.fromEntries(balancesOf(postings))).toEqual({ 'custody|token:40002:1': 7n, [`balance:${alice}|token:40002:1`]: -7n });
  });
});

describe('postings of positions and interest', () => {
  const booked = (...events: LedgerEvent[]) => Object.fromEntries(balancesOf(events.flatMap(postingsOf)));

  it('given a premium that goes from one account to another, clearing is as before', () => {
    const events: LedgerEvent[] = [
      { kind: 'CashChanged', account: alice, change: -7n },
      { kind: 'CashChanged', account: bob, change: 7n },
    ];
    expect(booked(...events)).toEqual({ [`cash:${alice}|cash`]: 7n, [`cash:${bob}|cash`]: -7n });
  });

  it('given interest that is charged and collected, it went from the debtor to the fund', () => {
    const charged: LedgerEvent = { kind: 'InterestCharged', account: alice, amount: cash(3n) };
    expect(booked(charged)).toEqual({ [`cash:${alice}|cash`]: 3n, 'interest|cash': -3n });
    const collected: LedgerEvent = { kind: 'InterestCollected', account: bob, amount: cash(3n) };
    expect(booked(charged, collected)).toEqual({ [`cash:${alice}|cash`]: 3n, [`cash:${bob}|cash`]: -3n });
  });
});

describe('postings of losses', () => {
  const booked = (...events: LedgerEvent[]) => Object.fromEntries(balancesOf(events.flatMap(postingsOf)));

  it('given a loss of all cash, it waits until holders have borne it, and the debt it covers is gone', () => {
    const owed: LedgerEvent = { kind: 'CashChanged', account: bob, change: -7n };
    const spread: LedgerEvent = { kind: 'LossSpread', account: bob, amount: cash(7n) };
    expect(booked(owed, spread)).toEqual({ 'clearing|cash': -7n, 'spread|cash': 7n });
    const charged: LedgerEvent = { kind: 'LossCharged', account: alice, amount: cash(8n) };
    expect(booked(owed, spread, charged)).toEqual({ 'clearing|cash': -7n, [`cash:${alice}|cash`]: 8n, 'spread|cash': -1n });
  });

  it('given a vault that lost tokens, custody falls at once, the cash of one account at par, and balances as they are settled', () => {
    const lost: LedgerEvent = {
      kind: 'AssetWrittenDown',
      token,
      balances: tokenAmount(5n),
      free: { units: tokenAmount(3n), decimals: 6 },
      bearer: bob,
    };
    const asset = tokenJournalAsset(token);
    expect(booked(lost)).toEqual({
      [`custody|${asset}`]: -8n,
      [`written-down|${asset}`]: 5n,
      [`free|${asset}`]: 3n,
      'par|cash': -3n * 10n ** 12n,
      [`cash:${bob}|cash`]: 3n * 10n ** 12n,
    });
    expect(imbalances(postingsOf(lost)).size).toBe(0);
    const settled: LedgerEvent = { kind: 'BalanceWrittenDown', account: alice, token, lost: tokenAmount(5n) };
    expect(booked(lost, settled)).toMatchObject({ [`balance:${alice}|${asset}`]: 5n });
    expect(booked(lost, settled)).not.toHaveProperty(`written-down|${asset}`);
  });
});

describe('postings of a withdrawal', () => {
  const units = tokenAmount(3_000_000n);
  const worth = cash(3n * 10n ** 18n);
  const deposit: LedgerEvent = {
    kind: 'Credited',
    account: alice,
    token,
    amount: tokenAmount(5_000_000n),
    destination: { kind: 'cash', decimals: 6 },
    fromSuspense: false,
  };
  const from = { kind: 'cash', decimals: 6 } as const;
  const booked = (...events: LedgerEvent[]) => Object.fromEntries(balancesOf(events.flatMap(postingsOf)));

  it('given cash that is queued, ordered and receipted, custody, free and cash fall by it and nothing is left between', () => {
    const queued: LedgerEvent = { kind: 'CashQueued', account: alice, amount: worth };
    expect(booked(deposit, queued)).toMatchObject({ [`cash:${alice}|cash`]: -2n * 10n ** 18n, 'queued|cash': -worth });
    const ordered: LedgerEvent = { kind: 'Reserved', account: alice, token, units, from };
    expect(booked(deposit, queued, ordered)).toEqual({
      'custody|token:40002:1': 5_000_000n,
      'free|token:40002:1': -2_000_000n,
      'reserved|token:40002:1': -units,
      'par|cash': 2n * 10n ** 18n,
      [`cash:${alice}|cash`]: -2n * 10n ** 18n,
    });
    expect(booked(deposit, queued, ordered, { kind: 'Released', token, units })).toEqual({
      'custody|token:40002:1': 2_000_000n,
      'free|token:40002:1': -2_000_000n,
      'par|cash': 2n * 10n ** 18n,
      [`cash:${alice}|cash`]: -2n * 10n ** 18n,
    });
  });

  it('given a claim that is cancelled, queued or ordered, every account is as before', () => {
    const before = booked(deposit);
    const queued: LedgerEvent = { kind: 'CashQueued', account: alice, amount: worth };
    expect(booked(deposit, queued, { kind: 'CashUnqueued', account: alice, amount: worth })).toEqual(before);
    expect(
      booked(
        deposit,
        queued,
        { kind: 'Reserved', account: alice, token, units, from },
        { kind: 'Unreserved', account: alice, token, units, to: from },
      ),
    ).toEqual(before);
  });

  it('given any source, when units are reserved and given back to a balance or to suspense, every account is as before', () => {
    fc.assert(
      fc.property(amounts, fc.constantFrom({ kind: 'balance' } as const, { kind: 'suspense' } as const), (amount, source) => {
        const events: LedgerEvent[] = [
          { kind: 'Reserved', account: alice, token, units: amount, from: source },
          { kind: 'Unreserved', account: alice, token, units: amount, to: source },
        ];
        expect(booked(...events)).toEqual({});
      }),
    );
  });

  it('given a receipt that a rebase takes back, custody and reserved are as before it', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        expect(booked({ kind: 'Released', token, units: amount }, { kind: 'Reinstated', token, units: amount })).toEqual({});
      }),
    );
  });

  it('given a parked deposit that goes home, suspense and custody end at zero', () => {
    expect(
      booked(
        { kind: 'Parked', token, amount: units },
        { kind: 'Reserved', account: accountId(zeroHash), token, units, from: { kind: 'suspense' } },
        { kind: 'Released', token, units },
      ),
    ).toEqual({});
  });
});

describe('journalHash', () => {
  const entry = (logIndex: number, amount: bigint): JournalEntry => ({
    eid: eid(40001),
    block: 9n,
    blockHash: zeroHash,
    logIndex,
    kind: 'Parked',
    postings: postingsOf({ kind: 'Parked', token, amount: tokenAmount(amount) }),
  });
  it('INV-LEDGER-4: the order of recording does not matter, any content does', () => {
    expect(journalHash([entry(1, 5n), entry(0, 3n)])).toBe(journalHash([entry(0, 3n), entry(1, 5n)]));
    expect(journalHash([entry(0, 3n)])).not.toBe(journalHash([entry(0, 4n)]));
    expect(journalHash([entry(0, 3n)])).not.toBe(journalHash([entry(1, 3n)]));
    expect(journalHash([])).not.toBe(journalHash([entry(0, 3n)]));
  });
});
