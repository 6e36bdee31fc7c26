import { iMessengerAbi, iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import type { Hex } from 'viem';
import type { HubChain, StackChain } from '../harness/stack.js';
import { observeInbox, observeLog, type InboxObservation, type LogObservation } from './path.js';

/** What a vault said about one order. */
export type PayoutEffect =
  | { readonly kind: 'paid' | 'claimable'; readonly claim: bigint; readonly receiver: Hex; readonly asset: number; readonly amount: bigint }
  | { readonly kind: 'claimed' | 'returned' | 'annulled'; readonly claim: bigint; readonly asset: number; readonly amount: bigint }
  | { readonly kind: 'refused' }
  | { readonly kind: 'voided' };

/** An order that was forged, or of a branch that the hub forgot. */
export interface AnnulledOrder {
  readonly sequence: bigint;
  readonly effects: readonly PayoutEffect[];
}

/** What a receipt that the hub applied says of its orders. */
export interface AppliedReceipt {
  readonly first: bigint;
  readonly count: number;
  /** bit i: order first + i took effect */
  readonly settled: bigint;
  readonly paid: bigint;
}

/**
 * The hub's orders to one chain and what became of them. The vault is read first and the hub's log after it, so that whatever the vault
 * consumed is in the log; the receipts are those of the hub's earlier block, so that whatever they say has happened at the vault.
 */
export interface PayoutsObservation extends LogObservation, InboxObservation {
  readonly chain: StackChain;
  /** order's sequence → everything the vault said about it, in order; without what was annulled */
  readonly effects: ReadonlyMap<bigint, readonly PayoutEffect[]>;
  /** claimable orders that a governed rebase took back, because the hub never gave them, with everything the vault said about each */
  readonly annulled: readonly AnnulledOrder[];
  readonly receipts: readonly AppliedReceipt[];
}

/** @param vaultBlock of the chain. @param hubBlock whose receipts count */
export async function observePayouts(hub: HubChain, chain: StackChain, vaultBlock: bigint, hubBlock: bigint): Promise<PayoutsObservation> {
  const [known, { effects, annulled }, receipts] = await Promise.all([
    observeInbox(chain, hub, vaultBlock),
    payoutEffects(hub, chain, vaultBlock),
    appliedReceipts(hub, chain, hubBlock),
  ]);
  const log = await observeLog(hub, chain, await hub.client.getBlockNumber({ cacheTime: 0 }));
  return { chain, ...known, ...log, effects, annulled, receipts };
}

/** An order that waits under a number a second time is numbered `sequence + k · 2^48` by the vault. */
const AGAIN = 1n << 48n;

async function payoutEffects(hub: HubChain, chain: StackChain, toBlock: bigint): Promise<Pick<PayoutsObservation, 'effects' | 'annulled'>> {
  const range = { fromBlock: chain.deployedAt, toBlock, strict: true } as const;
  const vault = { address: chain.vault, abi: iPayoutsAbi, ...range } as const;
  const [voided, refused, paid, claimable, claimed, returned, taken] = await Promise.all([
    chain.client.getContractEvents({
      address: chain.messenger,
      abi: iMessengerAbi,
      eventName: 'EntryVoided',
      args: { srcEid: hub.eid },
      ...range,
    }),
    chain.client.getContractEvents({ ...vault, eventName: 'ReleaseRefused' }),
    chain.client.getContractEvents({ ...vault, eventName: 'Paid' }),
    chain.client.getContractEvents({ ...vault, eventName: 'MadeClaimable' }),
    chain.client.getContractEvents({ ...vault, eventName: 'Claimed' }),
    chain.client.getContractEvents({ ...vault, eventName: 'ClaimReturned' }),
    chain.client.getContractEvents({ ...vault, eventName: 'ClaimAnnulled' }),
  ]);
  const said: { readonly number: bigint; readonly effect: PayoutEffect; readonly blockNumber: bigint; readonly logIndex: number }[] = [
    ...voided.map((e) => ({ ...e, number: e.args.sequence, effect: { kind: 'voided' } as const })),
    ...refused.map((e) => ({ ...e, number: e.args.sequence, effect: { kind: 'refused' } as const })),
    ...paid.map((e) => ({ ...e, number: e.args.sequence, effect: { kind: 'paid', ...e.args } as const })),
    ...claimable.map((e) => ({ ...e, number: e.args.sequence, effect: { kind: 'claimable', ...e.args } as const })),
    ...claimed.map((e) => ({ ...e, number: e.args.sequence, effect: { kind: 'claimed', ...e.args } as const })),
    ...returned.map((e) => ({ ...e, number: e.args.sequence, effect: { kind: 'returned', ...e.args } as const })),
    ...taken.map((e) => ({ ...e, number: e.args.sequence, effect: { kind: 'annulled', ...e.args } as const })),
  ];
  said.sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex);
  const open = new Map<bigint, PayoutEffect[]>();
  const annulled: AnnulledOrder[] = [];
  for (const { number, effect } of said) {
    const known = [...(open.get(number) ?? []), effect];
    open.set(number, known);
    if (effect.kind !== 'annulled') continue;
    annulled.push({ sequence: number % AGAIN, effects: known });
    open.delete(number);
  }
  const effects = new Map<bigint, PayoutEffect[]>();
  for (const [number, list] of open) effects.set(number % AGAIN, [...(effects.get(number % AGAIN) ?? []), ...list]);
  return { effects, annulled };
}

async function appliedReceipts(hub: HubChain, chain: StackChain, toBlock: bigint): Promise<AppliedReceipt[]> {
  const events = await hub.client.getContractEvents({
    address: hub.withdrawals,
    abi: iWithdrawalsAbi,
    eventName: 'ReceiptsApplied',
    args: { srcEid: chain.eid },
    fromBlock: hub.deployedAt,
    toBlock,
    strict: true,
  });
  return events.map(({ args }) => ({ first: args.first, count: args.count, settled: args.settled, paid: args.paid }));
}

/** Sequences that a bitmap of a receipt names. */
export const sequencesIn = (first: bigint, bitmap: bigint): bigint[] =>
  Array.from({ length: 64 }, (_, i) => BigInt(i))
    .filter((i) => ((bitmap >> i) & 1n) === 1n)
    .map((i) => first + i);
