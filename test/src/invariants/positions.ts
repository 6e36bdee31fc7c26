import { iExchangeAbi, iFeedsAbi, iLedgerAbi, iMarginAbi, iMarketsAbi } from '@lockstep/contracts';
import { exchange } from '@lockstep/shared';
import type { Hex } from 'viem';
import type { HubChain } from '../harness/stack.js';
import type { Observation } from './observation.js';
import type { Findings } from './report.js';

/** A trade as the hub's markets tell of it. */
interface Traded {
  readonly buyer: Hex;
  readonly seller: Hex;
  readonly instrument: bigint;
  readonly size: bigint;
}

/** `Grade.Fresh`. */
const FRESH = 0;
/** Lots of options, in units of 18 decimals. */
const LOT = 10n ** 15n;

/**
 * INV-POS-1: sizes of each instrument sum to zero, over everybody who ever traded it. Beside it, what an account holds is what its trades
 * come to, and what is open is what all longs hold. Options are looked at until they expire: from then on each account settles by itself.
 */
export async function checkPositions(hub: HubChain, o: Observation, findings: Findings): Promise<void> {
  const markets = { address: hub.markets, abi: iMarketsAbi } as const;
  const range = { ...markets, fromBlock: hub.deployedAt, toBlock: o.hubBlock, strict: true } as const;
  const [{ timestamp }, set, trades, sliced] = await Promise.all([
    hub.client.getBlock({ blockNumber: o.hubBlock }),
    hub.client.getContractEvents({ ...range, eventName: 'UnderlyingSet' }),
    hub.client.getContractEvents({ ...range, eventName: 'Traded' }),
    hub.client.getContractEvents({ ...range, eventName: 'SliceTransferred' }),
  ]);
  const held = netted(
    trades.map(({ args }) => args),
    sliced.flatMap(({ args }) => [args.from, args.to]),
  );
  const live = [...held].filter(([instrument]) => isLive(instrument, timestamp));
  const longs = new Map<string, bigint>();
  for (const [instrument, accounts] of live) {
    const { kind, underlying } = exchange.decodeInstrument(instrument);
    const where = `${kind} ${instrument}`;
    let sum = 0n;
    for (const [account, traded] of accounts) {
      const args = [account, instrument] as const;
      const size = await hub.client.readContract({ ...markets, functionName: 'sizeOf', args, blockNumber: o.hubBlock });
      sum += size;
      if (size > 0n) add(longs, `${kind === 'perpetual' ? 'perpetual' : 'options'} of ${underlying}`, size);
      // A slice that a liquidation moved is in no trade.
      if (traded !== 'moved')
        findings.expect('INV-POS-1', size === traded, `${where} of ${account}`, () => `holds ${size}`, `${traded}, as it traded`);
    }
    findings.expect('INV-POS-1', sum === 0n, where, () => `sizes sum to ${sum}`, '0');
  }
  for (const underlying of new Set(set.map(({ args }) => args.underlying))) {
    const args = [underlying] as const;
    const open = await hub.client.readContract({ ...markets, functionName: 'openInterestOf', args, blockNumber: o.hubBlock });
    const [perpetual, options] = [longs.get(`perpetual of ${underlying}`) ?? 0n, longs.get(`options of ${underlying}`) ?? 0n];
    const where = `underlying ${underlying}`;
    findings.expect('INV-POS-1', open[0] === perpetual, where, () => `${open[0]} perpetual open`, `${perpetual}, what longs hold`);
    // What expired and is not settled by everybody counts as open still.
    findings.expect('INV-POS-1', open[1] * LOT >= options, where, () => `${open[1]} lots open`, `at least ${options / LOT}`);
  }
}

/** By instrument and account: Σ bought − Σ sold, or `moved` where something else moved it too. */
function netted(trades: readonly Traded[], moved: readonly Hex[]): Map<bigint, Map<Hex, bigint | 'moved'>> {
  const touched = new Set(moved);
  const held = new Map<bigint, Map<Hex, bigint | 'moved'>>();
  for (const { buyer, seller, instrument, size } of trades) {
    const accounts = held.get(instrument) ?? new Map<Hex, bigint | 'moved'>();
    held.set(instrument, accounts);
    for (const [account, change] of [[buyer, size] as const, [seller, -size] as const]) {
      const before = accounts.get(account) ?? 0n;
      accounts.set(account, before === 'moved' || touched.has(account) ? 'moved' : before + change);
    }
    for (const account of touched) if (!accounts.has(account)) accounts.set(account, 'moved');
  }
  return held;
}

function isLive(instrument: bigint, timestamp: bigint): boolean {
  const decoded = exchange.decodeInstrument(instrument);
  return decoded.kind === 'perpetual' || decoded.expiry > timestamp;
}

function add(totals: Map<string, bigint>, key: string, amount: bigint): void {
  totals.set(key, (totals.get(key) ?? 0n) + amount);
}

/**
 * INV-MARGIN-1, seen from outside: whoever traded was at or above initial margin at the end of the block, or it did not leave him worse
 * than the block before; and whoever has no position owes no more than his collateral is worth. A block in which prices changed after the
 * trade says nothing of it.
 */
export async function checkMargins(hub: HubChain, o: Observation, findings: Findings): Promise<void> {
  const range = { fromBlock: hub.deployedAt, toBlock: o.hubBlock, strict: true } as const;
  const [trades, fills, reports] = await Promise.all([
    hub.client.getContractEvents({ address: hub.markets, abi: iMarketsAbi, eventName: 'Traded', ...range }),
    hub.client.getContractEvents({ address: hub.exchange, abi: iExchangeAbi, eventName: 'Filled', ...range }),
    hub.client.getContractEvents({ address: hub.feeds, abi: iFeedsAbi, eventName: 'Reported', ...range }),
  ]);
  const settled = new Set(fills.map(({ transactionHash }) => transactionHash));
  const lastReport = new Map(reports.map(({ blockNumber, logIndex }) => [blockNumber, logIndex]));
  const judged = new Map<string, { readonly account: Hex; readonly block: bigint }>();
  for (const { args, blockNumber, logIndex, transactionHash } of trades) {
    if (!settled.has(transactionHash) || (lastReport.get(blockNumber) ?? -1) > logIndex) continue;
    for (const account of [args.buyer, args.seller]) judged.set(`${account} ${blockNumber}`, { account, block: blockNumber });
  }
  for (const { account, block } of judged.values()) await checkMargin(hub, account, block, findings);
  for (const account of new Set(o.credits.map((credit) => credit.account))) {
    const at = { args: [account], blockNumber: o.hubBlock } as const;
    const [holds, cash, { equity }] = await Promise.all([
      hub.client.readContract({ address: hub.markets, abi: iMarketsAbi, functionName: 'hasPositions', ...at }),
      hub.client.readContract({ address: hub.ledger, abi: iLedgerAbi, functionName: 'cashOf', ...at }),
      hub.client.readContract({ address: hub.margin, abi: iMarginAbi, functionName: 'riskOf', ...at }),
    ]);
    const found = (): string => `cash ${cash}, equity ${equity} and no position`;
    findings.expect('INV-MARGIN-1', holds || cash >= 0n || equity >= 0n, account, found, 'no more owed than its collateral is worth');
  }
}

async function checkMargin(hub: HubChain, account: Hex, block: bigint, findings: Findings): Promise<void> {
  const margin = { address: hub.margin, abi: iMarginAbi, args: [account] } as const;
  if (!(await hub.client.readContract({ ...margin, functionName: 'isExposed', blockNumber: block }))) return;
  const after = await hub.client.readContract({ ...margin, functionName: 'riskOf', blockNumber: block });
  const spare = after.equity - after.initialMargin;
  const isCovered = after.grade === FRESH && spare >= 0n;
  const before = isCovered ? after : await hub.client.readContract({ ...margin, functionName: 'riskOf', blockNumber: block - 1n });
  const better = spare >= before.equity - before.initialMargin;
  const found = (): string => `equity ${after.equity}, initial margin ${after.initialMargin}, prices of grade ${after.grade}`;
  findings.expect('INV-MARGIN-1', isCovered || better, `${account} after block ${block}`, found, 'fresh prices and initial margin covered');
}
