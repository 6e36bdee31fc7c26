import { iFundAbi, iHandoverAbi, iLedgerAbi, iLevyAbi, iMarginAbi, iMarketsAbi, liquidationAbi } from '@lockstep/contracts';
import { decodeFunctionResult, encodeFunctionData, isAddressEqual, pad, type Address, type Hex } from 'viem';
import { z } from 'zod/v4';
import type { HubChain } from '../harness/stack.js';
import type { Observation } from './observation.js';
import { checkReceipts, checkRoutes, type Range } from './receipts.js';
import type { Findings } from './report.js';

/** Losses of accounts without positions are booked on a market of this number. */
const NO_MARKET = 0;

/**
 * INV-LIQ-1, INV-LIQ-2 and INV-LIQ-3 from outside. An account's figures just before and just after a transaction are asked of Margin on the
 * storage that the node's trace of it shows, so nothing here is what the auction says of itself.
 */
export async function checkLiquidations(hub: HubChain, o: Observation, findings: Findings): Promise<void> {
  const range = { fromBlock: hub.deployedAt, toBlock: o.hubBlock, strict: true } as const;
  await checkStartsAndBids(hub, range, findings);
  await checkPayouts(hub, range, findings);
  await checkDeficits(hub, o, range, findings);
  await checkRecords(hub, range, findings);
  await checkRoutes(hub, range, findings);
  await checkReceipts(hub, range, findings);
}

/** INV-LIQ-1: none starts, and no bid is taken, at or above maintenance margin. INV-LIQ-2: a bid raises the health of a solvent account. */
async function checkStartsAndBids(hub: HubChain, range: Range, findings: Findings): Promise<void> {
  const liquidation = { address: hub.liquidation, abi: liquidationAbi } as const;
  const [started, bids, paid, reports, count] = await Promise.all([
    hub.client.getContractEvents({ ...liquidation, ...range, eventName: 'AuctionStarted' }),
    hub.client.getContractEvents({ ...liquidation, ...range, eventName: 'BidTaken' }),
    hub.client.getContractEvents({ ...liquidation, ...range, eventName: 'InsolventPaid' }),
    hub.client.getLogs({ address: hub.feeds, fromBlock: range.fromBlock, toBlock: range.toBlock }),
    hub.client.readContract({ ...liquidation, functionName: 'auctionCount', blockNumber: range.toBlock }),
  ]);
  findings.expect('INV-LIQ-1', BigInt(started.length) === count, 'hub', () => `${started.length} auctions started`, `${count}`);
  // A transaction that brought prices of its own was decided by these, not by those before it.
  const repriced = new Set(reports.map(({ transactionHash }) => transactionHash));
  for (const { args, transactionHash, blockNumber } of started) {
    const where = `start of auction ${args.id}`;
    const found = (): string => `equity ${args.equity}, maintenance margin ${args.maintenanceMargin}`;
    findings.expect('INV-LIQ-1', args.equity < args.maintenanceMargin, where, found, 'equity below it');
    await checkBelow(hub, args.account, { transactionHash, blockNumber, repriced: repriced.has(transactionHash) }, where, findings);
  }
  const insolvent = new Set(paid.map(({ transactionHash }) => transactionHash));
  for (const { args, transactionHash, blockNumber } of bids) {
    const where = `bid of ${args.bidder} in auction ${args.id}`;
    const { before, after } = await checkBelow(
      hub,
      args.account,
      { transactionHash, blockNumber, repriced: repriced.has(transactionHash) },
      where,
      findings,
    );
    if (insolvent.has(transactionHash)) continue;
    findings.expect('INV-LIQ-2', after >= before, where, () => `equity less maintenance margin ${after}`, `at least ${before}`);
  }
}

/** A transaction that started an auction or took a bid. */
interface Decided {
  readonly transactionHash: Hex;
  readonly blockNumber: bigint;
  /** it handed prices in */
  readonly repriced: boolean;
}

/** Everything as it was before a transaction, but for the prices that it handed in. */
function withPrices({ feeds }: HubChain, pre: Storage, post: Storage): Storage {
  const isFeeds = (address: Address): boolean => isAddressEqual(address, feeds);
  return new Map([...[...pre].filter(([address]) => !isFeeds(address)), ...[...post].filter(([address]) => isFeeds(address))]);
}

/** @returns what an account had above maintenance margin before and after a transaction */
async function checkBelow(hub: HubChain, account: Hex, at: Decided, where: string, findings: Findings) {
  const { pre, post } = await storageAround(hub, at.transactionHash);
  const spareAt = async (storage: Storage): Promise<bigint> => {
    const call = { abi: iMarginAbi, functionName: 'riskOf' } as const;
    const stateOverride = [...storage].map(([address, slots]) => ({
      address,
      stateDiff: [...slots].map(([slot, value]) => ({ slot, value })),
    }));
    const data = encodeFunctionData({ ...call, args: [account] });
    const answer = await hub.client.call({ to: hub.margin, data, blockNumber: at.blockNumber, stateOverride });
    const { equity, maintenanceMargin } = decodeFunctionResult({ ...call, data: answer.data ?? '0x' });
    return equity - maintenanceMargin;
  };
  const start = at.repriced ? withPrices(hub, pre, post) : pre;
  const [before, after] = [await spareAt(start), await spareAt(post)];
  findings.expect('INV-LIQ-1', before < 0n, where, () => `equity less maintenance margin ${before}`, 'below 0');
  return { before, after };
}

type Storage = ReadonlyMap<Address, ReadonlyMap<Hex, Hex>>;

const traced = z.record(z.string(), z.object({ storage: z.record(z.string(), z.string()).optional() }));
const changed = z.object({ pre: traced, post: traced });
const ZERO = pad('0x', { size: 32 });

/** Every storage slot that a transaction touched, as it was before it and after it. */
async function storageAround(hub: HubChain, transaction: Hex): Promise<{ readonly pre: Storage; readonly post: Storage }> {
  const trace = (diffMode: boolean): Promise<unknown> =>
    hub.client.request<{ Method: 'debug_traceTransaction'; Parameters: [Hex, object]; ReturnType: unknown }>({
      method: 'debug_traceTransaction',
      params: [transaction, { tracer: 'prestateTracer', tracerConfig: { diffMode } }],
    });
  const pre = slotsOf(traced.parse(await trace(false)));
  const difference = changed.parse(await trace(true));
  const [gone, come] = [slotsOf(difference.pre), slotsOf(difference.post)];
  const post = new Map([...pre].map(([address, slots]) => [address, new Map(slots)]));
  for (const [address, slots] of [...gone, ...come]) {
    const own = post.get(address) ?? new Map<Hex, Hex>();
    // What became 0 is named in the first of the two alone.
    for (const slot of slots.keys()) own.set(slot, come.get(address)?.get(slot) ?? ZERO);
    post.set(address, own);
  }
  return { pre, post };
}

const slotsOf = (accounts: z.infer<typeof traced>): Map<Address, Map<Hex, Hex>> =>
  new Map(
    Object.entries(accounts).map(([address, { storage = {} }]) => {
      const slots = Object.entries(storage) as [Hex, Hex][]; // CAST: the node writes slots and words as hex
      return [address as Address, new Map(slots)] as const; // CAST: as it writes addresses
    }),
  );

/** INV-LIQ-3: who paid a payout paid all of it and no more; what the fund says it paid is what the auction says the fund paid. */
async function checkPayouts(hub: HubChain, range: Range, findings: Findings): Promise<void> {
  const liquidation = { address: hub.liquidation, abi: liquidationAbi, ...range } as const;
  const [paid, bids, covered, funded] = await Promise.all([
    hub.client.getContractEvents({ ...liquidation, eventName: 'InsolventPaid' }),
    hub.client.getContractEvents({ ...liquidation, eventName: 'BidTaken' }),
    hub.client.getContractEvents({ ...liquidation, eventName: 'DeficitCovered' }),
    hub.client.getContractEvents({ address: hub.fund, abi: iFundAbi, eventName: 'Paid', ...range }),
  ]);
  for (const { args, transactionHash } of paid) {
    const price = sum(bids.filter((bid) => bid.transactionHash === transactionHash).map((bid) => -bid.args.price));
    const parts = args.reserve + args.fund + args.deficit;
    findings.expect('INV-LIQ-3', parts === price, `payout of auction ${args.id}`, () => `${parts} was paid`, `${price}`);
  }
  const said = sum([...paid.map(({ args }) => args.fund), ...covered.map(({ args }) => args.cash)]);
  const gave = sum(funded.map(({ args }) => args.cash));
  findings.expect('INV-LIQ-3', said === gave, 'fund', () => `paid ${gave}`, `${said}, as auctions say`);
}

/** INV-LIQ-3: a market's deficit account owes what losses left uncovered and nobody has paid since: neither fund, levies nor all cash. */
async function checkDeficits(hub: HubChain, o: Observation, range: Range, findings: Findings): Promise<void> {
  const liquidation = { address: hub.liquidation, abi: liquidationAbi } as const;
  const levies = { address: hub.levy, abi: iLevyAbi, ...range } as const;
  const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
  const [set, paid, covered, opened, levied, spread, charged, lost] = await Promise.all([
    hub.client.getContractEvents({ address: hub.markets, abi: iMarketsAbi, eventName: 'UnderlyingSet', ...range }),
    hub.client.getContractEvents({ ...liquidation, ...range, eventName: 'InsolventPaid' }),
    hub.client.getContractEvents({ ...liquidation, ...range, eventName: 'DeficitCovered' }),
    hub.client.getContractEvents({ ...levies, eventName: 'LevyOpened' }),
    hub.client.getContractEvents({ ...levies, eventName: 'LevyPaid' }),
    hub.client.getContractEvents({ ...ledger, ...range, eventName: 'LossSpread' }),
    hub.client.getContractEvents({ ...ledger, ...range, eventName: 'InterestCharged' }),
    hub.client.getContractEvents({ ...ledger, ...range, eventName: 'AssetWrittenDown' }),
  ]);
  const cashOf = (eid: number, asset: number, units: bigint): bigint =>
    units * 10n ** BigInt(18 - (o.inbound.find(({ chain }) => chain.eid === eid)?.custody.get(asset)?.decimals ?? 18));
  const marketOf = new Map(opened.map(({ args }) => [args.id, args.underlying]));
  for (const market of new Set([NO_MARKET, ...set.map(({ args }) => args.underlying)])) {
    const debtor = await hub.client.readContract({ ...liquidation, functionName: 'deficitAccount', args: [market] });
    const cash = await hub.client.readContract({ ...ledger, functionName: 'bookedCashOf', args: [debtor], blockNumber: range.toBlock });
    const owed = sum([
      ...paid.filter(({ args }) => args.market === market).map(({ args }) => args.deficit),
      // Where a lost vault's pooled settlement is missing.
      ...lost.filter(({ args }) => args.bearer === debtor).map(({ args }) => cashOf(args.eid, args.asset, args.free)),
      ...charged.filter(({ args }) => args.account === debtor).map(({ args }) => args.amount),
    ]);
    const since = sum([
      ...covered.filter(({ args }) => args.market === market).map(({ args }) => args.cash),
      ...levied.filter(({ args }) => marketOf.get(args.id) === market).map(({ args }) => args.levy - args.fund),
      ...spread.filter(({ args }) => args.account === debtor).map(({ args }) => args.amount),
    ]);
    const where = `deficit of market ${market}`;
    findings.expect('INV-LIQ-3', cash === since - owed, where, () => `cash ${cash}`, `${owed} owed, ${since} paid since`);
  }
}

/** INV-LIQ-3: the record of a liquidation names exactly the collateral that it moved. */
async function checkRecords(hub: HubChain, range: Range, findings: Findings): Promise<void> {
  const handover = { address: hub.handover, abi: iHandoverAbi } as const;
  const moved = await hub.client.getContractEvents({ ...handover, ...range, eventName: 'AssetHandedOver' });
  for (const id of new Set(moved.map(({ args }) => args.id))) {
    const [touched] = await hub.client.readContract({ ...handover, functionName: 'recordOf', args: [id], blockNumber: range.toBlock });
    const own = moved.filter(({ args }) => args.id === id);
    for (const { args } of own) {
      const told = sum(touched.filter(({ eid, asset }) => eid === args.eid && asset === args.asset).map(({ amount }) => amount));
      const all = sum(own.filter((one) => one.args.eid === args.eid && one.args.asset === args.asset).map((one) => one.args.amount));
      const where = `record of liquidation ${id}, asset ${args.asset} of ${args.eid}`;
      findings.expect('INV-LIQ-3', told === all, where, () => `${told}`, `${all}, as it moved`);
    }
  }
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);
