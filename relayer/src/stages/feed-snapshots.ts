import { Injectable } from '@nestjs/common';
import { risk } from '@lockstep/shared';
import { bytesToHex, getAddress, hexToBytes, keccak256, type Address, type Hex } from 'viem';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod/v4';

/** Snapshots older than the newest by more than this are accepted for nothing. */
const KEPT_SECONDS = 3_600;
/** Snapshots looked at for the newest value of every feed. */
const LOOKED_AT = 200;

/** A signed snapshot as it is kept. */
export interface StoredSnapshot extends risk.DatedSnapshot {
  /** the bytes that the hub's contracts take */
  readonly prices: Hex;
  /** whose signatures they carry */
  readonly signers: readonly Address[];
  /** the transaction it was read from; null: signed here */
  readonly tx: string | null;
}

const rows = z.array(
  z.object({
    time: z.string().transform(Number),
    prices: z.instanceof(Buffer).transform((bytes) => bytesToHex(bytes)),
    feeds: z.array(z.string().transform(BigInt)),
    signers: z.array(z.string().transform((address) => getAddress(address))),
    tx: z.string().nullable(),
  }),
);

/** Signed snapshots of feeds in the database: those that were published here, and those that others brought to the hub. */
@Injectable()
export class FeedSnapshots {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Keeps a snapshot and drops those that have become too old. One that is known already changes nothing.
   * @param signers in the order of the signatures
   */
  async keep(
    tx: EntityManager,
    feeds: Address,
    snapshot: risk.SignedSnapshot & { readonly signers: readonly Address[]; readonly tx: Hex | null },
  ): Promise<void> {
    const prices = risk.encodePrices(snapshot);
    await tx.query(
      `insert into feed_snapshots (feeds_address, hash, "time", prices, feeds, signers, tx_hash) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (feeds_address, hash) do nothing`,
      [
        feeds.toLowerCase(),
        keccak256(prices),
        snapshot.time,
        Buffer.from(hexToBytes(prices)),
        snapshot.reports.map(({ feed }) => feed.toString()),
        snapshot.signers,
        snapshot.tx,
      ],
    );
    await tx.query(`delete from feed_snapshots where feeds_address = $1 and "time" < $2`, [
      feeds.toLowerCase(),
      snapshot.time - KEPT_SECONDS,
    ]);
  }

  /** Drops what was signed for a time or later and is not known to be on the hub: it says what is not so any longer. */
  async forget(feeds: Address, from: number): Promise<void> {
    await this.dataSource.query(`delete from feed_snapshots where feeds_address = $1 and "time" >= $2 and tx_hash is null`, [
      feeds.toLowerCase(),
      from,
    ]);
  }

  /**
   * The fewest that hold the newest value of every feed, newest first.
   * @param after   seconds: signed for a later time
   * @param underlyings those asked for; null: all
   */
  async newest(
    feeds: Address,
    { after, underlyings }: { after: bigint; underlyings: readonly number[] | null },
  ): Promise<StoredSnapshot[]> {
    return risk.newestSnapshots(await this.after(feeds, after), underlyings);
  }

  /** Those signed for a later time, newest first. */
  async after(feeds: Address, after: bigint): Promise<StoredSnapshot[]> {
    const found: unknown = await this.dataSource.query(
      `select "time", prices, feeds::text[] as feeds, signers, tx_hash as tx from feed_snapshots
       where feeds_address = $1 and "time" > $2 order by "time" desc, id desc limit ${LOOKED_AT}`,
      [feeds.toLowerCase(), after.toString()],
    );
    return rows.parse(found);
  }
}
