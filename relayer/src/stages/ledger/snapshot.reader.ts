import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iCollateralVaultAbi, iLedgerAbi, iMessengerAbi } from '@lockstep/contracts';
import {
  eid,
  EntryKind,
  tokenJournalAsset,
  type Eid,
  type HubCash,
  type HubCustody,
  type JournalAccount,
  type JournalAsset,
  type Posting,
  type ReleaseBooks,
  type Snapshot,
  type Undelivered,
  type Unreceipted,
  type VaultBooks,
} from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';
import type { ChainContext } from '../../chain/chain-context.js';
import { Chains } from '../../chain/chains.js';
import { messengerOf } from '../paths.js';
import { PositionReader } from './position.reader.js';
import { ReceiptReader, type AssetSum } from './receipt.reader.js';

/** The blocks a snapshot is read at: final ones, the hub's first, so that no vault is older than the hub's view of its log. */
export interface Pins {
  readonly hub: { readonly number: bigint; readonly hash: Hex };
  readonly byEid: ReadonlyMap<Eid, bigint>;
}

export type SnapshotAttempt =
  | { readonly kind: 'snapshot'; readonly pins: Pins; readonly snapshot: Snapshot }
  /** the mirror is not as far as the chains yet; nothing can be said */
  | { readonly kind: 'not-yet'; readonly because: string };

/** Reads hub, vaults, logs and journal at pinned final blocks. */
@Injectable()
export class SnapshotReader {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly receipts: ReceiptReader,
    private readonly positionReader: PositionReader,
  ) {}

  async read(): Promise<SnapshotAttempt> {
    const pins = await this.#pins();
    if (pins === null) return { kind: 'not-yet', because: 'a chain has no final block yet' };
    const early = this.chains.all().find((chain) => pinOf(pins, chain.eid) < deployedBy(chain));
    if (early !== undefined)
      return { kind: 'not-yet', because: `the final block of ${early.name} is before its contracts, of block ${deployedBy(early)}` };
    const consumed = await this.#consumed(pins);
    for (const [srcEid, sequence] of consumed) {
      const missing = await this.#missing(srcEid, sequence, pins);
      if (missing) return { kind: 'not-yet', because: `the log of ${srcEid} is not final here up to ${sequence}, which the hub consumed` };
    }
    if (await this.#isJournalBehind(pins)) return { kind: 'not-yet', because: `the journal is behind block ${pins.hub.number} of the hub` };
    const ordered = await this.#ordersConsumed(pins);
    for (const [dstEid, sequence] of ordered)
      if (await this.#lacksOrders(dstEid, sequence))
        return { kind: 'not-yet', because: `the hub's log to ${dstEid} is not known here up to ${sequence}, which the vault consumed` };
    const [vaults, cash, positions, releases, unreceipted, undelivered, refused, journal] = await Promise.all([
      Promise.all(this.chains.all().map((chain) => this.#vault(chain, pins))),
      this.#cash(pins),
      this.positionReader.sums(pins.hub.number),
      this.#releases(ordered, pins),
      this.#unreceipted(consumed, pins),
      this.#undelivered(consumed, pins),
      this.#refused(pins),
      this.#journal(pins),
    ]);
    const books = vaults.flat();
    const hub = await this.#hub(books, pins);
    return {
      kind: 'snapshot',
      pins,
      snapshot: { hub, cash, positions, vaults: books, releases, unreceipted, undelivered, refused, journal },
    };
  }

  async #pins(): Promise<Pins | null> {
    const byEid = new Map<Eid, bigint>();
    const { hub } = this.chains;
    let hubPin: Pins['hub'] | null = null;
    for (const chain of [hub, ...this.chains.all().filter((c) => c.eid !== hub.eid)]) {
      const [row] = await this.dataSource.query<{ final_number: string; final_hash: Hex }[]>(
        'select final_number, final_hash from cursors where chain_id = $1',
        [chain.chainId],
      );
      if (row === undefined) return null;
      byEid.set(chain.eid, BigInt(row.final_number));
      if (chain.isHub) hubPin = { number: BigInt(row.final_number), hash: row.final_hash };
    }
    return hubPin === null ? null : { hub: hubPin, byEid };
  }

  /** How far the hub had consumed each log at its pinned block. */
  async #consumed(pins: Pins): Promise<Map<Eid, bigint>> {
    const { hub } = this.chains;
    const inboxes = await Promise.all(
      this.chains.all().map(async ({ eid: srcEid }): Promise<[Eid, bigint]> => {
        const inbox = await hub.client.readContract({
          address: messengerOf(hub),
          abi: iMessengerAbi,
          functionName: 'inbox',
          args: [srcEid],
          blockNumber: pins.hub.number,
        });
        return [srcEid, inbox.consumed];
      }),
    );
    return new Map(inboxes);
  }

  async #missing(srcEid: Eid, sequence: bigint, pins: Pins): Promise<boolean> {
    const [row] = await this.dataSource.query<{ count: string }[]>(
      `select count(*) as count from log_entries
       where src_eid = $1 and dst_eid = $2 and sequence <= $3 and block_number <= $4 and state <> 'orphaned'`,
      [srcEid, this.chains.hub.eid, sequence.toString(), pinOf(pins, srcEid).toString()],
    );
    return BigInt(row?.count ?? 0) < sequence;
  }

  async #isJournalBehind(pins: Pins): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(`select 1 from journal_queue where block_number <= $1 limit 1`, [
      pins.hub.number.toString(),
    ]);
    return rows.length > 0;
  }

  async #vault(chain: ChainContext, pins: Pins): Promise<VaultBooks[]> {
    const vault = { address: chain.contract('CollateralVault'), abi: iCollateralVaultAbi, blockNumber: pinOf(pins, chain.eid) } as const;
    const count = await chain.client.readContract({ ...vault, functionName: 'assetCount' });
    return Promise.all(
      Array.from({ length: count }, async (_, i): Promise<VaultBooks> => {
        const [books, [held]] = await Promise.all([
          chain.client.readContract({ ...vault, functionName: 'assetOf', args: [i + 1] }),
          chain.client.readContract({ ...vault, functionName: 'backing', args: [i + 1] }),
        ]);
        const { deposited, cancelled, paid, claimable } = books;
        return { token: { eid: chain.eid, asset: i + 1 }, held, deposited, cancelled, paid, claimable };
      }),
    );
  }

  /** Every asset a vault lists or the hub configured; one the hub never configured may hold parked deposits. */
  async #hub(vaults: readonly VaultBooks[], pins: Pins): Promise<HubCustody[]> {
    const { hub } = this.chains;
    const ledger = { address: hub.contract('Ledger'), abi: iLedgerAbi, blockNumber: pins.hub.number } as const;
    const count = await hub.client.readContract({ ...ledger, functionName: 'assetCount' });
    const [corrected, writtenDown] = await Promise.all([this.#onCustody('Corrected', pins), this.#onCustody('AssetWrittenDown', pins)]);
    const all = await Promise.all(
      Array.from({ length: count }, async (_, i): Promise<HubCustody | null> => {
        const [[, successor], [tokenEid, asset], custody, lost, config] = await Promise.all([
          hub.client.readContract({ ...ledger, functionName: 'writtenDownOf', args: [i + 1] }),
          hub.client.readContract({ ...ledger, functionName: 'assetKey', args: [i + 1] }),
          hub.client.readContract({ ...ledger, functionName: 'custodyOf', args: [i + 1] }),
          hub.client.readContract({ ...ledger, functionName: 'lossOf', args: [i + 1] }),
          hub.client.readContract({ ...ledger, functionName: 'configOf', args: [i + 1] }),
        ]);
        // It has ended: what is left of it stands under another id of the same token.
        if (successor !== 0) return null;
        const token = { eid: eid(tokenEid), asset };
        const key = tokenJournalAsset(token);
        const changes = { corrected: corrected.get(key) ?? 0n, writtenDown: -(writtenDown.get(key) ?? 0n) };
        return { token, decimals: config.decimals, ...custody, lost, ...changes };
      }),
    );
    const configured = all.filter((books) => books !== null);
    const known = new Set(configured.map(({ token }) => `${token.eid}:${token.asset}`));
    const unlisted = await Promise.all(
      vaults
        .filter(({ token }) => !known.has(`${token.eid}:${token.asset}`))
        .map(async ({ token }): Promise<HubCustody> => {
          const args = [token.eid, token.asset] as const;
          const [suspense, [reserved]] = await Promise.all([
            hub.client.readContract({ ...ledger, functionName: 'unlistedSuspense', args }),
            hub.client.readContract({ ...ledger, functionName: 'liquidityOf', args }),
          ]);
          return { token, decimals: 0, custody: suspense + reserved, balances: 0n, free: 0n, reserved, suspense, ...NOTHING_LOST };
        }),
    );
    return [...configured, ...unlisted];
  }

  /** Net of what events of a kind booked on custody, by the journal's name of the token. */
  async #onCustody(kind: 'Corrected' | 'AssetWrittenDown', pins: Pins): Promise<Map<string, bigint>> {
    const rows = await this.dataSource.query<{ asset: string; amount: string }[]>(
      `select p.asset, sum(p.amount) as amount from journal_entries e join postings p on p.entry_id = e.id
       where e.kind = $2 and e.block_number <= $1 and p.account = 'custody' group by p.asset`,
      [pins.hub.number.toString(), kind],
    );
    return new Map(rows.map(({ asset, amount }) => [asset, BigInt(amount)]));
  }

  async #cash(pins: Pins): Promise<HubCash> {
    const { hub } = this.chains;
    const ledger = { address: hub.contract('Ledger'), abi: iLedgerAbi, blockNumber: pins.hub.number } as const;
    const [total, queued, clearing, [, interest], [, spread]] = await Promise.all([
      hub.client.readContract({ ...ledger, functionName: 'totalCash' }),
      hub.client.readContract({ ...ledger, functionName: 'queuedCash' }),
      hub.client.readContract({ ...ledger, functionName: 'clearing' }),
      hub.client.readContract({ ...ledger, functionName: 'interestOf' }),
      hub.client.readContract({ ...ledger, functionName: 'spreadOf' }),
    ]);
    return { total, queued, clearing, interest, spread };
  }

  /** How far each vault had consumed the hub's log at its pinned block. */
  async #ordersConsumed(pins: Pins): Promise<Map<Eid, bigint>> {
    const inboxes = await Promise.all(
      this.chains.all().map(async (chain): Promise<[Eid, bigint]> => {
        const inbox = await chain.client.readContract({
          address: messengerOf(chain),
          abi: iMessengerAbi,
          functionName: 'inbox',
          args: [this.chains.hub.eid],
          blockNumber: pinOf(pins, chain.eid),
        });
        return [chain.eid, inbox.consumed];
      }),
    );
    return new Map(inboxes);
  }

  /** The vault's block may be newer than the hub's pinned one, so orders count wherever they stand in the index. */
  async #lacksOrders(dstEid: Eid, sequence: bigint): Promise<boolean> {
    const [row] = await this.dataSource.query<{ count: string }[]>(
      `select count(*) as count from log_entries where src_eid = $1 and dst_eid = $2 and sequence <= $3 and state <> 'orphaned'`,
      [this.chains.hub.eid, dstEid, sequence.toString()],
    );
    return BigInt(row?.count ?? 0) < sequence;
  }

  async #releases(ordered: ReadonlyMap<Eid, bigint>, pins: Pins): Promise<ReleaseBooks[]> {
    const all = await Promise.all(
      [...ordered].map(async ([dstEid, sequence]) => {
        const rows = await this.dataSource.query<{ asset: number; amount: string }[]>(
          `select l.asset, sum(l.amount) as amount from log_entries l
           where l.src_eid = $1 and l.dst_eid = $2 and l.sequence <= $3 and l.kind = ${EntryKind.Release} and l.amount is not null
             and l.state <> 'orphaned'
             and not exists (select 1 from log_entries v where v.src_eid = l.src_eid and v.dst_eid = l.dst_eid and v.void_target = l.sequence
                             and v.state <> 'orphaned')
           group by l.asset`,
          [this.chains.hub.eid, dstEid, sequence.toString()],
        );
        const books = new Map(rows.map((row) => [row.asset, { ordered: BigInt(row.amount), receipted: 0n }]));
        for (const { asset, amount } of await this.receipts.sums(dstEid, 0n, pinOf(pins, dstEid))) {
          const known = books.get(asset) ?? { ordered: 0n, receipted: 0n };
          books.set(asset, { ...known, receipted: known.receipted + amount });
        }
        return [...books].map(([asset, sums]): ReleaseBooks => ({ token: { eid: dstEid, asset }, ...sums }));
      }),
    );
    return all.flat();
  }

  async #unreceipted(consumed: ReadonlyMap<Eid, bigint>, pins: Pins): Promise<Unreceipted[]> {
    const all = await Promise.all(
      [...consumed].map(async ([srcEid, sequence]): Promise<Unreceipted[]> => {
        const upTo = pinOf(pins, srcEid);
        const [undelivered, refused, unsent] = await Promise.all([
          this.receipts.sums(srcEid, sequence, upTo),
          this.receipts.refused(srcEid, pins.hub.number, upTo),
          this.receipts.unsent(srcEid, upTo),
        ]);
        const named = (sums: readonly AssetSum[], why: Unreceipted['why']): Unreceipted[] =>
          sums.map(({ asset, amount }) => ({ token: { eid: srcEid, asset }, amount, why }));
        return [...named(undelivered, 'undelivered'), ...named(refused, 'refused'), ...named(unsent, 'unsent')];
      }),
    );
    return all.flat();
  }

  async #undelivered(consumed: ReadonlyMap<Eid, bigint>, pins: Pins): Promise<Undelivered[]> {
    const all = await Promise.all(
      [...consumed].map(async ([srcEid, sequence]) => {
        const rows = await this.dataSource.query<{ asset: number; amount: string }[]>(
          `select l.asset, sum(l.amount) as amount from log_entries l
           where l.src_eid = $1 and l.dst_eid = $2 and l.sequence > $3 and l.block_number <= $4 and l.kind = ${EntryKind.Deposited} and l.amount is not null and l.state <> 'orphaned'
             and not exists (select 1 from log_entries v where v.src_eid = l.src_eid and v.dst_eid = l.dst_eid and v.void_target = l.sequence
                             and v.block_number <= $4 and v.state <> 'orphaned')
           group by l.asset`,
          [srcEid, this.chains.hub.eid, sequence.toString(), pinOf(pins, srcEid).toString()],
        );
        return rows.map(({ asset, amount }): Undelivered => ({ token: { eid: srcEid, asset }, amount: BigInt(amount) }));
      }),
    );
    return all.flat();
  }

  async #refused(pins: Pins): Promise<Undelivered[]> {
    const rows = await this.dataSource.query<{ src_eid: number; asset: number; amount: string }[]>(
      `select l.src_eid, l.asset, sum(l.amount) as amount from deposit_outcomes o
       join log_entries l on l.src_eid = o.src_eid and l.dst_eid = o.dst_eid and l.sequence = o.sequence and l.state <> 'orphaned'
       where o.dst_eid = $1 and o.outcome in ('unhandled', 'refused') and o.state <> 'orphaned' and o.block_number <= $2 and l.kind = ${EntryKind.Deposited} and l.amount is not null
       group by l.src_eid, l.asset`,
      [this.chains.hub.eid, pins.hub.number.toString()],
    );
    return rows.map(({ src_eid, asset, amount }) => ({ token: { eid: eid(src_eid), asset }, amount: BigInt(amount) }));
  }

  async #journal(pins: Pins): Promise<Posting[]> {
    const rows = await this.dataSource.query<{ account: string; asset: string; amount: string }[]>(
      `select p.account, p.asset, sum(p.amount) as amount from postings p join journal_entries e on e.id = p.entry_id
       where e.block_number <= $1 group by p.account, p.asset having sum(p.amount) <> 0`,
      [pins.hub.number.toString()],
    );
    // CAST: both columns are written from postings and never changed.
    return rows.map((row) => ({ account: row.account as JournalAccount, asset: row.asset as JournalAsset, amount: BigInt(row.amount) }));
  }
}

const NOTHING_LOST = { lost: 0n, corrected: 0n, writtenDown: 0n } as const;

/** Block of the newest contract of a chain. */
const deployedBy = ({ live }: ChainContext): bigint =>
  BigInt(Math.max(...Object.values(live.contracts).flatMap((contract) => contract?.block ?? [])));

function pinOf(pins: Pins, chainEid: Eid): bigint {
  const pin = pins.byEid.get(chainEid);
  if (pin === undefined) throw new Error(`no block is pinned for ${chainEid}`);
  return pin;
}
