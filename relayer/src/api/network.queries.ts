import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { costPerEntry, decodeAccount, EntryKind, type AccountId } from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';
import { Paths } from '../stages/paths.js';
import { ChainNames, isoOfSeconds } from './chain-names.js';
import type { AccountView, BatchView, PathView, ReconciliationView, ReorgView } from './views.js';

export interface Page {
  readonly limit?: number | undefined;
  readonly before?: bigint | undefined;
}

const DEFAULT_PAGE = 50;
const NO_CURSOR = (2n ** 63n - 1n).toString();

interface BalanceRow {
  readonly account: string;
  readonly asset: string;
  readonly total: string;
  readonly final: string;
}

/** Reads accounts, paths, batches, reorgs and reconciliations. */
@Injectable()
export class NetworkQueries {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly paths: Paths,
    private readonly names: ChainNames,
  ) {}

  async account(account: AccountId): Promise<AccountView> {
    const { owner, home, subaccount } = decodeAccount(account);
    const [balances, inFlight, deposits] = await Promise.all([this.#balances(account), this.#inFlight(account), this.#deposits(account)]);
    const cash = balances.find(({ asset }) => asset === 'cash');
    return {
      account,
      owner,
      home,
      subaccount: subaccount.toString(),
      balances: balances
        .filter(({ asset, total, final }) => asset !== 'cash' && (total !== '0' || final !== '0'))
        .map(({ asset, total, final }) => {
          const [, chainEid, index] = asset.split(':');
          return { ...this.names.asset(Number(chainEid), Number(index)), finalBaseUnits: final, pendingBaseUnits: minus(total, final) };
        }),
      cash: { finalE18: cash?.final ?? '0', pendingE18: cash === undefined ? '0' : minus(cash.total, cash.final) },
      inFlight,
      deposits,
    };
  }

  async allPaths(): Promise<PathView[]> {
    const rows = await this.dataSource.query<
      {
        src_eid: number;
        dst_eid: number;
        appended: string;
        flushed: string;
        verified: string;
        consumed: string;
        acknowledged: string;
        at_source: boolean;
        at_destination: boolean;
      }[]
    >(
      `select p.src_eid, p.dst_eid,
         coalesce((select max(sequence) from log_entries l where l.src_eid = p.src_eid and l.dst_eid = p.dst_eid and l.state <> 'orphaned'), 0) as appended,
         coalesce((select max(sequence) from checkpoints c where c.src_eid = p.src_eid and c.dst_eid = p.dst_eid and c.state <> 'orphaned'), 0) as flushed,
         coalesce((select max(sequence) from path_events e where e.eid = p.src_eid and e.peer_eid = p.dst_eid and e.kind = 'acknowledged' and e.state <> 'orphaned'), 0) as acknowledged,
         coalesce(s.verified, 0) as verified, coalesce(s.consumed, 0) as consumed,
         coalesce((select kind = 'quarantined' from path_events e where e.eid = p.src_eid and e.peer_eid = p.dst_eid and e.state <> 'orphaned'
           and e.kind in ('quarantined', 'rebased') order by block_number desc, log_index desc limit 1), false) as at_source,
         coalesce((select kind = 'quarantined' from path_events e where e.eid = p.dst_eid and e.peer_eid = p.src_eid and e.state <> 'orphaned'
           and e.kind in ('quarantined', 'rebased') order by block_number desc, log_index desc limit 1), s.destination_quarantined, false) as at_destination
       from unnest($1::integer[], $2::integer[]) as p(src_eid, dst_eid)
       left join path_states s on s.src_eid = p.src_eid and s.dst_eid = p.dst_eid`,
      [this.paths.all().map(({ source }) => source.eid), this.paths.all().map(({ destination }) => destination.eid)],
    );
    const problems = await this.dataSource.query<
      { src_eid: number; dst_eid: number; stage: string; code: string; detail: string; since: Date }[]
    >('select src_eid, dst_eid, stage, code, detail, since from path_problems order by since');
    return rows.map((row) => ({
      srcEid: row.src_eid,
      srcChain: this.names.chain(row.src_eid),
      dstEid: row.dst_eid,
      dstChain: this.names.chain(row.dst_eid),
      appended: row.appended,
      flushed: row.flushed,
      verified: row.verified,
      consumed: row.consumed,
      acknowledged: row.acknowledged,
      quarantined: row.at_source || row.at_destination,
      sourceQuarantined: row.at_source,
      destinationQuarantined: row.at_destination,
      problems: problems
        .filter((p) => p.src_eid === row.src_eid && p.dst_eid === row.dst_eid)
        .map(({ stage, code, detail, since }) => ({ stage, code, detail, since: since.toISOString() })),
    }));
  }

  async reorgs({ limit = DEFAULT_PAGE, before }: Page): Promise<ReorgView[]> {
    const rows = await this.dataSource.query<
      {
        id: string;
        eid: number;
        kind: string;
        tx_hash: Hex;
        block_number: string;
        block_hash: Hex;
        was_final: boolean;
        removed_at: Date;
        subject: ReorgView['subject'];
      }[]
    >('select * from reorged_facts where id < $1 order by id desc limit $2', [before?.toString() ?? NO_CURSOR, limit]);
    return rows.map((row) => ({
      id: row.id,
      eid: row.eid,
      chain: this.names.chain(row.eid),
      kind: row.kind,
      txHash: row.tx_hash,
      blockNumber: row.block_number,
      blockHash: row.block_hash,
      wasFinal: row.was_final,
      removedAt: row.removed_at.toISOString(),
      subject: row.subject,
    }));
  }

  async batches({ limit = DEFAULT_PAGE, before }: Page): Promise<BatchView[]> {
    const rows = await this.dataSource.query<
      {
        id: string;
        src_eid: number;
        dst_eid: number;
        first_sequence: string;
        sequence: string;
        entries: number;
        guid: Hex;
        tx_hash: Hex;
        block_time: string;
        state: string;
        fee_wei: string;
        gas_used: string | null;
        gas_price_wei: string | null;
      }[]
    >(`select * from checkpoints where id < $1 and state <> 'orphaned' order by id desc limit $2`, [
      before?.toString() ?? NO_CURSOR,
      limit,
    ]);
    return rows.map((row) => {
      const gasWei = row.gas_used === null || row.gas_price_wei === null ? null : BigInt(row.gas_used) * BigInt(row.gas_price_wei);
      return {
        id: row.id,
        srcEid: row.src_eid,
        srcChain: this.names.chain(row.src_eid),
        dstEid: row.dst_eid,
        firstSequence: row.first_sequence,
        lastSequence: row.sequence,
        entries: row.entries,
        guid: row.guid,
        tx: row.tx_hash,
        at: isoOfSeconds(row.block_time),
        final: row.state === 'final',
        feeWei: row.fee_wei,
        gasWei: gasWei?.toString() ?? null,
        costPerEntryWei: gasWei === null ? null : costPerEntry({ entries: row.entries, feeWei: BigInt(row.fee_wei), gasWei }).toString(),
      };
    });
  }

  async reconciliation(): Promise<ReconciliationView | null> {
    const [row] = await this.dataSource.query<
      {
        at: Date;
        hub_block: string;
        pinned: ReconciliationView['pinned'];
        ok: boolean;
        invariants: ReconciliationView['invariants'];
        mismatches: ReconciliationView['mismatches'];
      }[]
    >('select at, hub_block, pinned, ok, invariants, mismatches from reconciliations order by id desc limit 1');
    if (row === undefined) return null;
    const { at, hub_block: hubBlock, pinned, ok, invariants, mismatches } = row;
    return { at: at.toISOString(), hubBlock, pinned, ok, invariants, mismatches };
  }

  /** What the account is owed: the journal holds it as credits, so the sign turns here. */
  #balances(account: AccountId): Promise<BalanceRow[]> {
    return this.dataSource.query<BalanceRow[]>(
      `select p.account, p.asset, sum(-p.amount) as total, coalesce(sum(-p.amount) filter (where f.entry_id is not null), 0) as final
       from postings p left join journal_finalities f on f.entry_id = p.entry_id
       where p.account in ($1, $2) group by p.account, p.asset order by p.asset`,
      [`balance:${account}`, `cash:${account}`],
    );
  }

  async #inFlight(account: AccountId): Promise<AccountView['inFlight']> {
    const rows = await this.dataSource.query<{ src_eid: number; asset: number; amount: string; deposits: string; parked: boolean }[]>(
      `select l.src_eid, l.asset, sum(l.amount) as amount, count(*) as deposits, parked from (
         select *, exists (select 1 from deposit_outcomes o where o.src_eid = e.src_eid and o.dst_eid = e.dst_eid and o.sequence = e.sequence
                           and o.outcome = 'parked' and o.state <> 'orphaned') as parked
         from log_entries e where e.account = $1 and e.dst_eid = $2 and e.kind = ${EntryKind.Deposited} and e.state <> 'orphaned'
       ) l
       where not exists (select 1 from deposit_outcomes o where o.src_eid = l.src_eid and o.dst_eid = l.dst_eid and o.sequence = l.sequence
                         and o.outcome <> 'parked' and o.state <> 'orphaned')
         and not exists (select 1 from log_entries v where v.src_eid = l.src_eid and v.dst_eid = l.dst_eid and v.void_target = l.sequence and v.state <> 'orphaned')
       group by l.src_eid, l.asset, parked order by l.src_eid, l.asset`,
      [account, this.names.hubEid],
    );
    return rows.map((row) => ({
      ...this.names.asset(row.src_eid, row.asset),
      amountBaseUnits: row.amount,
      deposits: Number(row.deposits),
      parked: row.parked,
    }));
  }

  async #deposits(account: AccountId): Promise<AccountView['deposits']> {
    const rows = await this.dataSource.query<{ src_eid: number; sequence: string; tx_hash: Hex }[]>(
      `select src_eid, sequence, tx_hash from log_entries where account = $1 and dst_eid = $2 and kind = ${EntryKind.Deposited} and state <> 'orphaned' order by id desc limit ${DEFAULT_PAGE}`,
      [account, this.names.hubEid],
    );
    return rows.map((row) => ({ eid: row.src_eid, sequence: row.sequence, tx: row.tx_hash }));
  }
}

const minus = (a: string, b: string): string => (BigInt(a) - BigInt(b)).toString();
