import { iLedgerAbi, iLevyAbi, liquidationAbi } from '@lockstep/contracts';
import { decodeCreditReceipt, liquidation } from '@lockstep/shared';
import { isAddressEqual, parseEventLogs, zeroAddress, type Address, type Hex, type PublicClient } from 'viem';
import { firstLine } from '../../chain/error-fields.js';
import { LogWalk } from '../../chain/log-walk.js';

/** Where the hub tells what losses cost whom. */
export interface ReceiptSources {
  /** null: nothing is levied on this hub */
  readonly levy: Address | null;
  readonly ledger: Address;
}

/** A transaction that told something of a receipt. */
export interface ReceiptPlace {
  readonly receipt: string;
  readonly tx: Hex;
  readonly block: bigint;
}

/** What was told up to a block. */
export interface ReadReceipts {
  readonly levies: readonly (liquidation.LevyReceipts & { readonly underlying: number; readonly price: bigint })[];
  readonly spreads: readonly liquidation.SpreadReceipt[];
  readonly charges: readonly liquidation.ChargeReceipt[];
  readonly places: readonly ReceiptPlace[];
  /** what could not be counted again, and why */
  readonly unchecked: readonly { readonly receipt: string; readonly because: string }[];
}

type Client = Pick<PublicClient, 'getLogs' | 'readContract'>;

const LEVY_EVENTS = ['LevyOpened', 'Registered', 'LevyClosed', 'LevyPaid'] as const;
const LOSSES = ['LossSpread', 'LossCharged'] as const;
/** `ILedger.ReserveSource.Cash`. */
const FROM_CASH = 1;

interface At {
  readonly blockNumber: bigint;
  readonly logIndex: number;
}
const isBefore = (a: At, b: At): boolean => a.blockNumber < b.blockNumber || (a.blockNumber === b.blockNumber && a.logIndex < b.logIndex);

/** The contracts whose receipts count, from the address of Liquidation. */
export async function receiptSources(client: Client, address: Address): Promise<ReceiptSources> {
  const own = { address, abi: liquidationAbi } as const;
  const [ledger, sink] = await Promise.all([
    client.readContract({ ...own, functionName: 'ledger' }),
    client.readContract({ ...own, functionName: 'deficitSink' }),
  ]);
  return { ledger, levy: isAddressEqual(sink, zeroAddress) ? null : sink };
}

/**
 * Reads every levy and every loss of all cash there was. An account's cash just before a block, and all cash, are asked of the node as of then; one that
 * keeps no such state leaves these unchecked.
 * @param from    block of the deployment: what was booked before it is not known
 * @param account whose charges are read; null: everybody's
 */
export async function readReceipts(
  client: Client,
  { levy, ledger }: ReceiptSources,
  { from, to, account = null }: { readonly from: bigint; readonly to: bigint; readonly account?: Hex | null },
): Promise<ReadReceipts> {
  const levyLogs = await walked(from, to, async (fromBlock, toBlock) => {
    if (levy === null) return [];
    const logs = await client.getLogs({ address: levy, fromBlock, toBlock });
    return parseEventLogs({ abi: iLevyAbi, eventName: [...LEVY_EVENTS], logs });
  });
  const events = iLedgerAbi.filter((item) => item.type === 'event' && LOSSES.some((name) => name === item.name));
  const lossLogs = await walked(from, to, async (fromBlock, toBlock) => {
    const logs = await client.getLogs({ address: ledger, events, fromBlock, toBlock });
    return parseEventLogs({ abi: iLedgerAbi, eventName: [...LOSSES], logs });
  });
  const unchecked: { receipt: string; because: string }[] = [];
  const spreadLogs = lossLogs.flatMap((log) => (log.eventName === 'LossSpread' ? [log] : []));
  const spreads: liquidation.SpreadReceipt[] = [];
  for (const [i, { args, ...at }] of spreadLogs.entries()) {
    const held = await heldBefore(client, ledger, at);
    if (typeof held === 'string') unchecked.push({ receipt: `loss of all cash ${i + 1}`, because: held });
    spreads.push({ amount: args.amount, kept: args.kept, held: typeof held === 'string' ? null : held });
  }
  const charges: liquidation.ChargeReceipt[] = [];
  const places: ReceiptPlace[] = [];
  const charged = lossLogs.flatMap((log) =>
    log.eventName === 'LossCharged' && (account === null || log.args.account === account) ? [log] : [],
  );
  const moves = charged.length === 0 ? [] : await walked(from, to, (fromBlock, toBlock) => ledgerLogs(client, ledger, fromBlock, toBlock));
  for (const log of charged) {
    const keptAt = (at: At): bigint => spreadLogs.filter((spread) => isBefore(spread, at)).at(-1)?.args.kept ?? liquidation.KEPT_ALL;
    const receipt = `loss charged to ${log.args.account}`;
    places.push({ receipt, tx: log.transactionHash, block: log.blockNumber });
    const before = await bookedBefore(client, ledger, log.args.account, moves, log);
    if (typeof before === 'string') unchecked.push({ receipt, because: before });
    else
      charges.push({
        ...{ account: log.args.account, amount: log.args.amount, cash: before.cash, kept: keptAt(log) },
        keptBefore: before.at === null ? liquidation.KEPT_ALL : keptAt(before.at),
      });
  }
  const told = leviesOf(levyLogs);
  const spreadPlaces = spreadLogs.map((log, i) => ({
    receipt: `loss of all cash ${i + 1}`,
    tx: log.transactionHash,
    block: log.blockNumber,
  }));
  return { levies: told.levies, spreads, charges, places: [...told.places, ...spreadPlaces, ...places], unchecked };
}

/** Everything the ledger told of accounts. */
async function ledgerLogs(client: Client, ledger: Address, fromBlock: bigint, toBlock: bigint) {
  const logs = await client.getLogs({ address: ledger, fromBlock, toBlock });
  return parseEventLogs({ abi: iLedgerAbi, logs });
}
type LedgerLog = Awaited<ReturnType<typeof ledgerLogs>>[number];

type LevyLog = ReturnType<typeof parseEventLogs<typeof iLevyAbi, true, (typeof LEVY_EVENTS)[number][]>>[number];

function leviesOf(logs: readonly LevyLog[]): Pick<ReadReceipts, 'levies' | 'places'> {
  const levies: ReadReceipts['levies'][number][] = [];
  const places: ReceiptPlace[] = [];
  for (const { eventName, args: opened } of logs) {
    if (eventName !== 'LevyOpened') continue;
    const own = logs.filter(({ args }) => args.id === opened.id);
    for (const log of own)
      places.push({
        receipt: 'account' in log.args ? `levy ${opened.id}, ${log.args.account}` : `levy ${opened.id}`,
        ...{ tx: log.transactionHash, block: log.blockNumber },
      });
    const closed = own.find((log) => log.eventName === 'LevyClosed');
    levies.push({
      ...{ id: opened.id, underlying: opened.underlying, deficit: opened.deficit, price: opened.price },
      registrations: own.flatMap(({ eventName: name, args }) => {
        if (name !== 'Registered') return [];
        const { account, profit, equity, maintenanceMargin: margin, registered } = args;
        return [{ account, profit, equity, margin, registered }];
      }),
      closed: closed === undefined ? null : { deficit: closed.args.deficit, total: closed.args.total, spread: closed.args.spread },
      payments: own.flatMap(({ eventName: name, args }) => {
        if (name !== 'LevyPaid') return [];
        const { account, registered, levy, fund } = args;
        return [{ account, registered, levy, fund }];
      }),
    });
  }
  return { levies, places };
}

/** All positive cash just before a loss of it; in words why that cannot be told. */
async function heldBefore(client: Client, ledger: Address, at: At): Promise<bigint | string> {
  const { blockNumber } = at;
  const logs = await client.getLogs({ address: ledger, fromBlock: blockNumber, toBlock: blockNumber });
  if (logs.some((log) => isBefore(log, at))) return 'other cash moved before it in its block';
  const asOf = { address: ledger, abi: iLedgerAbi, blockNumber: blockNumber - 1n } as const;
  try {
    const [total, [debt], [, due]] = await Promise.all([
      client.readContract({ ...asOf, functionName: 'totalCash' }),
      client.readContract({ ...asOf, functionName: 'interestOf' }),
      client.readContract({ ...asOf, functionName: 'spreadOf' }),
    ]);
    return total + debt - due;
  } catch (error) {
    return firstLine(error);
  }
}

/** An account's cash before a charge, and where it was booked last, null: never; in words why that cannot be told. */
async function bookedBefore(
  client: Client,
  ledger: Address,
  account: Hex,
  moves: readonly LedgerLog[],
  at: At,
): Promise<{ readonly cash: bigint; readonly at: At | null } | string> {
  let last: LedgerLog | null = null;
  for (const log of moves) {
    if (!isBefore(log, at)) break;
    const { eventName, args } = log;
    const isOwn =
      'account' in args ? args.account === account : 'from' in args && 'to' in args && (args.from === account || args.to === account);
    if (!isOwn) continue;
    switch (eventName) {
      case 'CashChanged':
      case 'CashTransferred':
      case 'CashQueued':
      case 'CashUnqueued':
      case 'InterestCharged':
      case 'InterestCollected':
      case 'LossSpread':
      case 'LossCharged':
      case 'Corrected':
        last = log;
        break;
      case 'Unreserved':
        if (args.to === FROM_CASH) last = log;
        break;
      case 'Credited':
        if (decodeCreditReceipt(args.receipt).destination === 'cash') last = log;
        break;
      default:
        break;
    }
  }
  // Of cash or of collateral: nothing here says which.
  if (last?.eventName === 'Corrected') return 'a correction may have moved the account’s cash before it';
  if (last !== null && last.blockNumber === at.blockNumber) return 'the same account’s cash moved before it in its block';
  try {
    const asOf = {
      address: ledger,
      abi: iLedgerAbi,
      functionName: 'bookedCashOf',
      args: [account],
      blockNumber: at.blockNumber - 1n,
    } as const;
    return { cash: await client.readContract(asOf), at: last };
  } catch (error) {
    return firstLine(error);
  }
}

/** Events in their order, each once: pieces overlap. */
async function walked<L extends At>(from: bigint, to: bigint, read: (from: bigint, to: bigint) => Promise<readonly L[]>): Promise<L[]> {
  const found = new Map<string, L>();
  const walk = new LogWalk(from, async (first, last) => {
    const logs = await read(first, last);
    for (const log of logs) found.set(`${log.blockNumber}:${log.logIndex}`, log);
    return logs.length;
  });
  await walk.advance(to);
  return [...found.values()].sort((a, b) => (isBefore(a, b) ? -1 : 1));
}
