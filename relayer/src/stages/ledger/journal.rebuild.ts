import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iGatewayAbi, iLedgerAbi, iMessengerAbi } from '@lockstep/contracts';
import {
  balancesOf,
  blockNumber,
  decodeEntry,
  journalHash,
  leafOf,
  postingsOf,
  projectHubEvent,
  tokenJournalAsset,
  type Eid,
  type HubHistory,
  type JournalEntry,
  type LedgerEvent,
  type Posting,
  type TokenAmount,
} from '@lockstep/shared';
import { decodeEventLog, type Hex } from 'viem';
import { DataSource } from 'typeorm';
import type { Log, LogFilter } from '../../chain/block.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { Chains } from '../../chain/chains.js';
import { readLogsOfRange } from '../../chain/rpc.js';
import { signedTopics, topicsOf } from '../facts.js';
import { messengerOf } from '../paths.js';
import { HUB_GATEWAY_EVENTS, HUB_LEDGER_EVENTS, readHubLog } from './hub-rows.js';
import type { Pins } from './snapshot.reader.js';

const WINDOW = 2_000n;

/** Two journals of the same chain, by their content. */
export interface Rebuilt {
  readonly fromChain: Hex;
  readonly live: Hex;
  readonly entries: number;
}

/** INV-LEDGER-4: the journal made again from nothing but the chains' events, beside the one in the database. */
@Injectable()
export class JournalRebuild {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly chains: Chains,
  ) {}

  /** Hashes of both journals up to the pinned block of the hub. */
  async compare(pins: Pins): Promise<Rebuilt> {
    const [fromChain, live] = [await this.fromChain(pins), await this.#live(pins.hub.number)];
    return { fromChain: journalHash(fromChain), live: journalHash(live), entries: live.length };
  }

  /** The journal as the chains' events give it, oldest first. */
  async fromChain(pins: Pins): Promise<JournalEntry[]> {
    const { hub } = this.chains;
    const logs = await logsOf(hub, pins.hub.number, {
      addresses: [hub.contract('Gateway'), hub.contract('Ledger')],
      topics: [...topicsOf(iGatewayAbi, HUB_GATEWAY_EVENTS), ...topicsOf(iLedgerAbi, HUB_LEDGER_EVENTS)],
    });
    const history = new EventHistory(await this.#deposits(logs, pins));
    const entries: JournalEntry[] = [];
    for (const log of logs) {
      const event = readHubLog(hub, log);
      if (event.kind === 'EntryRefused' || event.kind === 'DepositReturned') continue;
      const projection = projectHubEvent(event, history);
      history.saw(event);
      if (projection.kind === 'wait')
        throw new Error(`the log of ${event.kind} ${log.transactionHash}:${log.logIndex} is not on its source chain`);
      if (projection.kind === 'nothing') continue;
      const postings = postingsOf(projection.event);
      history.booked(postings);
      const { blockNumber: block, blockHash, logIndex } = log;
      entries.push({ eid: hub.eid, block, blockHash, logIndex, kind: projection.event.kind, postings });
    }
    return entries;
  }

  /** Deposits of all logs, by `srcEid:sequence:leaf`; read only if some were parked. */
  async #deposits(hubLogs: readonly Log[], pins: Pins): Promise<Map<string, { asset: number; amount: TokenAmount }>> {
    const { hub } = this.chains;
    const deposits = new Map<string, { asset: number; amount: TokenAmount }>();
    if (!hubLogs.some((log) => readHubLog(hub, log).kind === 'DepositParked')) return deposits;
    for (const chain of this.chains.all()) {
      const upTo = pins.byEid.get(chain.eid);
      if (upTo === undefined) continue;
      for (const log of await logsOf(chain, upTo, {
        addresses: [messengerOf(chain)],
        topics: topicsOf(iMessengerAbi, ['EntryAppended']),
      })) {
        const { args } = decodeEventLog({ abi: iMessengerAbi, eventName: 'EntryAppended', data: log.data, topics: signedTopics(log) });
        const deposit = args.dstEid === hub.eid ? depositIn(args.entry) : null;
        if (deposit !== null) deposits.set(`${chain.eid}:${args.sequence}:${leafOf(args.entry)}`, deposit);
      }
    }
    return deposits;
  }

  /** What stands in the database: entries that nothing reversed. */
  async #live(upTo: bigint): Promise<JournalEntry[]> {
    const rows = await this.dataSource.query<
      {
        eid: Eid;
        block_number: string;
        block_hash: Hex;
        log_index: number;
        kind: LedgerEvent['kind'];
        postings: { account: string; asset: string; amount: string }[];
      }[]
    >(
      `select e.eid, e.block_number, e.block_hash, e.log_index, e.kind,
         (select jsonb_agg(jsonb_build_object('account', p.account, 'asset', p.asset, 'amount', p.amount::text)) from postings p where p.entry_id = e.id) as postings
       from journal_entries e
       where e.block_number <= $1 and e.reverses is null and not exists (select 1 from journal_entries r where r.reverses = e.id)`,
      [upTo.toString()],
    );
    return rows.map((row) => ({
      eid: row.eid,
      block: BigInt(row.block_number),
      blockHash: row.block_hash,
      logIndex: row.log_index,
      kind: row.kind,
      // CAST: written from postings and never changed.
      postings: row.postings.map((p) => ({ ...(p as Pick<Posting, 'account' | 'asset'>), amount: BigInt(p.amount) })),
    }));
  }
}

async function logsOf(chain: ChainContext, upTo: bigint, filter: LogFilter): Promise<Log[]> {
  const logs: Log[] = [];
  for (let from = BigInt(chain.live.deployedAt.block); from <= upTo; from += WINDOW) {
    const to = from + WINDOW - 1n < upTo ? from + WINDOW - 1n : upTo;
    logs.push(...(await readLogsOfRange(chain.client, blockNumber(from), blockNumber(to), filter)));
  }
  return logs;
}

function depositIn(bytes: Hex): { asset: number; amount: TokenAmount } | null {
  try {
    const entry = decodeEntry(bytes);
    return entry.kind === 'Deposited' ? { asset: entry.asset, amount: entry.amount } : null;
  } catch (cause) {
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}

type SeenEvent = Parameters<typeof projectHubEvent>[0];

/** What the events so far say, kept in memory. */
class EventHistory implements HubHistory {
  readonly #assets = new Map<number, Extract<SeenEvent, { kind: 'AssetConfigured' }>>();
  readonly #parked = new Set<string>();
  readonly #postings: Posting[] = [];

  constructor(private readonly deposits: ReadonlyMap<string, { asset: number; amount: TokenAmount }>) {}

  saw(event: SeenEvent): void {
    if (event.kind === 'AssetConfigured') this.#assets.set(event.assetId, event);
    if (event.kind === 'DepositParked') this.#parked.add(`${event.srcEid}:${event.sequence}`);
  }

  booked(postings: readonly Posting[]): void {
    this.#postings.push(...postings);
  }

  asset(assetId: number): ReturnType<HubHistory['asset']> {
    return this.#assets.get(assetId) ?? null;
  }

  decimals({ eid, asset }: Parameters<HubHistory['decimals']>[0]): number | null {
    for (const { token, decimals } of this.#assets.values()) if (token.eid === eid && token.asset === asset) return decimals;
    return null;
  }

  wasParked(...[srcEid, sequence]: Parameters<HubHistory['wasParked']>): boolean {
    return this.#parked.has(`${srcEid}:${sequence}`);
  }

  deposit(...[srcEid, sequence, leaf]: Parameters<HubHistory['deposit']>): ReturnType<HubHistory['deposit']> {
    return this.deposits.get(`${srcEid}:${sequence}:${leaf}`) ?? null;
  }

  balance(...[account, token]: Parameters<HubHistory['balance']>): bigint {
    return -(balancesOf(this.#postings).get(`balance:${account}|${tokenJournalAsset(token)}`) ?? 0n);
  }
}
