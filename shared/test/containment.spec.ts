import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BREACH_PERCENT, containmentOf } from '../src/containment.js';
import { reconcile, type Snapshot, type VaultBooks } from '../src/reconciliation.js';
import { eid } from '../src/units.js';

const SPOKE = eid(40002);
const OTHER = eid(40003);

/** A token of which everything deposited and not paid is credited, and of which the vault lost some. */
interface Token {
  readonly at: typeof SPOKE;
  readonly asset: number;
  readonly deposited: bigint;
  readonly paid: bigint;
  readonly claimable: bigint;
  readonly gone: bigint;
  readonly booked: bigint;
}

const plain: Token = { at: SPOKE, asset: 1, deposited: 1_000n, paid: 0n, claimable: 0n, gone: 0n, booked: 0n };

/** Books that agree but for what is gone; `booked` of it governance has written off as a loss. */
function snapshotOf(...tokens: readonly Token[]): Snapshot {
  const owed = (t: Token): bigint => t.deposited - t.paid;
  return {
    hub: tokens.map((t) => {
      const balances = owed(t) - t.claimable + t.booked;
      return {
        token: { eid: t.at, asset: t.asset },
        decimals: 6,
        custody: balances,
        balances,
        free: 0n,
        reserved: 0n,
        suspense: 0n,
        lost: t.booked,
        corrected: 0n,
        writtenDown: 0n,
      };
    }),
    cash: { total: 0n, queued: 0n, clearing: 0n, interest: 0n, spread: 0n },
    positions: { sums: [], unreadable: [] },
    vaults: tokens.map((t): VaultBooks => {
      const { deposited, paid, claimable } = t;
      return { token: { eid: t.at, asset: t.asset }, held: owed(t) - t.gone, deposited, cancelled: 0n, paid, claimable };
    }),
    releases: tokens.map((t) => ({ token: { eid: t.at, asset: t.asset }, ordered: t.paid + t.claimable, receipted: t.paid + t.claimable })),
    unreceipted: [],
    undelivered: [],
    refused: [],
    journal: [],
  };
}
const contained = (snapshot: Snapshot) => containmentOf(snapshot, reconcile(snapshot));
const frozen = (snapshot: Snapshot) => contained(snapshot).assets.map(({ token }) => [token.eid, token.asset]);
const held = (snapshot: Snapshot) => [...contained(snapshot).paths.keys()];

const token: fc.Arbitrary<Token> = fc
  .tuple(fc.constantFrom(SPOKE, OTHER), fc.bigInt(1n, 10n ** 30n), fc.array(fc.bigInt(0n, 1_000n), { minLength: 3, maxLength: 3 }))
  .map(([at, deposited, shares]) => {
    const [paidShare = 0n, claimableShare = 0n, goneShare = 0n] = shares;
    const paid = (deposited * paidShare) / 2_000n;
    const claimable = ((deposited - paid) * claimableShare) / 1_000n;
    return { ...plain, at, deposited, paid, claimable, gone: ((deposited - paid) * goneShare) / 1_000n };
  });
const tokens = fc.array(token, { minLength: 1, maxLength: 5 }).map((list) => list.map((t, i) => ({ ...t, asset: i + 1 })));

describe('containment', () => {
  it('given books that agree, it stops nothing', () => {
    fc.assert(
      fc.property(tokens, (list) => {
        const { paths, assets } = contained(snapshotOf(...list.map((t) => ({ ...t, gone: 0n }))));
        expect([paths.size, assets]).toEqual([0, []]);
      }),
    );
  });

  it('given one token that shrank a little, it freezes that token and holds no path', () => {
    const snapshot = snapshotOf({ ...plain, gone: 99n }, { ...plain, asset: 2 }, { ...plain, at: OTHER });
    expect(frozen(snapshot)).toEqual([[SPOKE, 1]]);
    expect(held(snapshot)).toEqual([]);
  });

  it('given a tenth of one token gone, or a little of two, it holds the paths of that chain and of no other', () => {
    expect(held(snapshotOf({ ...plain, gone: 100n }, { ...plain, at: OTHER }))).toEqual([SPOKE]);
    expect(held(snapshotOf({ ...plain, gone: 1n }, { ...plain, asset: 2, gone: 1n }, { ...plain, at: OTHER }))).toEqual([SPOKE]);
    expect(held(snapshotOf({ ...plain, gone: 1n }, { ...plain, at: OTHER, gone: 1n }))).toEqual([]);
  });

  it('given any loss, it freezes exactly the tokens that are short, and holds exactly the chains whose vault was robbed', () => {
    fc.assert(
      fc.property(tokens, (list) => {
        const snapshot = snapshotOf(...list);
        const short = list.filter(({ gone }) => gone > 0n);
        expect(frozen(snapshot)).toEqual(short.map(({ at, asset }) => [at, asset]));
        const robbed = [SPOKE, OTHER].filter((at) => {
          const mine = short.filter((t) => t.at === at);
          return mine.length > 1 || mine.some((t) => 100n * t.gone >= BREACH_PERCENT * (t.deposited - t.paid));
        });
        expect(held(snapshot).sort()).toEqual(robbed.sort());
      }),
    );
  });

  it('given a loss that governance booked, it stops nothing a second time', () => {
    const snapshot = snapshotOf({ ...plain, booked: 400n });
    expect(reconcile(snapshot).map((m) => m.invariant)).toContain('INV-LEDGER-2');
    expect([frozen(snapshot), held(snapshot)]).toEqual([[], []]);
  });

  it('given a vault that cannot pay what it promised, it freezes that token', () => {
    const snapshot = snapshotOf(plain);
    const vaults = snapshot.vaults.map((v) => ({ ...v, claimable: 1_001n }));
    expect(containmentOf({ vaults }, []).assets.map((a) => a.because)).toEqual([
      `chain ${SPOKE} asset 1: held by the vault is 1000; expected at least 1001`,
    ]);
  });

  it('given a deposit that got lost, it holds the paths of that chain and freezes nothing', () => {
    const snapshot = snapshotOf({ ...plain, asset: 2 }, plain);
    const hub = snapshot.hub.map((h, i) => (i === 0 ? { ...h, custody: 900n, balances: 900n } : h));
    expect([frozen({ ...snapshot, hub }), held({ ...snapshot, hub })]).toEqual([[], [SPOKE]]);
  });
});
