import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

export const CHANGE_KINDS = ['deposit', 'withdrawal', 'request', 'path', 'order', 'trade', 'alarm'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** Where a listener is: everything up to here was told. */
export interface FeedPosition {
  readonly tx: bigint;
  readonly id: bigint;
}

export interface Change {
  readonly position: FeedPosition;
  readonly kind: ChangeKind;
  /** the fact that changed; ` final` or ` orphaned` behind it */
  readonly what: string;
  readonly subject: Readonly<Record<string, string | number>>;
  readonly at: string;
}

const BATCH = 500;

export const positionText = ({ tx, id }: FeedPosition): string => `${tx}-${id}`;

/** @returns undefined if the text is no position */
export function parsePosition(text: string): FeedPosition | undefined {
  const [, tx, id] = /^(\d{1,19})-(\d{1,18})$/.exec(text) ?? [];
  return tx === undefined || id === undefined ? undefined : { tx: BigInt(tx), id: BigInt(id) };
}

/** Reads what changed, in an order that never changes again. */
@Injectable()
export class ChangeFeed {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The end of the feed now. */
  async end(): Promise<FeedPosition> {
    const [row] = await this.dataSource.query<{ tx: string }[]>('select pg_snapshot_xmin(pg_current_snapshot())::text as tx');
    return { tx: BigInt(row?.tx ?? 0), id: -1n };
  }

  /** Changes after a position. Those of transactions that others may still overtake come later. */
  async after({ tx, id }: FeedPosition): Promise<Change[]> {
    const rows = await this.dataSource.query<
      { tx: string; id: string; kind: ChangeKind; what: string; subject: Change['subject']; at: Date }[]
    >(
      `select tx::text, id, kind, what, subject, at from changes
       where (tx, id) > ($1::xid8, $2::bigint) and tx < pg_snapshot_xmin(pg_current_snapshot()) order by tx, id limit ${BATCH}`,
      [tx.toString(), id.toString()],
    );
    return rows.map((row) => ({ ...row, position: { tx: BigInt(row.tx), id: BigInt(row.id) }, at: row.at.toISOString() }));
  }
}
