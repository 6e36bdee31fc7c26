import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { iCollateralVaultAbi, iGatewayAbi, iMessengerAbi } from '@lockstep/contracts';
import {
  accountId,
  blockNumber,
  encodeEntry,
  fold,
  genesisHead,
  leafOf,
  sequence,
  tokenAmount,
  unixSeconds,
  type Entry,
} from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { zeroHash } from 'viem';
import type { BlockRef } from '../../src/chain/block.js';
import { BlockStore } from '../../src/chain/block-store.js';
import type { ChainContext } from '../../src/chain/chain-context.js';
import { ChainTime } from '../../src/chain/chain-time.js';
import type { Chains } from '../../src/chain/chains.js';
import { SenderKeys } from '../../src/sender/keys.js';
import { SenderService } from '../../src/sender/sender.service.js';
import { AttestationService } from '../../src/stages/attestation/attestation.service.js';
import { DepositConsumer } from '../../src/stages/deposit/deposit.consumer.js';
import { Intents } from '../../src/stages/intents.js';
import { PathProblems } from '../../src/stages/path-problems.js';
import { Paths, messengerOf } from '../../src/stages/paths.js';
import { givenPostgres } from '../support/database.js';
import { startFakeRpc, type FakeRpc } from '../support/fake-rpc.js';
import { HUB, SPOKE, addressOf, block, logOf, testChains, testConfig } from '../support/network.js';
import { testQueries } from '../support/queries.js';

/** What this machine says, seconds; the chain was moved two hours ahead of it. */
const WALL = 1_700_000_000;
const AHEAD = WALL + 7_200;
const MAX_AGE = 60;

const deposit: Entry = {
  ...{ kind: 'Deposited', account: accountId(`0x${'ab'.repeat(20)}${'00'.repeat(12)}`), asset: 1, amount: tokenAmount(5n) },
  ...{ timestamp: unixSeconds(BigInt(AHEAD)), payer: addressOf(0x77), refund: addressOf(0x77), ownDeposit: true },
};

describe('given a local chain whose clock was moved two hours ahead of this machine’s', () => {
  const migratedDatabase = givenPostgres();
  let rpc: FakeRpc;
  let database: DataSource;
  let url: string;
  let chains: Chains;
  let spoke: ChainContext;
  let now: number;
  const clock = { now: () => now * 1_000 };

  beforeAll(async () => {
    rpc = await startFakeRpc([...iMessengerAbi, ...iCollateralVaultAbi, ...iGatewayAbi]);
    const outbox = { sequence: 1n, flushed: 0n, acknowledged: 0n, closed: false, head: zeroHash };
    // Delays and fees, whatever they are.
    rpc.answer = (name) => ({ result: name === 'outbox' ? outbox : 600 });
  });
  afterAll(() => rpc.stop());
  beforeEach(async () => {
    ({ database, url } = await migratedDatabase());
    chains = testChains(url, rpc.url);
    const found = chains.byEid(SPOKE);
    if (found === undefined) throw new Error('the network has a spoke');
    spoke = found;
    now = WALL;
  });

  const at = (number: number, seconds: number): BlockRef => ({ ...block(number, 's'), timestamp: unixSeconds(BigInt(seconds)) });
  const seen = (...blocks: BlockRef[]) => database.transaction((tx) => new BlockStore(spoke).append(tx, blocks));

  describe('when one asks what time it is there', () => {
    it('is that of its newest block, and goes on while it makes none', async () => {
      const time = new ChainTime(database, clock);
      expect(await time.now(spoke)).toBe(BigInt(WALL));
      await seen(at(1, AHEAD - 10), at(2, AHEAD));
      expect(await time.now(spoke)).toBe(BigInt(AHEAD));
      now += 30;
      expect(await time.now(spoke)).toBe(BigInt(AHEAD + 30));
      await seen(at(3, AHEAD + 12));
      expect(await time.now(spoke)).toBe(BigInt(AHEAD + 12));
      // The other chain was not moved.
      expect(await time.now(chains.hub)).toBe(BigInt(WALL + 30));
    });

    it('is this machine’s while old blocks are still being followed', async () => {
      await seen(at(1, WALL - 86_400));
      expect(await new ChainTime(database, clock).now(spoke)).toBe(BigInt(WALL));
    });
  });

  describe('when a deposit waits there for a batch', () => {
    const service = (): AttestationService => {
      const config = { ...testConfig(url), batching: { maxCount: 50, maxAgeSeconds: MAX_AGE, minCount: 1 } };
      const keys = new SenderKeys(config);
      const intents = new Intents(new SenderService(database, chains, keys), clock);
      return new AttestationService(database, config, new Paths(chains), intents, keys, new ChainTime(database, clock), () => undefined);
    };
    const wanted = async (): Promise<number> => (await database.query<unknown[]>('select 1 from tx_intents')).length;

    beforeEach(async () => {
      const mined = at(2, AHEAD);
      await seen(at(1, AHEAD - 10), mined);
      const path = new Paths(chains).all().find((r) => r.source.eid === SPOKE && r.destination.eid === HUB)?.path;
      if (path === undefined) throw new Error('no path from the spoke to the hub');
      const bytes = encodeEntry(deposit);
      const args = { dstEid: HUB, sequence: 1n, entry: bytes, head: fold(genesisHead(path), leafOf(bytes)) };
      const log = logOf(iMessengerAbi, 'EntryAppended', args, { address: messengerOf(spoke), block: mined, index: 0 });
      const consumer = new DepositConsumer(new Paths(chains), new PathProblems(database), clock, () => undefined);
      await database.transaction((tx) => consumer.onBlock(tx, spoke, mined, [log]));
    });

    it('is flushed when it is old enough by that chain, not two hours later', async () => {
      const attestation = service();
      await attestation.flushDue(spoke);
      expect(await wanted()).toBe(0);
      await seen(at(3, AHEAD + MAX_AGE - 1));
      await attestation.flushDue(spoke);
      expect(await wanted()).toBe(0);
      await seen(at(4, AHEAD + MAX_AGE));
      await attestation.flushDue(spoke);
      expect(await wanted()).toBe(1);
    });

    it('also on a chain that makes no more blocks', async () => {
      const attestation = service();
      await attestation.flushDue(spoke);
      now += MAX_AGE;
      await attestation.flushDue(spoke);
      expect(await wanted()).toBe(1);
    });

    it('is final at a time after it was made, and late only when that chain says so', async () => {
      const consumer = new DepositConsumer(new Paths(chains), new PathProblems(database), clock, () => undefined);
      await seen(at(3, AHEAD + 5));
      await database.transaction((tx) => consumer.onFinal(tx, spoke, { ...at(2, AHEAD), number: blockNumber(2n) }));
      const told = await testQueries(database, url, chains, clock).deposits.at(SPOKE, sequence(1n));
      expect(told?.steps.map(({ stage, at: when }) => [stage, when])).toEqual([
        ['deposited', isoOf(AHEAD)],
        ['final', isoOf(AHEAD + 5)],
      ]);
      expect(told?.outlook).toMatchObject({ next: 'flushed', since: isoOf(AHEAD + 5), late: false });
      await seen(at(4, AHEAD + 50_000));
      expect((await testQueries(database, url, chains, clock).deposits.at(SPOKE, sequence(1n)))?.outlook.late).toBe(true);
    });
  });
});

const isoOf = (seconds: number): string => new Date(seconds * 1_000).toISOString();
