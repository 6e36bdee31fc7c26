import { beforeEach, describe, expect, it } from '@jest/globals';
import { sequence } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { ChangeFeed } from '../src/api/change-feed.js';
import { PathProblems } from '../src/stages/path-problems.js';
import { givenPostgres } from './support/database.js';
import { HUB, SPOKE } from './support/network.js';

const path = { srcEid: SPOKE, dstEid: HUB } as const;

describe('given somebody who listens to changes', () => {
  const migratedDatabase = givenPostgres();
  let database: DataSource;
  let problems: PathProblems;
  let feed: ChangeFeed;

  beforeEach(async () => {
    ({ database } = await migratedDatabase());
    problems = new PathProblems(database);
    feed = new ChangeFeed(database);
  });

  it('tells changes in an order that never changes, from any position on', async () => {
    const start = await feed.end();
    await problems.raise('reconciliation', { code: 'BOOKS_DISAGREE', ...path, detail: 'held is 1; expected 2' });
    const open = database.createQueryRunner();
    await open.startTransaction();
    await open.query('select pg_current_xact_id()');
    await problems.clear('reconciliation', SPOKE, HUB);
    const first = await feed.after(start);
    expect(first.map(({ kind, what }) => [kind, what])).toEqual([['alarm', 'BOOKS_DISAGREE']]); // its end could still be overtaken
    await open.commitTransaction();
    await open.release();
    const [last] = first;
    if (last === undefined) throw new Error('a change was told');
    expect((await feed.after(last.position)).map(({ what, subject }) => [what, subject['stage']])).toEqual([
      ['BOOKS_DISAGREE ended', 'reconciliation'],
    ]);
  });

  it('tells alarms: what begins, what becomes of it, and its end, but not that it still stands', async () => {
    const start = await feed.end();
    await problems.raise('reconciliation', { code: 'BOOKS_DISAGREE', ...path, detail: 'held is 1; expected 2' });
    await problems.raise('reconciliation', { code: 'BOOKS_DISAGREE', ...path, detail: 'held is 0; expected 2' });
    await problems.raise('attestation', { code: 'ENTRIES_MISSING', ...path, first: sequence(4n) });
    await problems.raise('attestation', { code: 'LOG_GAP', ...path, expected: sequence(4n), found: sequence(5n) });
    await problems.clear('reconciliation', SPOKE, HUB);
    const told = await feed.after(start);
    expect(told.map(({ kind, what, subject }) => [kind, what, subject['stage']])).toEqual([
      ['alarm', 'BOOKS_DISAGREE', 'reconciliation'],
      ['alarm', 'ENTRIES_MISSING', 'attestation'],
      ['alarm', 'ENTRIES_MISSING ended', 'attestation'],
      ['alarm', 'LOG_GAP', 'attestation'],
      ['alarm', 'BOOKS_DISAGREE ended', 'reconciliation'],
    ]);
    expect(told[0]?.subject).toMatchObject({ ...path, detail: expect.stringContaining('held is 1; expected 2') });
  });
});
