import { iCollateralVaultAbi, iGatewayAbi, iLedgerAbi, iMessengerAbi } from '@lockstep/contracts';
import { decodeCreditReceipt, decodeEntry, fold, genesisHead, leafOf, type CreditReceipt, type Entry } from '@lockstep/shared';
import { erc20Abi, zeroAddress, type Hex } from 'viem';
import type { HubChain, Stack, StackChain } from '../harness/stack.js';

/** An entry as the source chain's log has it, with the head that follows it. */
export interface LoggedEntry {
  readonly sequence: bigint;
  readonly bytes: Hex;
  readonly entry: Entry;
  readonly head: Hex;
}

/** What one chain shows at one block. */
export interface SpokeObservation {
  readonly chain: StackChain;
  readonly block: bigint;
  readonly outbox: { readonly sequence: bigint; readonly flushed: bigint; readonly acknowledged: bigint; readonly head: Hex };
  /** the log towards the hub, entry `n` at index `n − 1` */
  readonly log: readonly LoggedEntry[];
  /** folded here, from the events alone, not read: head at each sequence, genesis at 0 */
  readonly foldedHeads: readonly Hex[];
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

/** What ends a delivered entry. */
export type Effect = 'credited' | 'parked' | 'parked-credited' | 'refused' | 'unhandled' | 'voided';

/** What the hub shows at one block about one source chain. */
export interface InboundObservation {
  readonly chain: StackChain;
  readonly inbox: { readonly consumed: bigint; readonly verified: bigint; readonly consumedHead: Hex; readonly quarantined: boolean };
  readonly verifiedHead: Hex;
  /** where a governed rebase re-opened the path last; effects of entries above it count only after it */
  readonly rebased: { readonly sequence: bigint; readonly block: bigint; readonly head: Hex } | undefined;
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
}

/** A credit the hub booked. */
export interface CreditFact extends CreditReceipt {
  readonly account: Hex;
  readonly block: bigint;
}

/** One look at the whole network. The hub is read first, so that whatever it has consumed is in the sources' logs. */
export interface Observation {
  readonly hubBlock: bigint;
  readonly inbound: readonly InboundObservation[];
  readonly sources: readonly SpokeObservation[];
  readonly credits: readonly CreditFact[];
}

/** `AssetStanding.Settlement` of the ledger. */
const SETTLEMENT = 2;

/** Reads hub and sources at pinned blocks. */
export async function observe(stack: Stack): Promise<Observation> {
  const hub = await readHub(stack.hub, stack.chains);
  return { ...hub, sources: await Promise.all(stack.chains.map((chain) => observeSource(stack.hub, chain))) };
}

/** The hub read again; the sources as they were. */
export async function observeHub(hub: HubChain, before: Observation): Promise<Observation> {
  const now = await readHub(
    hub,
    before.sources.map((s) => s.chain),
  );
  return { ...now, sources: before.sources };
}

async function readHub(hub: HubChain, chains: readonly StackChain[]): Promise<Omit<Observation, 'sources'>> {
  const hubBlock = await hub.client.getBlockNumber({ cacheTime: 0 });
  const [credits, inbound] = await Promise.all([
    creditFacts(hub, hubBlock),
    Promise.all(chains.map((chain) => observeInbound(hub, chain, hubBlock))),
  ]);
  return { hubBlock, inbound: inbound.map((i) => withCredits(i, credits)), credits };
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
  const messenger = { address: hub.messenger, abi: iMessengerAbi } as const;
  const inbox = await hub.client.readContract({ ...messenger, functionName: 'inbox', args: [chain.eid], blockNumber });
  const verifiedHead = await hub.client.readContract({
    ...messenger,
    functionName: 'verifiedHead',
    args: [chain.eid, inbox.verified],
    blockNumber,
  });
  const range = { fromBlock: hub.deployedAt, toBlock: blockNumber, strict: true, args: { srcEid: chain.eid } } as const;
  const gateway = { address: hub.gateway, abi: iGatewayAbi } as const;
  const [rebases, voided, unhandled, parked, unparked, refused] = await Promise.all([
    hub.client.getContractEvents({ ...messenger, ...range, args: { eid: chain.eid }, eventName: 'PathRebased' }),
    hub.client.getContractEvents({ ...messenger, ...range, eventName: 'EntryVoided' }),
    hub.client.getContractEvents({ ...messenger, ...range, eventName: 'EntryUnhandled' }),
    hub.client.getContractEvents({ ...gateway, ...range, eventName: 'DepositParked' }),
    hub.client.getContractEvents({ ...gateway, ...range, eventName: 'ParkedCredited' }),
    hub.client.getContractEvents({ ...gateway, ...range, eventName: 'EntryRefused' }),
  ]);
  const last = rebases.at(-1);
  const rebased = last && { sequence: last.args.sequence, block: last.blockNumber, head: last.args.head };
  const effects = new Map<bigint, Effect[]>();
  const add = (effect: Effect, events: readonly { readonly args: { readonly sequence: bigint }; readonly blockNumber: bigint }[]): void => {
    for (const { args, blockNumber: at } of events)
      if (counts(rebased, args.sequence, at)) effects.set(args.sequence, [...(effects.get(args.sequence) ?? []), effect]);
  };
  add('voided', voided);
  add('unhandled', unhandled);
  add('parked', parked);
  add('parked-credited', unparked);
  add('refused', refused);
  return { chain, inbox, verifiedHead, rebased, effects, custody: await custodyOf(hub, chain, blockNumber) };
}

/** Every asset of that chain's vault as the hub has it, known to the hub's governance or not. */
async function custodyOf(hub: HubChain, chain: StackChain, blockNumber: bigint): Promise<Map<number, Custody>> {
  const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
  const count = await chain.client.readContract({ address: chain.vault, abi: iCollateralVaultAbi, functionName: 'assetCount' });
  const rows = await Promise.all(
    indexes(count).map(async (index) => {
      const assetId = await hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [chain.eid, index], blockNumber });
      if (assetId === 0) {
        const suspense = await hub.client.readContract({
          ...ledger,
          functionName: 'unlistedSuspense',
          args: [chain.eid, index],
          blockNumber,
        });
        return [
          index,
          { assetId, decimals: 0, settlement: false, custody: suspense, balances: 0n, free: 0n, reserved: 0n, suspense },
        ] as const;
      }
      const [config, custody] = await Promise.all([
        hub.client.readContract({ ...ledger, functionName: 'configOf', args: [assetId], blockNumber }),
        hub.client.readContract({ ...ledger, functionName: 'custodyOf', args: [assetId], blockNumber }),
      ]);
      return [index, { assetId, decimals: config.decimals, settlement: config.standing === SETTLEMENT, ...custody }] as const;
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
  const { client } = chain;
  const block = await client.getBlockNumber({ cacheTime: 0 });
  const messenger = { address: chain.messenger, abi: iMessengerAbi } as const;
  const [outbox, events, assets] = await Promise.all([
    client.readContract({ ...messenger, functionName: 'outbox', args: [hub.eid], blockNumber: block }),
    client.getContractEvents({
      ...messenger,
      eventName: 'EntryAppended',
      args: { dstEid: hub.eid },
      fromBlock: chain.deployedAt,
      toBlock: block,
      strict: true,
    }),
    vaultAssets(chain, block),
  ]);
  const log = events.map(({ args }) => ({ sequence: args.sequence, bytes: args.entry, entry: decodeEntry(args.entry), head: args.head }));
  const foldedHeads = [genesisHead({ srcEid: chain.eid, srcMessenger: chain.messenger, dstEid: hub.eid, dstMessenger: hub.messenger })];
  for (const { bytes } of log) foldedHeads.push(fold(foldedHeads.at(-1) ?? '0x', leafOf(bytes)));
  return { chain, block, outbox, log, foldedHeads, assets };
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
