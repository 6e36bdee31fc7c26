import { describe, expect, it } from '@jest/globals';
import { zeroHash } from 'viem';
import { projectHubEvent, reserveSource, type HubHistory } from '../src/ledger-projection.js';
import { accountId, cash, eid, sequence, tokenAmount } from '../src/units.js';

const alice = accountId(`0x${'aa'.repeat(32)}`);
const bob = accountId(`0x${'bb'.repeat(32)}`);
const token = { eid: eid(40002), asset: 3 };
const place = { srcEid: eid(40002), sequence: sequence(5n) };

const history = (part: Partial<HubHistory> = {}): HubHistory => ({
  asset: (assetId) => (assetId === 7 ? { token, decimals: 6, settlement: true } : null),
  decimals: ({ asset }) => (asset === token.asset ? 6 : null),
  wasParked: () => false,
  deposit: () => null,
  balance: () => 0n,
  ...part,
});

describe('projectHubEvent', () => {
  it('given a credit, it names the token behind the asset id, and the decimals only for cash', () => {
    const credit = { kind: 'Credited', account: alice, ...place, assetId: 7, amount: tokenAmount(9n) } as const;
    expect(projectHubEvent({ ...credit, destination: 'idle' }, history())).toEqual({
      kind: 'book',
      event: { kind: 'Credited', account: alice, token, amount: 9n, destination: { kind: 'idle' }, fromSuspense: false },
    });
    expect(projectHubEvent({ ...credit, destination: 'cash' }, history({ wasParked: () => true }))).toMatchObject({
      event: { destination: { kind: 'cash', decimals: 6 }, fromSuspense: true },
    });
  });

  it('given an asset that was never configured, it refuses: events are missing', () => {
    expect(() => projectHubEvent({ kind: 'Transferred', from: alice, to: bob, assetId: 8, amount: tokenAmount(1n) }, history())).toThrow(
      'asset 8, which no event configured before',
    );
  });

  it('given a parked deposit, it waits for the log that says how much', () => {
    const parked = { kind: 'DepositParked', ...place, leaf: zeroHash, reason: 'InflowLimit' } as const;
    expect(projectHubEvent(parked, history())).toEqual({ kind: 'wait' });
    expect(projectHubEvent(parked, history({ deposit: () => ({ asset: 3, amount: tokenAmount(4n) }) }))).toEqual({
      kind: 'book',
      event: { kind: 'Parked', token, amount: 4n },
    });
  });

  it('given what moves no balance, it books nothing', () => {
    expect(projectHubEvent({ kind: 'ParkedCredited', ...place }, history())).toEqual({ kind: 'nothing' });
    expect(projectHubEvent({ kind: 'AssetConfigured', assetId: 7, token, decimals: 6, settlement: true }, history())).toEqual({
      kind: 'nothing',
    });
    expect(projectHubEvent({ kind: 'Transferred', from: alice, to: alice, assetId: 7, amount: tokenAmount(1n) }, history())).toEqual({
      kind: 'nothing',
    });
  });

  const correction = (account: typeof alice | null, booked: bigint) => ({ kind: 'Corrected', account, assetId: 7, booked }) as const;
  it.each<[string, bigint, bigint, { balance: bigint; cash: { amount: bigint; decimals: number } | null }]>([
    ['a negative one within the balance', -5n, 9n, { balance: -5n, cash: null }],
    ['a negative one beyond the balance', -5n, 2n, { balance: -2n, cash: { amount: -3n, decimals: 6 } }],
    ['a negative one without a balance', -5n, 0n, { balance: 0n, cash: { amount: -5n, decimals: 6 } }],
    ['a positive one of a settlement asset', 5n, 9n, { balance: 0n, cash: { amount: 5n, decimals: 6 } }],
  ])('given a correction, %s, it splits as the hub does', (_, booked, held, expected) => {
    const projection = projectHubEvent(correction(alice, booked), history({ balance: () => held }));
    expect(projection).toEqual({ kind: 'book', event: { kind: 'Corrected', account: alice, token, ...expected } });
  });

  it('given a correction of suspense, it is on suspense alone', () => {
    expect(projectHubEvent(correction(null, -5n), history())).toMatchObject({ event: { account: null, balance: -5n, cash: null } });
  });

  it('given tokens reserved for a claim or given back, it names where they come from or go to, and the decimals only for cash', () => {
    const moved = { account: alice, token, units: tokenAmount(4n) };
    for (const source of ['balance', 'suspense'] as const) {
      expect(projectHubEvent({ kind: 'Reserved', ...moved, source }, history())).toEqual({
        kind: 'book',
        event: { kind: 'Reserved', ...moved, from: { kind: source } },
      });
    }
    expect(projectHubEvent({ kind: 'Unreserved', ...moved, source: 'cash' }, history())).toEqual({
      kind: 'book',
      event: { kind: 'Unreserved', ...moved, to: { kind: 'cash', decimals: 6 } },
    });
    const unknown = { ...moved, token: { eid: eid(40002), asset: 9 } };
    expect(() => projectHubEvent({ kind: 'Reserved', ...unknown, source: 'cash' }, history())).toThrow(
      'asset 9 of 40002, which no event configured before',
    );
  });

  it('given queued cash, cash of positions, interest and receipts, it books them as they are, and nothing for nothing', () => {
    const queued = { kind: 'CashQueued', account: alice, amount: cash(5n) } as const;
    const released = { kind: 'Released', token, units: tokenAmount(5n) } as const;
    const changed = { kind: 'CashChanged', account: alice, change: -5n } as const;
    const charged = { kind: 'InterestCharged', account: alice, amount: cash(5n) } as const;
    const collected = { ...charged, kind: 'InterestCollected' } as const;
    const spread = { ...charged, kind: 'LossSpread' } as const;
    const borne = { ...charged, kind: 'LossCharged' } as const;
    for (const event of [queued, { ...queued, kind: 'CashUnqueued' } as const, released, changed, charged, collected, spread, borne])
      expect(projectHubEvent(event, history())).toEqual({ kind: 'book', event });
    expect(projectHubEvent({ ...changed, change: 0n }, history())).toEqual({ kind: 'nothing' });
    expect(projectHubEvent({ ...queued, amount: cash(0n) }, history())).toEqual({ kind: 'nothing' });
    expect(projectHubEvent({ ...released, units: tokenAmount(0n) }, history())).toEqual({ kind: 'nothing' });
    expect(projectHubEvent({ kind: 'Reserved', account: alice, token, units: tokenAmount(0n), source: 'balance' }, history())).toEqual({
      kind: 'nothing',
    });
  });

  it('given the number of a reserve source, it is named; given another, the error says what was expected', () => {
    expect([0, 1, 2].map(reserveSource)).toEqual(['balance', 'cash', 'suspense']);
    expect(() => reserveSource(3)).toThrow('reserve source is 3; expected 0 … 2');
  });
});
