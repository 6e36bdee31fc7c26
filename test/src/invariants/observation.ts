import { iCollateralVaultAbi, iDelegatesAbi, iGatewayAbi, iLedgerAbi, iMessengerAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { decodeCreditReceipt, type CreditReceipt } from '@lockstep/shared';
import { erc20Abi, zeroAddress, type Hex } from 'viem';
import type { HubChain, Stack, StackChain } from '../harness/stack.js';
import { observeInbox, observeLog, type InboxObservation, type LogObservation } from './path.js';
import { observePayouts, type PayoutsObservation } from './payouts.js';

/** What one chain shows at one block, its log towards the hub included. */
export interface SpokeObservation extends LogObservation {
  readonly chain: StackChain;
  readonly block: bigint;
  readonly assets: readonly VaultAsset[];
}

/** A vault's books and purse for one asset, base units. */
export interface VaultAsset {
  readonly index: number;
  readonly symbol: string;
  readonly held: bigint;
  readonly deposited: bigint;
  readonly cancelled: bigint;
  readonly paid: bigint;
  readonly claimable: bigint;
}

/** What happens to a delivered entry on the hub. */
export type Effect =
  | 'credited'
  | 'parked'
  | 'parked-credited'
  | 'returned'
  | 'recorded'
  | 'processed'
  | 'expired'
  | 'receipted'
  | 'refused'
  | 'unhandled'
  | 'voided';

/** What the hub shows at one block about one source chain. */
export interface InboundObservation extends InboxObservation {
  readonly chain: StackChain;
  /** sequence → everything that happened to it, in order */
  readonly effects: ReadonlyMap<bigint, readonly Effect[]>;
  /** custody per asset index of that chain's vault */
  readonly custody: ReadonlyMap<number, Custody>;
}

export interface Custody {
  /** 0: the hub's governance does not know the asset; everything of it is in suspense */
  readonly assetId: number;
  readonly decimals: number;
  readonly settlement: boolean;
  readonly custody: bigint;
  readonly balances: bigint;
  readonly free: bigint;
  readonly reserved: bigint;
  readonly suspense: bigint;
  /** what was written down of it, base units: the vault booked it as deposited, and the hub knows that it is gone */
  readonly lost: bigint;
}

/** A credit the hub booked. */
export interface CreditFact extends CreditReceipt {
  readonly account: Hex;
  readonly block: bigint;
}

/** What the hub owes in cash, 18 decimals. */
export interface CashObservation {
  readonly total: bigint;
  /** claims on cash that are not ordered yet */
  readonly queued: bigint;
  /** stands in positions and expiries nobody settled yet, signed */
  readonly clearing: bigint;
  /** charged to debtors, not collected */
  readonly interest: bigint;
  /** losses of all cash that holders have not been charged with yet */
  readonly spread: bigint;
}

/** One look at the whole network. The hub is read first, so that whatever it has consumed is in the sources' logs. */
export interface Observation {
  readonly hub: HubChain;
  readonly hubBlock: bigint;
  readonly cash: CashObservation;
  readonly inbound: readonly InboundObservation[];
  readonly sources: readonly SpokeObservation[];
  readonly payouts: readonly PayoutsObservation[];
  readonly credits: readonly CreditFact[];
}

/** `AssetStanding.Settlement` of the ledger. */
const SETTLEMENT = 2;

/** Reads hub and sources at pinned blocks. */
export async function observe(stack: Stack): Promise<Observation> {
  const hub = await readHub(stack.hub, stack.chains);
  const sources = await Promise.all(stack.chains.map((chain) => observeSource(stack.hub, chain)));
  const payouts = await Promise.all(sources.map(({ chain, block }) => observePayouts(stack.hub, chain, block, hub.hubBlock)));
  return { ...hub, sources, payouts };
}

/** The hub read again; the rest as it was. */
export async function observeHub(hub: HubChain, before: Observation): Promise<Observation> {
  const now = await readHub(
    hub,
    before.sources.map((s) => s.chain),
  );
  return { ...before, ...now };
}

async function readHub(hub: HubChain, chains: readonly StackChain[]): Promise<Omit<Observation, 'sources' | 'payouts'>> {
  const hubBlock = await hub.client.getBlockNumber({ cacheTime: 0 });
  const ledger = { address: hub.ledger, abi: iLedgerAbi, blockNumber: hubBlock } as const;
  const [credits, inbound, total, queued, clearing, [, interest], [, spread]] = await Promise.all([
    creditFacts(hub, hubBlock),
    Promise.all(chains.map((chain) => observeInbound(hub, chain, hubBlock))),
    hub.client.readContract({ ...ledger, functionName: 'totalCash' }),
    hub.client.readContract({ ...ledger, functionName: 'queuedCash' }),
    hub.client.readContract({ ...ledger, functionName: 'clearing' }),
    hub.client.readContract({ ...ledger, functionName: 'interestOf' }),
    hub.client.readContract({ ...ledger, functionName: 'spreadOf' }),
  ]);
  return {
    hub,
    hubBlock,
    cash: { total, queued, clearing, interest, spread },
    inbound: inbound.map((i) => withCredits(i, credits)),
    credits,
  };
}

async function creditFacts(hub: HubChain, toBlock: bigint): Promise<CreditFact[]> {
  const events = await hub.client.getContractEvents({
    address: hub.ledger,
    abi: iLedgerAbi,
    eventName: 'Credited',
    fromBlock: hub.deployedAt,
    toBlock,
    strict: true,
  });
  return events.map(({ args, blockNumber }) => ({ account: args.account, block: blockNumber, ...decodeCreditReceipt(args.receipt) }));
}

async function observeInbound(hub: HubChain, chain: StackChain, blockNumber: bigint): Promise<InboundObservation> {
  const range = { fromBlock: hub.deployedAt, toBlock: blockNumber, strict: true, args: { srcEid: chain.eid } } as const;
  const messenger = { address: hub.messenger, abi: iMessengerAbi, ...range } as const;
  const gateway = { address: hub.gateway, abi: iGatewayAbi, ...range } as const;
  const withdrawals = { address: hub.withdrawals, abi: iWithdrawalsAbi, ...range } as const;
  const delegates = { address: hub.delegates, abi: iDelegatesAbi, ...range } as const;
  const known = await observeInbox(hub, chain, blockNumber);
  const named = await Promise.all([
    happened('voided', hub.client.getContractEvents({ ...messenger, eventName: 'EntryVoided' })),
    happened('unhandled', hub.client.getContractEvents({ ...messenger, eventName: 'EntryUnhandled' })),
    happened('parked', hub.client.getContractEvents({ ...gateway, eventName: 'DepositParked' })),
    happened('parked-credited', hub.client.getContractEvents({ ...gateway, eventName: 'ParkedCredited' })),
    happened('returned', hub.client.getContractEvents({ ...gateway, eventName: 'DepositReturned' })),
    happened('refused', hub.client.getContractEvents({ ...gateway, eventName: 'EntryRefused' })),
    happened('recorded', hub.client.getContractEvents({ ...withdrawals, eventName: 'RequestRecorded' })),
    happened('processed', hub.client.getContractEvents({ ...withdrawals, eventName: 'RequestProcessed' })),
    happened('expired', hub.client.getContractEvents({ ...withdrawals, eventName: 'RequestExpired' })),
    happened('receipted', hub.client.getContractEvents({ ...withdrawals, eventName: 'ReceiptsApplied' })),
    happened('refused', hub.client.getContractEvents({ ...withdrawals, eventName: 'EntryRefused' })),
    happened('refused', hub.client.getContractEvents({ ...delegates, eventName: 'EntryRefused' })),
  ]);
  const effects = new Map<bigint, Effect[]>();
  for (const { effect, sequence, block } of named.flat())
    if (counts(known.rebased, sequence, block)) effects.set(sequence, [...(effects.get(sequence) ?? []), effect]);
  return { chain, ...known, effects, custody: await custodyOf(hub, chain, blockNumber) };
}

interface Happened {
  readonly effect: Effect;
  readonly sequence: bigint;
  readonly block: bigint;
}

async function happened(
  effect: Effect,
  events: Promise<readonly { readonly args: { readonly sequence: bigint }; readonly blockNumber: bigint }[]>,
): Promise<Happened[]> {
  return (await events).map(({ args, blockNumber }) => ({ effect, sequence: args.sequence, block: blockNumber }));
}

/** Every asset of that chain's vault as the hub has it, known to the hub's governance or not. */
async function custodyOf(hub: HubChain, chain: StackChain, blockNumber: bigint): Promise<Map<number, Custody>> {
  const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
  const count = await chain.client.readContract({ address: chain.vault, abi: iCollateralVaultAbi, functionName: 'assetCount' });
  const range = { fromBlock: hub.deployedAt, toBlock: blockNumber, strict: true } as const;
  const writtenDown = await hub.client.getContractEvents({ ...ledger, ...range, eventName: 'AssetWrittenDown' });
  const lostOf = (index: number): bigint =>
    writtenDown
      .filter(({ args }) => args.eid === chain.eid && args.asset === index)
      .reduce((sum, { args }) => sum + args.balances + args.free, 0n);
  const rows = await Promise.all(
    indexes(count).map(async (index) => {
      const assetId = await hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [chain.eid, index], blockNumber });
      if (assetId === 0) {
        const at = { ...ledger, args: [chain.eid, index], blockNumber } as const;
        const [suspense, [reserved]] = await Promise.all([
          hub.client.readContract({ ...at, functionName: 'unlistedSuspense' }),
          hub.client.readContract({ ...at, functionName: 'liquidityOf' }),
        ]);
        const none = { assetId, decimals: 0, settlement: false, balances: 0n, free: 0n, lost: 0n };
        return [index, { ...none, custody: reserved + suspense, reserved, suspense }] as const;
      }
      const [config, custody] = await Promise.all([
        hub.client.readContract({ ...ledger, functionName: 'configOf', args: [assetId], blockNumber }),
        hub.client.readContract({ ...ledger, functionName: 'custodyOf', args: [assetId], blockNumber }),
      ]);
      return [
        index,
        { assetId, decimals: config.decimals, settlement: config.standing === SETTLEMENT, ...custody, lost: lostOf(index) },
      ] as const;
    }),
  );
  return new Map(rows);
}

/** A vault counts its assets from 1. */
const indexes = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

function withCredits(inbound: InboundObservation, credits: readonly CreditFact[]): InboundObservation {
  const effects = new Map<bigint, readonly Effect[]>(inbound.effects);
  for (const c of credits)
    if (c.srcEid === inbound.chain.eid && counts(inbound.rebased, c.sequence, c.block))
      effects.set(c.sequence, [...(effects.get(c.sequence) ?? []), 'credited']);
  return { ...inbound, effects };
}

/** An effect on the branch that a rebase gave up was corrected there; only what came after it belongs to the present log. */
function counts(rebased: InboundObservation['rebased'], sequence: bigint, block: bigint): boolean {
  return rebased === undefined || sequence <= rebased.sequence || block > rebased.block;
}

async function observeSource(hub: HubChain, chain: StackChain): Promise<SpokeObservation> {
  const block = await chain.client.getBlockNumber({ cacheTime: 0 });
  const [log, assets] = await Promise.all([observeLog(chain, hub, block), vaultAssets(chain, block)]);
  return { chain, block, ...log, assets };
}

async function vaultAssets(chain: StackChain, blockNumber: bigint): Promise<VaultAsset[]> {
  const { client, vault } = chain;
  const books = { address: vault, abi: iCollateralVaultAbi, blockNumber } as const;
  const count = await client.readContract({ ...books, functionName: 'assetCount' });
  return Promise.all(
    indexes(count).map(async (index) => {
      const { token, deposited, cancelled, paid, claimable } = await client.readContract({
        ...books,
        functionName: 'assetOf',
        args: [index],
      });
      const held =
        token === zeroAddress
          ? await client.getBalance({ address: vault, blockNumber })
          : await client.readContract({ address: token, abi: erc20Abi, functionName: 'balanceOf', args: [vault], blockNumber });
      const symbol = chain.assets.find((a) => a.index === index)?.symbol ?? `asset ${index}`;
      return { index, symbol, held, deposited, cancelled, paid, claimable };
    }),
  );
}
