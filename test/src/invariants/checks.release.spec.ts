import { accountId, chainId, eid, sequence, tokenAmount, type Entry } from '@lockstep/shared';
import { zeroAddress } from 'viem';
import { clientFor } from '../harness/anvil.js';
import type { HubChain, StackChain } from '../harness/stack.js';
import { checkCash, checkReleases, settledUnreceipted } from './checks.release.js';
import type { Observation, VaultAsset } from './observation.js';
import type { AnnulledOrder, AppliedReceipt, PayoutEffect, PayoutsObservation } from './payouts.js';
import { Findings } from './report.js';

const RECEIVER = '0x00000000000000000000000000000000000000Aa';
const HASH = `0x${'11'.repeat(32)}` as const;
const ASSET = 2;

const chain: StackChain = {
  ...{ name: 'spoke', eid: eid(40_002), chainId: chainId(31_002), client: clientFor('none', 31_002, 'http://127.0.0.1:1') },
  ...{ accessManager: zeroAddress, messenger: zeroAddress, vault: zeroAddress, lockstepDvn: zeroAddress, batchExecutor: zeroAddress },
  ...{ endpoint: zeroAddress, receiveUln: zeroAddress, layerzeroDvn: zeroAddress, assets: [], deployedAt: 0n },
};
const hub: HubChain = {
  ...{ ...chain, ledger: zeroAddress, gateway: zeroAddress, withdrawals: zeroAddress, delegates: zeroAddress },
  ...{ feeds: zeroAddress, markets: zeroAddress, sheets: zeroAddress, margin: zeroAddress, exchange: zeroAddress },
  ...{ collateralRules: zeroAddress, liquidation: zeroAddress, handover: zeroAddress, fund: zeroAddress, levy: zeroAddress },
  ...{ routes: zeroAddress, shortfalls: zeroAddress },
};

const order = (claim: bigint, amount: bigint): Entry => ({
  ...{ kind: 'Release', claim, account: accountId(HASH), asset: ASSET },
  ...{ amount: tokenAmount(amount), receiver: RECEIVER },
});
const outcome = (kind: 'paid' | 'claimable', claim: bigint, amount: bigint): PayoutEffect => ({
  ...{ kind, claim, receiver: RECEIVER, asset: ASSET, amount },
});

/** A network in which one spoke's vault has these orders, consumed all of them, and says this about each. */
function seen(
  entries: readonly Entry[],
  effects: readonly (readonly PayoutEffect[])[],
  {
    receipts = [],
    paid = 0n,
    claimable = 0n,
    annulled = [],
  }: { receipts?: AppliedReceipt[]; paid?: bigint; claimable?: bigint; annulled?: AnnulledOrder[] } = {},
): Observation {
  const log = entries.map((entry, i) => ({ sequence: BigInt(i + 1), bytes: HASH, entry, head: HASH }));
  const last = BigInt(log.length);
  const known = { consumed: last, verified: last, consumedHead: HASH, quarantined: false };
  const path = { outbox: { sequence: last, flushed: last, acknowledged: 0n, head: HASH }, log, foldedHeads: [] };
  const payouts: PayoutsObservation = {
    ...path,
    ...{ chain, inbox: known, verifiedHead: HASH, rebased: undefined, receipts, annulled },
    effects: new Map(effects.map((list, i) => [BigInt(i + 1), list] as const)),
  };
  const asset: VaultAsset = { index: ASSET, symbol: 'WETH', held: 0n, deposited: 0n, cancelled: 0n, paid, claimable };
  return {
    ...{ hub, hubBlock: 1n, cash: { total: 0n, queued: 0n, clearing: 0n, interest: 0n, spread: 0n }, inbound: [], credits: [] },
    sources: [{ chain, block: 1n, ...path, assets: [asset] }],
    payouts: [payouts],
  };
}

const violations = (o: Observation): string[] => {
  const findings = new Findings();
  checkReleases(o, findings);
  return findings.report().violations.map((v) => `${v.where}: ${v.found}`);
};

describe('given what a vault says about its orders', () => {
  it('when each was paid or made claimable once, and receipts say the same, it holds', () => {
    const effects = [[outcome('paid', 1n, 5n)], [outcome('claimable', 2n, 7n)]];
    const receipts = [{ first: 1n, count: 2, settled: 0b11n, paid: 0b01n }];
    expect(violations(seen([order(1n, 5n), order(2n, 7n)], effects, { receipts, paid: 5n, claimable: 7n }))).toEqual([]);
  });

  it('when an order was paid twice, it does not hold', () => {
    const twice = [outcome('paid', 1n, 5n), outcome('paid', 1n, 5n)];
    expect(violations(seen([order(1n, 5n)], [twice], { paid: 10n }))).toEqual(['order 1 to spoke: paid+paid']);
  });

  it('when more was claimed than was claimable, it does not hold', () => {
    const part = { kind: 'claimed', claim: 1n, asset: ASSET, amount: 3n } as const;
    const found = violations(seen([order(1n, 5n)], [[outcome('claimable', 1n, 5n), part, part]], { paid: 6n, claimable: -1n }));
    expect(found).toEqual(['order 1 to spoke: claimed 6']);
  });

  it('when an order was consumed and nothing happened, it does not hold', () => {
    expect(violations(seen([order(1n, 5n)], []))).toEqual(['order 1 to spoke: nothing happened']);
  });

  it('when a voided order was paid, it does not hold', () => {
    const found = violations(seen([order(1n, 5n), { kind: 'Void', target: sequence(1n) }], [[outcome('paid', 1n, 5n)]], { paid: 5n }));
    expect(found).toEqual(['order 1 to spoke: paid']);
  });

  it('when more was paid than ordered, it does not hold', () => {
    const found = violations(seen([order(1n, 5n)], [[outcome('paid', 1n, 6n)]], { paid: 6n }));
    expect(found).toEqual([`order 1 to spoke: claim 1, 6 to ${RECEIVER}`, 'spoke asset 2: released 6']);
  });

  it('when one claim was ordered twice, it does not hold', () => {
    const both = [[outcome('paid', 1n, 5n)], [outcome('paid', 1n, 5n)]];
    expect(violations(seen([order(1n, 5n), order(1n, 5n)], both, { paid: 10n }))).toEqual(['claim 1: orders 1, 2']);
  });

  it('when a receipt says paid of what is claimable, it does not hold', () => {
    const receipts = [{ first: 1n, count: 1, settled: 1n, paid: 1n }];
    const found = violations(seen([order(1n, 5n)], [[outcome('claimable', 1n, 5n)]], { receipts, claimable: 5n }));
    expect(found).toEqual(['receipts 1 … 1 of spoke: order 1 paid']);
  });

  it("when the vault's counters are not what its events say, it does not hold", () => {
    expect(violations(seen([order(1n, 5n)], [[outcome('paid', 1n, 5n)]], { paid: 4n }))).toEqual(['spoke WETH: paid 4, claimable 0']);
  });

  const taken = { kind: 'annulled', claim: 9n, asset: ASSET, amount: 7n } as const;

  it('when an order that the hub never gave waited until it was annulled, it holds, and its number may be given after that', () => {
    const annulled = [{ sequence: 1n, effects: [outcome('claimable', 9n, 7n), taken] }];
    const real = seen([order(1n, 5n)], [[outcome('paid', 1n, 5n)]], { annulled, paid: 5n });
    expect(violations(real)).toEqual([]);
    expect(settledUnreceipted(real.payouts[0]!, ASSET)).toBe(5n);
    expect(violations(seen([], [], { annulled, claimable: 7n }))).toEqual(['spoke WETH: paid 0, claimable 7']);
  });

  it('when an order that the hub never gave waits, it does not hold', () => {
    expect(violations(seen([], [[outcome('claimable', 9n, 7n)]], { claimable: 7n }))).toEqual(['spoke, sequence 1: a payout']);
  });

  it('when something left for an order that was annulled after that, it does not hold', () => {
    const part = { kind: 'claimed', claim: 9n, asset: ASSET, amount: 3n } as const;
    const annulled = [{ sequence: 1n, effects: [outcome('claimable', 9n, 10n), part, taken] }];
    const found = seen([], [], { annulled, paid: 3n });
    expect(violations(found)).toEqual(['spoke, annulled order 1: claimable+claimed+annulled']);
    expect(settledUnreceipted(found.payouts[0]!, ASSET)).toBe(3n);
  });

  it('when receipts cover some orders, the others are what is settled without a receipt', () => {
    const effects = [[outcome('paid', 1n, 5n)], [outcome('claimable', 2n, 7n)]];
    const receipts = [{ first: 1n, count: 1, settled: 1n, paid: 1n }];
    const [payouts] = seen([order(1n, 5n), order(2n, 7n)], effects, { receipts }).payouts;
    expect(settledUnreceipted(payouts!, ASSET)).toBe(7n);
  });
});

describe('given the pool behind cash', () => {
  const custody = { assetId: 1, decimals: 6, settlement: true, custody: 5n, balances: 0n, free: 5n, reserved: 0n, suspense: 0n, lost: 0n };
  const withCash = (total: bigint, queued: bigint, clearing = 0n, interest = 0n, spread = 0n): number => {
    const findings = new Findings();
    const known = { consumed: 0n, verified: 0n, consumedHead: HASH, quarantined: false };
    const inbound = { chain, inbox: known, verifiedHead: HASH, rebased: undefined, effects: new Map(), custody: new Map([[1, custody]]) };
    checkCash({ ...seen([], []), inbound: [inbound], cash: { total, queued, clearing, interest, spread } }, findings);
    return findings.report().violations.length;
  };

  it.each([
    [5n * 10n ** 12n, 0n, 0],
    [3n * 10n ** 12n, 2n * 10n ** 12n, 0],
    [5n * 10n ** 12n, 1n, 1],
    [5n * 10n ** 12n - 1n, 0n, 1],
  ])('when %s are cash and %s are queued, %s violations', (total, queued, expected) => {
    expect(withCash(total, queued)).toBe(expected);
  });

  it('when a part of the cash stands in positions and in interest, it counts', () => {
    expect(withCash(6n * 10n ** 12n, 0n, -3n * 10n ** 12n, 2n * 10n ** 12n)).toBe(0);
    expect(withCash(6n * 10n ** 12n, 0n, -3n * 10n ** 12n, 0n)).toBe(1);
  });

  it('when holders have not been charged with a loss yet, it is not owed to them', () => {
    expect(withCash(7n * 10n ** 12n, 0n, 0n, 0n, 2n * 10n ** 12n)).toBe(0);
    expect(withCash(7n * 10n ** 12n, 0n, 0n, 0n, 0n)).toBe(1);
  });
});
