import { beforeEach, describe, expect, it } from '@jest/globals';
import { iMessengerAbi } from '@lockstep/contracts';
import { accountId, encodeEntry, fold, genesisHead, leafOf, sequence, tokenAmount, unixSeconds } from '@lockstep/shared';
import { keccak256, numberToHex, zeroHash, type Hex } from 'viem';
import type { DataSource } from 'typeorm';
import type { DepositQueries } from '../src/api/deposits.queries.js';
import type { BlockRef, Log } from '../src/chain/block.js';
import type { ChainContext } from '../src/chain/chain-context.js';
import { DepositConsumer } from '../src/stages/deposit/deposit.consumer.js';
import { PathProblems } from '../src/stages/path-problems.js';
import { Paths, messengerOf } from '../src/stages/paths.js';
import { testQueries } from './support/queries.js';
import { givenPostgres } from './support/database.js';
import { HUB, SPOKE, addressOf, block, logOf, testChains } from './support/network.js';

const ACCOUNT = accountId(`0x${'ab'.repeat(32)}`);
const TX: Hex = keccak256('0xde');

function entry(amount: bigint, at = 1n): Hex {
  return encodeEntry({
    kind: 'Deposited',
    account: ACCOUNT,
    asset: 1,
    amount: tokenAmount(amount),
    timestamp: unixSeconds(at),
    payer: addressOf(1),
    refund: addressOf(2),
    ownDeposit: true,
  });
}

describe('given a spoke whose log is indexed', () => {
  const migratedDatabase = givenPostgres();
  let database: DataSource;
  let spoke: ChainContext;
  let paths: Paths;
  let consumer: DepositConsumer;
  let deposits: DepositQueries;
  let indexed = 0;

  beforeEach(async () => {
    const made = await migratedDatabase();
    database = made.database;
    const chains = testChains(made.url);
    const found = chains.byEid(SPOKE);
    if (found === undefined) throw new Error('the network has a spoke');
    spoke = found;
    paths = new Paths(chains);
    indexed = 0;
    consumer = new DepositConsumer(paths, new PathProblems(database), { now: () => 1_700_000_500_000 }, () => (indexed += 1));
    deposits = testQueries(database, made.url, chains).deposits;
  });

  /** Logs of entries appended from `first` on, one per log index. */
  function appended(at: BlockRef, first: number, before: Hex, entries: readonly Hex[], tx?: Hex): { logs: Log[]; head: Hex } {
    let head = before;
    const logs = entries.map((bytes, i) => {
      head = fold(head, leafOf(bytes));
      const args = { dstEid: HUB, sequence: BigInt(first + i), head, entry: bytes };
      return logOf(iMessengerAbi, 'EntryAppended', args, { address: messengerOf(spoke), block: at, index: i, ...(tx ? { tx } : {}) });
    });
    return { logs, head };
  }
  const genesis = (): Hex => {
    const route = paths.find(SPOKE, HUB);
    if (route === undefined) throw new Error('the spoke has a path to the hub');
    return genesisHead(route.path);
  };
  const index = (at: BlockRef, logs: readonly Log[]) => database.transaction((tx) => consumer.onBlock(tx, spoke, at, logs));
  const states = () => database.query<{ sequence: string; state: string }[]>('select sequence, state from log_entries order by id');

  it('stores entries in order, across blocks, with what queries need', async () => {
    const one = appended(block(1), 1, genesis(), [entry(5n), entry(6n)], TX);
    const two = appended(block(2), 3, one.head, [encodeEntry({ kind: 'Closed' })]);
    await index(block(1), one.logs);
    await index(block(2), two.logs);
    expect(await states()).toEqual([1, 2, 3].map((n) => ({ sequence: `${n}`, state: 'pending' })));
    expect(indexed).toBe(2);
    const found = await deposits.ofTransaction(TX);
    expect(found.map((d) => [d.sequence, d.amountBaseUnits, d.state])).toEqual([
      ['1', '5', 'deposited'],
      ['2', '6', 'deposited'],
    ]);
  });

  it('when a provider leaves an entry out, it stores nothing of the block and says which one is missing', async () => {
    const { logs } = appended(block(1), 1, genesis(), [entry(5n), entry(6n), entry(7n)]);
    await expect(
      index(
        block(1),
        [logs[0], logs[2]].filter((log) => log !== undefined),
      ),
    ).rejects.toThrow('entry 3 came where 2 was expected');
    expect(await states()).toEqual([]);
    expect(await database.query('select stage, code from path_problems')).toEqual([{ stage: 'deposit', code: 'LOG_GAP' }]);
    await index(block(1), logs);
    expect(await database.query('select stage from path_problems')).toEqual([]);
  });

  it('when a provider makes an entry up, the head does not follow and nothing is stored', async () => {
    const honest = appended(block(1), 1, genesis(), [entry(5n)]);
    const forged = appended(block(1), 1, zeroHash, [entry(5_000n)]);
    await expect(index(block(1), forged.logs)).rejects.toThrow('folding entry 1');
    await index(block(1), honest.logs);
    expect(await states()).toHaveLength(1);
  });

  it('when an entry is malformed, it is copied all the same: the hub is who refuses it', async () => {
    const malformed: Hex = '0x01aabb';
    await index(block(1), appended(block(1), 1, genesis(), [malformed, entry(5n)]).logs);
    expect(await states()).toHaveLength(2);
  });

  describe('when a reorg removes the block of a deposit', () => {
    beforeEach(async () => {
      await index(block(1), appended(block(1), 1, genesis(), [entry(5n)], TX).logs);
      await database.transaction((tx) => consumer.onReorg(tx, spoke, block(1)));
    });

    it('shows it as orphaned, by its transaction and by its place, and lists it among what was removed', async () => {
      expect((await deposits.ofTransaction(TX)).map((d) => d.state)).toEqual(['orphaned']);
      expect((await deposits.at(SPOKE, sequence(1n)))?.state).toBe('orphaned');
      expect(await database.query('select eid, kind, tx_hash, was_final from reorged_facts')).toEqual([
        { eid: SPOKE, kind: 'log-entry', tx_hash: TX, was_final: false },
      ]);
    });

    it('goes on with the deposit when its transaction is mined again, and still shows the first block', async () => {
      await index(block(2, 'b'), appended(block(2, 'b'), 1, genesis(), [entry(5n, 2n)], TX).logs);
      const [found, ...others] = await deposits.ofTransaction(TX);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ state: 'deposited', reorged: [{ stage: 'deposited', tx: TX }] });
    });

    it('takes the row back when the very same block returns', async () => {
      await index(block(1), appended(block(1), 1, genesis(), [entry(5n)], TX).logs);
      expect(await states()).toEqual([{ sequence: '1', state: 'pending' }]);
    });

    it('gives its sequence to another deposit without mixing the two', async () => {
      const other = numberToHex(99, { size: 32 });
      await index(block(2, 'b'), appended(block(2, 'b'), 1, genesis(), [entry(9n)], other).logs);
      expect((await deposits.ofTransaction(TX)).map((d) => [d.state, d.amountBaseUnits])).toEqual([['orphaned', '5']]);
      expect(await deposits.at(SPOKE, sequence(1n))).toMatchObject({ state: 'deposited', amountBaseUnits: '9', reorged: [] });
    });
  });

  it('when a block is final, so are its entries, with the time it was seen', async () => {
    await index(block(1), appended(block(1), 1, genesis(), [entry(5n)], TX).logs);
    await database.transaction((tx) => consumer.onFinal(tx, spoke, block(1)));
    const [found] = await deposits.ofTransaction(TX);
    expect(found?.steps.map((s) => [s.stage, s.at, s.final])).toEqual([
      ['deposited', new Date(1_700_000_001_000).toISOString(), true],
      ['final', new Date(1_700_000_500_000).toISOString(), true],
    ]);
  });
});
