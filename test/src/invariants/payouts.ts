import { iMessengerAbi, iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import type { Hex } from 'viem';
import type { HubChain, StackChain } from '../harness/stack.js';
import { observeInbox, observeLog, type InboxObservation, type LogObservation } from './path.js';

/** What a vault said about one order. */
export type PayoutEffect =
  | { readonly kind: 'paid' | 'claimable'; readonly claim: bigint; readonly receiver: Hex; readonly asset: number; readonly amount: bigint }
  | { readonly kind: 'claimed' | 'returned'; readonly claim: bigint; readonly asset: number; readonly amount: bigint }
  | { readonly kind: 'refused' }
  | { readonly kind: 'voided' };

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
  /** order's sequence → everything the vault said about it, in order */
  readonly effects: ReadonlyMap<bigint, readonly PayoutEffect[]>;
  readonly receipts: readonly AppliedReceipt[];
}

/** @param vaultBlock of the chain. @param hubBlock whose receipts count */
export async function observePayouts(hub: HubChain, chain: StackChain, vaultBlock: bigint, hubBlock: bigint): Promise<PayoutsObservation> {
  const [known, effects, receipts] = await Promise.all([
    observeInbox(chain, hub, vaultBlock),
    payoutEffects(hub, chain, vaultBlock),
    appliedReceipts(hub, chain, hubBlock),
  ]);
  const log = await observeLog(hub, chain, await hub.client.getBlockNumber({ cacheTime: 0 }));
  return { chain, ...known, ...log, effects, receipts };
}

async function payoutEffects(hub: HubChain, chain: StackChain, toBlock: bigint): Promise<Map<bigint, PayoutEffect[]>> {
  const range = { fromBlock: chain.deployedAt, toBlock, strict: true } as const;
  const vault = { address: chain.vault, abi: iPayoutsAbi, ...range } as const;
  const [voided, refused, paid, claimable, claimed, returned] = await Promise.all([
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
  ]);
  const effects = new Map<bigint, PayoutEffect[]>();
  const add = (sequence: bigint, effect: PayoutEffect): void => {
    effects.set(sequence, [...(effects.get(sequence) ?? []), effect]);
  };
  for (const { args } of voided) add(args.sequence, { kind: 'voided' });
  for (const { args } of refused) add(args.sequence, { kind: 'refused' });
  for (const { args } of paid) add(args.sequence, { kind: 'paid', ...args });
  for (const { args } of claimable) add(args.sequence, { kind: 'claimable', ...args });
  for (const { args } of claimed) add(args.sequence, { kind: 'claimed', ...args });
  for (const { args } of returned) add(args.sequence, { kind: 'returned', ...args });
  return effects;
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
