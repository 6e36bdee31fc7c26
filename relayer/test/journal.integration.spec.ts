import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { iGatewayAbi, iLedgerAbi } from '@lockstep/contracts';
import { accountId, encodeEntry, leafOf, tokenAmount, unixSeconds } from '@lockstep/shared';
import { zeroHash, type Hex } from 'viem';
import { EntityManager, type DataSource } from 'typeorm';
import type { BlockRef, Log } from '../src/chain/block.js';
import type { Chains } from '../src/chain/chains.js';
import { insertFacts } from '../src/stages/facts.js';
import { JournalRepository } from '../src/stages/ledger/journal.repository.js';
import { JournalService } from '../src/stages/ledger/journal.service.js';
import { LedgerConsumer } from '../src/stages/ledger/ledger.consumer.js';
import { givenPostgres } from './support/database.js';
import { HUB, SPOKE, addressOf, block, logOf, testChains } from './support/network.js';

const ALICE = accountId(`0x${'aa'.repeat(32)}`);
const BOB = accountId(`0x${'bb'.repeat(32)}`);
const USDC = 1;
const PARKED_REASON = 4;

/** `Credited`'s word: srcEid 32 | sequence 64 | assetId 16 | destination 8 | amount 128. */
const receipt = (sequence: bigint, destination: 0 | 1 | 2, amount: bigint): bigint =>
  (BigInt(SPOKE) << 216n) | (sequence << 152n) | (BigInt(USDC) << 136n) | (BigInt(destination) << 128n) | amount;

describe('given a hub whose ledger is mirrored', () => {
  const migratedDatabase = givenPostgres();
  let database: DataSource;
  let chains: Chains;
  let consumer: LedgerConsumer;
  let journal: JournalService;

  beforeEach(async () => {
    const made = await migratedDatabase();
    database = made.database;
    chains = testChains(made.url);
    consumer = new LedgerConsumer({ now: () => 1_700_000_500_000 });
    journal = new JournalService(chains, new JournalRepository(database));
  });

  type Given = (at: BlockRef, index: number) => Log;
  const ledger =
    (name: string, args: Record<string, unknown>): Given =>
    (at, index) =>
      logOf(iLedgerAbi, name, args, { address: chains.hub.contract('Ledger'), block: at, index });
  const gateway =
    (name: string, args: Record<string, unknown>): Given =>
    (at, index) =>
      logOf(iGatewayAbi, name, args, { address: chains.hub.contract('Gateway'), block: at, index });
  const configured = ledger('AssetConfigured', {
    assetId: USDC,
    eid: SPOKE,
    asset: 1,
    config: { standing: 2, decimals: 6, cap: 1n, inflowCapacity: 1n, inflowPerSecond: 1n },
  });
  const credited = (sequence: bigint, destination: 0 | 1 | 2, amount: bigint, account: Hex = ALICE): Given =>
    ledger('Credited', { account, receipt: receipt(sequence, destination, amount) });

  const index = (at: BlockRef, given: readonly Given[]) =>
    database.transaction((tx) =>
      consumer.onBlock(
        tx,
        chains.hub,
        at,
        given.map((make, i) => make(at, i)),
      ),
    );
  const reorg = (from: BlockRef) => database.transaction((tx) => consumer.onReorg(tx, chains.hub, from));
  const finalize = (upTo: BlockRef) => database.transaction((tx) => consumer.onFinal(tx, chains.hub, upTo));
  async function balances(): Promise<Record<string, string>> {
    const rows = await database.query<{ key: string; sum: string }[]>(
      `select account || '|' || asset as key, sum(amount) as sum from postings group by 1 having sum(amount) <> 0 order by 1`,
    );
    return Object.fromEntries(rows.map(({ key, sum }) => [key, sum]));
  }
  const counts = async (): Promise<{ entries: number; final: number; reversals: number }> => {
    const [row] = await database.query<{ entries: string; final: string; reversals: string }[]>(
      `select (select count(*) from journal_entries) as entries, (select count(*) from journal_finalities) as final,
              (select count(*) from journal_entries where reverses is not null) as reversals`,
    );
    return { entries: Number(row?.entries), final: Number(row?.final), reversals: Number(row?.reversals) };
  };
  const TOKEN = `token:${SPOKE}:1`;

  it('books a settlement deposit as cash at par, pending first and final with its block', async () => {
    await index(block(1), [configured, credited(1n, 2, 5_000_000n)]);
    await journal.mirror();
    expect(await balances()).toEqual({
      [`cash:${ALICE}|cash`]: '-5000000000000000000',
      [`custody|${TOKEN}`]: '5000000',
      [`free|${TOKEN}`]: '-5000000',
      'par|cash': '5000000000000000000',
    });
    expect(await counts()).toEqual({ entries: 1, final: 0, reversals: 0 });
    await finalize(block(1));
    await journal.mirror();
    expect(await counts()).toEqual({ entries: 1, final: 1, reversals: 0 });
  });

  it('books premiums against clearing, and interest against its pool until it is collected', async () => {
    await index(block(1), [
      configured,
      credited(1n, 2, 5n),
      ledger('CashChanged', { account: ALICE, change: -7n * 10n ** 12n }),
      ledger('CashChanged', { account: BOB, change: 4n * 10n ** 12n }),
      ledger('InterestCharged', { account: ALICE, amount: 2n }),
    ]);
    await journal.mirror();
    expect(await balances()).toMatchObject({
      [`cash:${ALICE}|cash`]: `${2n * 10n ** 12n + 2n}`,
      [`cash:${BOB}|cash`]: `-${4n * 10n ** 12n}`,
      'clearing|cash': `-${3n * 10n ** 12n}`,
      'interest|cash': '-2',
    });
    await index(block(2), [ledger('InterestCollected', { account: BOB, amount: 2n })]);
    await journal.mirror();
    const after = await balances();
    expect(after[`cash:${BOB}|cash`]).toBe(`-${4n * 10n ** 12n + 2n}`);
    expect(after).not.toHaveProperty('interest|cash');
  });

  it('books a loss of all cash until holders have borne it, and what a lost vault took from cash and from balances', async () => {
    await index(block(1), [
      configured,
      credited(1n, 2, 5n),
      credited(2n, 0, 40n),
      ledger('LossSpread', { account: BOB, amount: 9n, kept: 10n ** 27n }),
      ledger('LossCharged', { account: ALICE, amount: 10n }),
      ledger('AssetWrittenDown', {
        assetId: USDC,
        successor: USDC + 1,
        eid: SPOKE,
        asset: 1,
        recovery: 0n,
        balances: 30n,
        free: 5n,
        bearer: BOB,
      }),
      ledger('BalanceWrittenDown', { account: ALICE, assetId: USDC, successor: USDC + 1, held: 40n, kept: 10n }),
    ]);
    await journal.mirror();
    expect(await balances()).toEqual({
      [`balance:${ALICE}|${TOKEN}`]: '-10',
      [`cash:${ALICE}|cash`]: `-${5n * 10n ** 12n - 10n}`,
      [`cash:${BOB}|cash`]: `${5n * 10n ** 12n - 9n}`,
      [`custody|${TOKEN}`]: '10',
      'spread|cash': '-1',
    });
  });

  it('books transfers between accounts, and a correction from the balance first and from cash after that', async () => {
    await index(block(1), [
      configured,
      credited(1n, 0, 100n),
      credited(2n, 2, 50n),
      ledger('Transferred', { from: ALICE, to: BOB, assetId: USDC, amount: 30n }),
      ledger('Corrected', { account: ALICE, assetId: USDC, booked: -80n, uncovered: 5n, sequence: 1n }),
    ]);
    await journal.mirror();
    expect(await balances()).toEqual({
      [`balance:${BOB}|${TOKEN}`]: '-30',
      [`cash:${ALICE}|cash`]: `-${40n * 10n ** 12n}`,
      [`custody|${TOKEN}`]: '70',
      [`free|${TOKEN}`]: '-40',
      'par|cash': `${40n * 10n ** 12n}`,
    });
  });

  describe('when a deposit is parked', () => {
    const bytes = encodeEntry({
      kind: 'Deposited',
      account: ALICE,
      asset: 1,
      amount: tokenAmount(7n),
      timestamp: unixSeconds(1n),
      payer: addressOf(1),
      refund: addressOf(2),
      ownDeposit: true,
    });
    const parked = gateway('DepositParked', { srcEid: SPOKE, sequence: 9n, leaf: leafOf(bytes), reason: PARKED_REASON });
    const sourceEntry = () =>
      database.transaction((tx) =>
        insertFacts(
          tx,
          { table: 'log_entries', eidColumn: 'src_eid', kind: 'log-entry', subject: `'{}'::jsonb`, identity: 'block_hash, log_index' },
          [
            {
              src_eid: SPOKE,
              dst_eid: HUB,
              sequence: 9n,
              kind: 1,
              bytes,
              leaf: leafOf(bytes),
              head: zeroHash,
              account: ALICE,
              asset: 1,
              amount: 7n,
              block_number: 4n,
              block_hash: block(4, 'spoke').hash,
              block_time: 1n,
              tx_hash: zeroHash,
              log_index: 0,
            },
          ],
        ),
      );

    it('waits for the log of its chain, then books suspense, and later the credit out of suspense', async () => {
      await index(block(1), [configured, parked]);
      await journal.mirror();
      expect(await balances()).toEqual({});
      await sourceEntry();
      await journal.mirror();
      expect(await balances()).toEqual({ [`custody|${TOKEN}`]: '7', [`suspense|${TOKEN}`]: '-7' });
      await index(block(2), [credited(9n, 0, 7n), gateway('ParkedCredited', { srcEid: SPOKE, sequence: 9n })]);
      await journal.mirror();
      expect(await balances()).toEqual({ [`balance:${ALICE}|${TOKEN}`]: '-7', [`custody|${TOKEN}`]: '7' });
    });
  });

  describe('when a reorg removes a credit', () => {
    beforeEach(async () => {
      await index(block(1), [configured]);
      await index(block(2), [credited(1n, 0, 5n)]);
      await journal.mirror();
    });

    it('reverses its entry, and books it again when it comes back in another block', async () => {
      await reorg(block(2));
      await journal.mirror();
      expect(await balances()).toEqual({});
      expect(await counts()).toMatchObject({ entries: 2, reversals: 1 });
      await index(block(2, 'b'), [credited(1n, 0, 5n)]);
      await journal.mirror();
      expect(await balances()).toEqual({ [`balance:${ALICE}|${TOKEN}`]: '-5', [`custody|${TOKEN}`]: '5' });
    });

    it('books it again when the very same block comes back, once', async () => {
      await reorg(block(2));
      await journal.mirror();
      await index(block(2), [credited(1n, 0, 5n)]);
      await journal.mirror();
      await journal.mirror();
      expect(await counts()).toMatchObject({ entries: 3, reversals: 1 });
      await finalize(block(2));
      await journal.mirror();
      expect(await balances()).toEqual({ [`balance:${ALICE}|${TOKEN}`]: '-5', [`custody|${TOKEN}`]: '5' });
      expect((await counts()).final).toBe(1);
    });

    it('reverses it even if it was final: a reorg deeper than finality is undone too', async () => {
      await finalize(block(2));
      await journal.mirror();
      await reorg(block(2));
      await journal.mirror();
      expect(await balances()).toEqual({});
      expect(await counts()).toEqual({ entries: 2, final: 2, reversals: 1 });
    });
  });

  describe('when an event changes while it is queued', () => {
    beforeEach(() => index(block(1), [configured, credited(1n, 0, 5n)]));

    it('makes its entry final also if its block becomes final while it is being booked', async () => {
      const finality = database.createQueryRunner();
      await finality.startTransaction();
      await consumer.onFinal(finality.manager, chains.hub, block(1));
      const booking = journal.mirror();
      // Whether the journal waits or not: it has looked at the queue, if it ever does, before this is committed.
      await Promise.race([booking, new Promise((resolve) => setTimeout(resolve, 500))]);
      await finality.commitTransaction();
      await finality.release();
      await booking;
      await journal.mirror();
      expect(await counts()).toEqual({ entries: 1, final: 1, reversals: 0 });
    });

    it('reverses its entry once if its block was made final and removed since the journal looked', async () => {
      await journal.mirror();
      await finalize(block(1));
      await reorg(block(1));
      await journal.mirror();
      expect(await balances()).toEqual({});
      expect(await counts()).toEqual({ entries: 2, final: 0, reversals: 1 });
    });

    it('makes its entry final once if its block was removed, came back and became final since the journal looked', async () => {
      await journal.mirror();
      await reorg(block(1));
      await index(block(1), [configured, credited(1n, 0, 5n)]);
      await finalize(block(1));
      await journal.mirror();
      await journal.mirror();
      expect(await counts()).toEqual({ entries: 1, final: 1, reversals: 0 });
    });
  });

  it('books more events than fit in one batch, each once, corrections by what was held before them', async () => {
    const EVENTS = 4_500;
    const events = Array.from({ length: EVENTS }, (_, i) =>
      i % 1_000 === 999
        ? ledger('Corrected', { account: ALICE, assetId: USDC, booked: -2n, uncovered: 0n, sequence: 1n })
        : credited(BigInt(i + 1), 0, 1n),
    );
    await index(block(1), [configured, ...events]);
    const query = jest.spyOn(EntityManager.prototype, 'query');
    expect(await journal.mirror()).toBe(true);
    expect(await journal.mirror()).toBe(false);
    // Ids are reserved for a batch, not for each statement.
    const reservations = query.mock.calls.filter(([text]) => text.includes('setval')).length;
    query.mockRestore();
    expect(reservations).toBe(2);
    const corrections = Math.floor(EVENTS / 1_000);
    const held = EVENTS - corrections - 2 * corrections;
    expect(await balances()).toEqual({ [`balance:${ALICE}|${TOKEN}`]: `-${held}`, [`custody|${TOKEN}`]: `${held}` });
    expect((await counts()).entries).toBe(EVENTS);
  });

  describe('when somebody touches the journal by hand', () => {
    beforeEach(async () => {
      await index(block(1), [configured, credited(1n, 0, 5n)]);
      await journal.mirror();
      await finalize(block(1));
      await journal.mirror();
    });
    const event = `(select min(id) from ledger_events)`;
    const newEntry = `insert into journal_entries (event_id, kind, eid, block_number, block_hash, log_index) values (${event}, 'Credited', 1, 1, '0x', 0) returning id`;

    it.each(['journal_entries', 'postings', 'journal_finalities'])('refuses UPDATE, DELETE and TRUNCATE on %s', async (table) => {
      const column = table === 'journal_entries' ? 'kind = kind' : 'entry_id = entry_id';
      for (const statement of [`update ${table} set ${column}`, `delete from ${table}`, `truncate ${table} cascade`])
        await expect(database.query(statement)).rejects.toThrow('the journal is append-only');
    });

    it('INV-LEDGER-3: refuses an entry whose postings do not sum to zero', async () => {
      const write = database.query(
        `with made as (${newEntry})
         insert into postings (entry_id, line, account, asset, amount)
         select id, line, account, 'x', amount from made, (values (1, 'custody', 5), (2, 'free', -4)) as v(line, account, amount)`,
      );
      await expect(write).rejects.toThrow(/INV-LEDGER-3: postings of journal entry \d+ sum to 1 in x; expected 0/);
    });

    it('INV-LEDGER-3: refuses an entry without postings', async () => {
      await expect(database.query(newEntry)).rejects.toThrow(/INV-LEDGER-3: a journal entry among \d+ … \d+ has no postings/);
    });

    it('refuses an entry of an event that there is not', async () => {
      const write = database.query(
        `with made as (insert into journal_entries (event_id, kind, eid, block_number, block_hash, log_index) values (999, 'Credited', 1, 1, '0x', 0) returning id)
         insert into postings (entry_id, line, account, asset, amount)
         select id, line, account, 'x', amount from made, (values (1, 'custody', 5), (2, 'free', -5)) as v(line, account, amount)`,
      );
      await expect(write).rejects.toThrow(/names an event that there is not/);
    });

    it('refuses postings of an entry that there is not', async () => {
      const add = `insert into postings (entry_id, line, account, asset, amount) values (999, 1, 'custody', 'x', 5), (999, 2, 'free', 'x', -5)`;
      await expect(database.query(add)).rejects.toThrow('postings were added to a journal entry of an earlier transaction');
    });

    it('refuses postings, even balanced ones, on an entry of an earlier transaction', async () => {
      const add = `insert into postings (entry_id, line, account, asset, amount)
        select min(id), 8, 'custody', 'x', 5 from journal_entries union all select min(id), 9, 'free', 'x', -5 from journal_entries`;
      await expect(database.query(add)).rejects.toThrow('postings were added to a journal entry of an earlier transaction');
    });
  });
});
