import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { decodeEntry, EntryKind, type Eid } from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';
import { Chains } from '../../chain/chains.js';

/** Base units of one asset of a vault; an asset may come more than once. */
export interface AssetSum {
  readonly asset: number;
  readonly amount: bigint;
}

/** A claimable order that a governed rebase took back, and where its receipt was written. */
interface Annulled extends AssetSum {
  /** number of the order in the log it came with */
  readonly order: bigint;
  /** transaction in which the vault made it claimable and wrote its receipt */
  readonly txHash: string;
}

/** `_keep` of the vault numbers an order that waits under a number a second time `order + k · 2^48`. */
const AGAIN = (1n << 48n).toString();

/**
 * What a vault's receipts say it settled. An order that a rebase annulled was never given, and the vault keeps nothing for it any more: its
 * receipt stands in the log for ever, and counts without what was annulled.
 */
@Injectable()
export class ReceiptReader {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly chains: Chains,
  ) {}

  /** Of the receipts above a sequence in a vault's log. @param upTo block of the vault's chain */
  async sums(srcEid: Eid, above: bigint, upTo: bigint): Promise<AssetSum[]> {
    const rows = await this.dataSource.query<ReceiptRow[]>(
      `select bytes, tx_hash from log_entries where src_eid = $1 and dst_eid = $2 and sequence > $3 and block_number <= $4
         and kind = ${EntryKind.Receipts} and state <> 'orphaned'`,
      [srcEid, this.chains.hub.eid, above.toString(), upTo.toString()],
    );
    return settledBy(rows, await this.#annulled(srcEid, upTo));
  }

  /** Of the receipts that the hub refused for good. @param hubBlock up to which it did. @param upTo block of the vault's chain */
  async refused(srcEid: Eid, hubBlock: bigint, upTo: bigint): Promise<AssetSum[]> {
    const rows = await this.dataSource.query<ReceiptRow[]>(
      `select l.bytes, l.tx_hash from request_events r
       join log_entries l on l.src_eid = r.src_eid and l.dst_eid = r.eid and l.sequence = r.sequence and l.state <> 'orphaned'
       where r.src_eid = $1 and r.kind = 'refused' and r.state <> 'orphaned' and r.block_number <= $2 and l.kind = ${EntryKind.Receipts}`,
      [srcEid, hubBlock.toString()],
    );
    return settledBy(rows, await this.#annulled(srcEid, upTo));
  }

  /** Of the orders that a vault settled after its log to the hub was closed. @param upTo block of the vault's chain */
  async unsent(at: Eid, upTo: bigint): Promise<AssetSum[]> {
    const runs = await this.dataSource.query<{ first: string; orders: number; tx_hash: string }[]>(
      `select sequence as first, orders, tx_hash from payout_events
       where eid = $1 and kind = 'unsent' and state <> 'orphaned' and block_number <= $2`,
      [at, upTo.toString()],
    );
    if (runs.length === 0) return [];
    const settled = await this.dataSource.query<{ asset: number; amount: string }[]>(
      `select p.asset, p.amount from payout_events u
       join payout_events p on p.eid = u.eid and p.sequence % ${AGAIN} >= u.sequence and p.sequence % ${AGAIN} < u.sequence + u.orders and p.tx_hash = u.tx_hash
       where u.eid = $1 and u.kind = 'unsent' and u.state <> 'orphaned' and u.block_number <= $2
         and p.kind in ('paid', 'claimable') and p.state <> 'orphaned'`,
      [at, upTo.toString()],
    );
    const annulled = (await this.#annulled(at, upTo)).filter(({ order, txHash }) =>
      runs.some((run) => run.tx_hash === txHash && covers({ first: BigInt(run.first), count: run.orders }, order)),
    );
    return [
      ...settled.map(({ asset, amount }) => ({ asset, amount: BigInt(amount) })),
      ...annulled.map(({ asset, amount }) => ({ asset, amount: -amount })),
    ];
  }

  async #annulled(at: Eid, upTo: bigint): Promise<Annulled[]> {
    const rows = await this.dataSource.query<{ asset: number; amount: string; order: string; tx_hash: string }[]>(
      `select a.asset, a.amount, a.sequence % ${AGAIN} as order, c.tx_hash from payout_events a
       cross join lateral (
         select tx_hash from payout_events m
         where m.eid = a.eid and m.sequence = a.sequence and m.kind = 'claimable' and m.state <> 'orphaned'
           and (m.block_number, m.log_index) < (a.block_number, a.log_index)
         order by m.block_number desc, m.log_index desc limit 1
       ) c
       where a.eid = $1 and a.kind = 'annulled' and a.state <> 'orphaned' and a.block_number <= $2`,
      [at, upTo.toString()],
    );
    return rows.map((row) => ({ asset: row.asset, amount: BigInt(row.amount), order: BigInt(row.order), txHash: row.tx_hash }));
  }
}

interface ReceiptRow {
  readonly bytes: Hex;
  readonly tx_hash: string;
}

const covers = ({ first, count }: { readonly first: bigint; readonly count: number }, order: bigint): boolean =>
  order >= first && order < first + BigInt(count);

function settledBy(receipts: readonly ReceiptRow[], annulled: readonly Annulled[]): AssetSum[] {
  return receipts.flatMap(({ bytes, tx_hash: txHash }): AssetSum[] => {
    const entry = decodeEntry(bytes);
    if (entry.kind !== 'Receipts') return [];
    const gone = annulled.filter((a) => a.txHash === txHash && covers(entry, a.order));
    return [...entry.sums, ...gone.map(({ asset, amount }) => ({ asset, amount: -amount }))];
  });
}
