import pg from 'pg';
import { z } from 'zod/v4';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';
import { significant, type Results } from './results.js';

const EVENTS = 60_000;
/** The copies' block: far above the head, so they stay pending. Finality is other work than booking, and comes later on a real chain. */
const NOT_YET_FINAL = 1_000_000_000;
/** Rows per statement of the bare ceiling. */
const ROWS_PER_STATEMENT = 2_000;

const rate = z.array(z.object({ postings: z.string().transform(Number), seconds: z.string().transform(Number) })).length(1);

/**
 * Postings per second of the running relayer: its queue is filled with credits like one it has booked, and the rows it writes are
 * counted by their own times. The ceiling is the same number of rows through bare multi-row INSERTs into a table without index,
 * constraint or trigger, right after it. Leaves the database unusable for anything else.
 */
export async function measureJournal(world: World): Promise<Results> {
  const [, spoke] = world.stack.chains;
  if (!spoke) throw new Error('the network has no spoke; expected one');
  // The credit that the queue is filled with copies of: an own deposit, so it is collateral.
  await world.flow.ended([await world.user(0).deposit({ chain: spoke, asset: 'WETH', amount: 1_000n })], 'credited');
  await eventually('the relayer to book a credit', async () => {
    const rows = await world.rows(`select 1 from journal_entries where kind = 'Credited' limit 1`);
    return rows.length > 0 ? true : undefined;
  });
  await world.relayer.stop();
  await world.rows(
    `insert into ledger_events (eid, kind, src_eid, sequence, account, asset_id, payload, block_number, block_hash, block_time, tx_hash, log_index, state)
     select t.eid, t.kind, t.src_eid, 1000000 + n, t.account, t.asset_id,
            jsonb_set(t.payload, '{sequence}', to_jsonb((1000000 + n)::text)),
            ${NOT_YET_FINAL}, '0x' || md5('bench' || n / 500) || md5(n::text || 'block'), t.block_time, t.tx_hash, 1000 + n, 'pending'
       from (select * from ledger_events where kind = 'Credited' and payload ->> 'destination' = 'collateral' limit 1) t,
            generate_series(1, ${EVENTS}) n`,
  );
  await world.rows('analyze'); // as the server would have done by itself, had the rows come in over time
  await world.relayer.start();
  await eventually(
    'the relayer to book the backlog of credits',
    async (note) => {
      const [next] = await world.rows(`select * from journal_queue limit 1`);
      note(next);
      return next === undefined ? true : undefined;
    },
    { timeoutMs: 120_000, everyMs: 100 },
  );
  // A batch carries the time its transaction began, so the first batch is the start and is not counted.
  const [measured] = rate.parse(
    await world.rows(
      `with lines as (select e.recorded_at as at from journal_entries e join ledger_events l on l.id = e.event_id join postings p on p.entry_id = e.id
                       where l.sequence > 1000000),
            span as (select min(at) as first, max(at) as last from lines)
       select count(*) filter (where at < last)::text as postings, extract(epoch from max(last) - min(first))::text as seconds from lines, span`,
    ),
  );
  if (!measured) throw new Error('the journal has no bench rows; expected those of the backlog');
  await world.relayer.stop();
  const ceiling = await bareInserts(world.postgres.url('relayer'), EVENTS * 2);
  const perSecond = measured.postings / measured.seconds;
  return {
    'journal.postingsPerSecond': {
      value: significant(perSecond),
      unit: 'postings/s',
      target: '≥ 50% of the bare INSERT ceiling',
      limit: `bare INSERT in the same run: ${significant(ceiling)} rows/s`,
    },
    'journal.shareOfCeiling': { value: significant(perSecond / ceiling), unit: 'of the bare INSERT ceiling', target: '≥ 0.5' },
  };
}

/** Rows per second into a bare table. */
async function bareInserts(url: string, rows: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('create table bench_bare (entry_id bigint, line smallint, account text, asset text, amount numeric(78))');
    const account = `balance:0x${'ab'.repeat(32)}`;
    const started = performance.now();
    for (let first = 0; first < rows; first += ROWS_PER_STATEMENT) {
      const ids = Array.from({ length: ROWS_PER_STATEMENT }, (_, i) => String(Math.floor((first + i) / 2)));
      await client.query(
        `insert into bench_bare select id, o % 2, a, t, n from unnest($1::bigint[], $2::text[], $3::text[], $4::numeric[]) with ordinality as r(id, a, t, n, o)`,
        [ids, ids.map(() => account), ids.map(() => 'token:40002:2'), ids.map((_, i) => (i % 2 ? '-1234567' : '1234567'))],
      );
    }
    return (rows * 1000) / (performance.now() - started);
  } finally {
    await client.end();
  }
}
