import { isHex, type Hex } from 'viem';
import type { EntityManager } from 'typeorm';
import { z } from 'zod/v4';
import { blockNumber, unixSeconds, type BlockNumber, type UnixSeconds } from '@lockstep/shared';
import type { BlockRef } from './block.js';
import type { ChainContext } from './chain-context.js';

const hex = z.custom<Hex>((value) => isHex(value), { error: 'expected hex' });
const integer = z.string().transform((value) => BigInt(value));

const blockRow = z.object({
  number: integer.transform(blockNumber),
  hash: hex,
  parent_hash: hex,
  timestamp: integer.transform(unixSeconds),
});
const cursorRow = z.object({
  tip_number: integer.transform(blockNumber),
  tip_hash: hex,
  final_number: integer.transform(blockNumber),
  final_hash: hex,
  halted_because: z.enum(['deep-reorg']).nullable(),
  resume_requested: z.boolean(),
});

/** How far a chain was followed. */
export interface Cursor {
  readonly tip: { readonly number: BlockNumber; readonly hash: Hex };
  readonly final: { readonly number: BlockNumber; readonly hash: Hex };
  readonly haltedBecause: 'deep-reorg' | null;
  readonly resumeRequested: boolean;
}

/** A reorg as recorded. */
export interface ReorgRecord {
  readonly kind: 'reorg' | 'deep-reorg';
  /** null: none of the blocks kept is on the new chain */
  readonly ancestor: { readonly number: BlockNumber; readonly hash: Hex } | null;
  readonly oldTip: { readonly number: BlockNumber; readonly hash: Hex };
  /** the block now at the first removed height, or the new tip if the chain became shorter */
  readonly newHash: Hex;
}

const BLOCK_COLUMNS = 'number, hash, parent_hash, timestamp';

/** Blocks and cursor of one chain. Every method runs in the transaction it is given. */
export class BlockStore {
  constructor(private readonly chain: Pick<ChainContext, 'chainId' | 'name'>) {}

  /** The cursor, its row locked if asked, or undefined if the chain was never followed. */
  async cursor(tx: EntityManager, lock = false): Promise<Cursor | undefined> {
    const rows: unknown = await tx.query(
      `select number as tip_number, hash as tip_hash, final_number, final_hash, halted_because, resume_requested
       from cursors where chain_id = $1 ${lock ? 'for update' : ''}`,
      [this.chain.chainId],
    );
    const [row] = z.array(cursorRow).parse(rows);
    return (
      row && {
        tip: { number: row.tip_number, hash: row.tip_hash },
        final: { number: row.final_number, hash: row.final_hash },
        haltedBecause: row.halted_because,
        resumeRequested: row.resume_requested,
      }
    );
  }

  /** Starts following after `anchor`, which counts as final. Does nothing if the chain is followed already. */
  async begin(tx: EntityManager, anchor: BlockRef): Promise<void> {
    await this.append(tx, [anchor]);
    await tx.query(`update blocks set final = true where chain_id = $1 and number = $2`, [this.chain.chainId, anchor.number.toString()]);
    await tx.query(
      `insert into cursors (chain_id, chain, number, hash, final_number, final_hash) values ($1, $2, $3, $4, $3, $4) on conflict do nothing`,
      [this.chain.chainId, this.chain.name, anchor.number.toString(), anchor.hash],
    );
  }

  async append(tx: EntityManager, blocks: readonly BlockRef[]): Promise<void> {
    await tx.query(
      `insert into blocks (chain_id, ${BLOCK_COLUMNS})
       select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[]) on conflict (chain_id, number) do nothing`,
      [
        this.chain.chainId,
        blocks.map(({ number }) => number.toString()),
        blocks.map(({ hash }) => hash),
        blocks.map(({ parentHash }) => parentHash),
        blocks.map(({ timestamp }) => timestamp.toString()),
      ],
    );
  }

  async moveTip(tx: EntityManager, tip: { readonly number: BlockNumber; readonly hash: Hex }): Promise<void> {
    await tx.query(`update cursors set number = $2, hash = $3, updated_at = now() where chain_id = $1`, [
      this.chain.chainId,
      tip.number.toString(),
      tip.hash,
    ]);
  }

  /** Marks blocks up to `final` and forgets those more than `keep` below it. */
  async finalise(tx: EntityManager, final: BlockRef, keep: number): Promise<void> {
    const chainId = this.chain.chainId;
    await tx.query(`update blocks set final = true where chain_id = $1 and number <= $2 and not final`, [chainId, final.number.toString()]);
    await tx.query(`update cursors set final_number = $2, final_hash = $3, updated_at = now() where chain_id = $1`, [
      chainId,
      final.number.toString(),
      final.hash,
    ]);
    await tx.query(`delete from blocks where chain_id = $1 and number < $2`, [chainId, (final.number - BigInt(keep)).toString()]);
  }

  async at(tx: EntityManager, number: BlockNumber): Promise<BlockRef | undefined> {
    return this.#one(tx, `number = $2`, number.toString());
  }

  /** The highest known block at or below a height. */
  async highestUpTo(tx: EntityManager, number: BlockNumber): Promise<BlockRef | undefined> {
    return this.#one(tx, `number <= $2 order by number desc limit 1`, number.toString());
  }

  /** The highest known block with a timestamp at or before `time`. */
  async highestBefore(tx: EntityManager, time: UnixSeconds): Promise<BlockRef | undefined> {
    return this.#one(tx, `timestamp <= $2 order by number desc limit 1`, time.toString());
  }

  /** Removes the blocks above `ancestor` and steps the cursor back to it. @returns the removed, ascending */
  async rollback(tx: EntityManager, ancestor: BlockRef): Promise<readonly BlockRef[]> {
    const rows: unknown = await tx.query(
      `with removed as (delete from blocks where chain_id = $1 and number > $2 returning ${BLOCK_COLUMNS}) select * from removed order by number`,
      [this.chain.chainId, ancestor.number.toString()],
    );
    await tx.query(
      `update cursors set number = $2, hash = $3,
         final_hash = case when final_number > $2 then $3 else final_hash end, final_number = least(final_number, $2), updated_at = now()
       where chain_id = $1`,
      [this.chain.chainId, ancestor.number.toString(), ancestor.hash],
    );
    return z.array(blockRow).parse(rows).map(toRef);
  }

  async recordReorg(tx: EntityManager, { kind, ancestor, oldTip, newHash }: ReorgRecord): Promise<void> {
    await tx.query(
      `insert into reorgs (chain_id, chain, kind, ancestor_number, ancestor_hash, old_tip_number, old_tip_hash, new_hash, depth)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        this.chain.chainId,
        this.chain.name,
        kind,
        ancestor?.number.toString() ?? null,
        ancestor?.hash ?? null,
        oldTip.number.toString(),
        oldTip.hash,
        newHash,
        ancestor && (oldTip.number - ancestor.number).toString(),
      ],
    );
  }

  async halt(tx: EntityManager, because: 'deep-reorg', detail: Readonly<Record<string, string | null>>): Promise<void> {
    await tx.query(
      `update cursors set halted_because = $2, halted_detail = $3, halted_at = now(), resume_requested = false where chain_id = $1`,
      [this.chain.chainId, because, JSON.stringify(detail)],
    );
  }

  async resume(tx: EntityManager): Promise<void> {
    await tx.query(
      `update cursors set halted_because = null, halted_detail = null, halted_at = null, resume_requested = false where chain_id = $1`,
      [this.chain.chainId],
    );
  }

  async #one(tx: EntityManager, condition: string, parameter: string): Promise<BlockRef | undefined> {
    const rows: unknown = await tx.query(`select ${BLOCK_COLUMNS} from blocks where chain_id = $1 and ${condition}`, [
      this.chain.chainId,
      parameter,
    ]);
    const [row] = z.array(blockRow).parse(rows);
    return row && toRef(row);
  }
}

function toRef(row: z.output<typeof blockRow>): BlockRef {
  return { number: row.number, hash: row.hash, parentHash: row.parent_hash, timestamp: row.timestamp };
}
