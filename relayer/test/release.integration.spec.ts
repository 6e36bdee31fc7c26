import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { iFundAbi, iLedgerAbi, iLevyAbi, iMarginAbi, iMessengerAbi, iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { accountId, encodeEntry, fold, genesisHead, leafOf, risk, sequence, tokenAmount, unixSeconds, type Entry } from '@lockstep/shared';
import { decodeFunctionData, encodeFunctionData, numberToHex, type Abi, type Hex } from 'viem';
import type { DataSource } from 'typeorm';
import type { BlockRef, Log } from '../src/chain/block.js';
import type { ChainContext } from '../src/chain/chain-context.js';
import { ChainTime } from '../src/chain/chain-time.js';
import type { Chains } from '../src/chain/chains.js';
import { SenderKeys } from '../src/sender/keys.js';
import { SenderService } from '../src/sender/sender.service.js';
import { DepositConsumer } from '../src/stages/deposit/deposit.consumer.js';
import { FeedSnapshots } from '../src/stages/feed-snapshots.js';
import { Intents } from '../src/stages/intents.js';
import { PathProblems } from '../src/stages/path-problems.js';
import { Paths, messengerOf } from '../src/stages/paths.js';
import { ReleaseConsumer } from '../src/stages/release/release.consumer.js';
import { ReleaseRepository } from '../src/stages/release/release.repository.js';
import { ReleaseService } from '../src/stages/release/release.service.js';
import { ReleaseWatch } from '../src/stages/release/release.watch.js';
import { RequestTrial } from '../src/stages/request-trial.js';
import { givenPostgres } from './support/database.js';
import { startFakeRpc, type Answer, type FakeRpc } from './support/fake-rpc.js';
import { HUB, SPOKE, addressOf, block, logOf, testChains, testConfig } from './support/network.js';
import { testQueries } from './support/queries.js';

const OWNER = 'aa'.repeat(20);
const ALICE = accountId(`0x${OWNER}${'00'.repeat(12)}`);
const RECEIVER = addressOf(0x77);
const ABI: Abi = [...iWithdrawalsAbi, ...iPayoutsAbi, ...iMessengerAbi, ...iLedgerAbi, ...iMarginAbi, ...iFundAbi, ...iLevyAbi];
const release = (claim: bigint, amount: bigint): Entry => ({
  kind: 'Release',
  claim,
  account: ALICE,
  asset: 1,
  amount: tokenAmount(amount),
  receiver: RECEIVER,
});
const receipts: Entry = {
  kind: 'Receipts',
  first: sequence(1n),
  count: 1,
  settled: 1n,
  paid: 1n,
  sums: [{ asset: 1, amount: tokenAmount(70n) }],
};
const asked: Entry = {
  kind: 'WithdrawRequested',
  account: ALICE,
  eid: SPOKE,
  asset: 1,
  fromCash: false,
  amount: 70n,
  receiver: RECEIVER,
  validUntil: unixSeconds(1_800_000_000n),
  timestamp: unixSeconds(1_700_000_000n),
};

describe('given withdrawals of a hub and a spoke', () => {
  const migratedDatabase = givenPostgres();
  let rpc: FakeRpc;
  let database: DataSource;
  let url: string;
  let chains: Chains;
  let spoke: ChainContext;
  let releases: ReleaseConsumer;
  let log: DepositConsumer;
  let repository: ReleaseRepository;
  let problems: PathProblems;
  let intents: Intents;
  let now: number;
  const clock = { now: () => now };
  const heads = new Map<string, Hex>();

  beforeAll(async () => {
    rpc = await startFakeRpc(ABI);
  });
  afterAll(() => rpc.stop());
  beforeEach(async () => {
    const made = await migratedDatabase();
    ({ database, url } = made);
    chains = testChains(url, rpc.url);
    const found = chains.byEid(SPOKE);
    if (found === undefined) throw new Error('the network has a spoke');
    spoke = found;
    now = 1_700_000_100_000;
    heads.clear();
    rpc.calls.length = 0;
    problems = new PathProblems(database);
    releases = new ReleaseConsumer(clock);
    log = new DepositConsumer(new Paths(chains), problems, clock, () => undefined);
    repository = new ReleaseRepository(database);
    intents = new Intents(new SenderService(database, chains, new SenderKeys(testConfig(url))), clock);
  });

  const service = (): ReleaseService =>
    new ReleaseService(
      database,
      chains,
      repository,
      intents,
      new RequestTrial(chains, new FeedSnapshots(database)),
      clock,
      () => undefined,
    );
  const index = (chain: ChainContext, at: BlockRef, logs: readonly Log[]) =>
    database.transaction((tx) => releases.onBlock(tx, chain, at, logs));
  const withdrawals = (at: BlockRef, name: string, args: Record<string, unknown>, i = 0): Log =>
    logOf(iWithdrawalsAbi, name, args, { address: chains.hub.withdrawals ?? addressOf(0), block: at, index: i });
  const vault = (at: BlockRef, name: string, args: Record<string, unknown>, i = 0): Log =>
    logOf(iPayoutsAbi, name, args, { address: spoke.contract('CollateralVault'), block: at, index: i });
  /** Appends the next entry of a log. */
  async function append(from: ChainContext, to: number, at: BlockRef, entry: Entry, number: bigint): Promise<Hex> {
    const path = new Paths(chains).all().find((r) => r.source.eid === from.eid && r.destination.eid === to)?.path;
    if (path === undefined) throw new Error(`no path ${from.eid} → ${to}`);
    const key = `${from.eid}:${to}`;
    const bytes = encodeEntry(entry);
    const head = fold(heads.get(key) ?? genesisHead(path), leafOf(bytes));
    heads.set(key, head);
    const args = { dstEid: to, sequence: number, entry: bytes, head };
    const made = logOf(iMessengerAbi, 'EntryAppended', args, { address: messengerOf(from), block: at, index: 90 });
    await database.transaction((tx) => log.onBlock(tx, from, at, [made]));
    return bytes;
  }
  const queued = (at: BlockRef, claim: bigint, units = 70n, i = 0): Log =>
    withdrawals(at, 'ClaimQueued', { claim, account: ALICE, eid: SPOKE, asset: 1, units, receiver: RECEIVER, fromCash: false }, i);
  const ordered = (at: BlockRef, claim: bigint, order: bigint, i = 1): Log =>
    withdrawals(at, 'ReleaseOrdered', { claim, eid: SPOKE, sequence: order }, i);
  const sent = async (): Promise<{ key: string; call: string; args: readonly unknown[] }[]> => {
    const rows = await database.query<{ dedupe_key: string; data: Buffer }[]>('select dedupe_key, data from tx_intents order by id');
    return rows.map(({ dedupe_key: key, data }) => {
      const { functionName, args = [] } = decodeFunctionData({ abi: ABI, data: `0x${data.toString('hex')}` });
      return { key, call: functionName, args };
    });
  };
  /** A hub of which each claim alone waits for what `waiting` says, with a bucket of 1,000 of which 200 are kept for orders up to 10. */
  const queueAnswers =
    (waiting: (claim: bigint) => number, { free, level }: { free: bigint; level: bigint } = { free: 10_000n, level: 1_000n }) =>
    (name: string, args: readonly unknown[]): Answer => {
      switch (name) {
        case 'waitingFor':
          return { result: waiting(args[0] as bigint) }; // CAST: of the ABI
        case 'liquidityOf':
          return { result: [0n, free] };
        case 'outflowAvailable': {
          const units = args[2] as bigint; // CAST: of the ABI
          const room = units <= 10n ? level : level - 200n;
          return { result: [units <= room, room] };
        }
        default:
          throw new Error(`nobody said what ${name} answers`);
      }
    };
  const stateOf = async (claim: bigint): Promise<string | undefined> =>
    (await testQueries(database, url, chains, clock).withdrawals.one(claim))?.state;

  it('tells a withdrawal from the queue to the receipt, stage by stage', async () => {
    rpc.answer = () => ({ result: 0 });
    await index(chains.hub, block(1), [queued(block(1), 1n)]);
    expect(await stateOf(1n)).toBe('queued');
    await index(chains.hub, block(2), [ordered(block(2), 1n, 1n)]);
    await append(chains.hub, SPOKE, block(2), release(1n, 70n), 1n);
    expect(await stateOf(1n)).toBe('ordered');
    const paid = { sequence: 1n, claim: 1n, receiver: RECEIVER, asset: 1, amount: 70n };
    await index(spoke, block(1, 's'), [vault(block(1, 's'), 'Paid', paid)]);
    expect(await stateOf(1n)).toBe('paid');
    await append(spoke, HUB, block(1, 's'), receipts, 1n);
    const applied = { srcEid: SPOKE, sequence: 1n, first: 1n, count: 1, settled: 1n, paid: 1n };
    await index(chains.hub, block(3), [withdrawals(block(3), 'ReceiptsApplied', applied)]);
    const told = await testQueries(database, url, chains, clock).withdrawals.one(1n);
    expect(told).toMatchObject({ state: 'receipted', receipted: true, orderSequence: '1', amountBaseUnits: '70' });
    expect(told?.steps.map(({ stage }) => stage)).toEqual(['queued', 'ordered', 'paid', 'receipted']);
    expect(told?.outlook).toMatchObject({ next: null, late: false, calls: [] });
  });

  it('takes back what a reorg removes, and tells it', async () => {
    rpc.answer = () => ({ result: 0 });
    await index(chains.hub, block(1), [queued(block(1), 1n)]);
    await index(chains.hub, block(2), [ordered(block(2), 1n, 1n)]);
    await database.transaction((tx) => releases.onReorg(tx, chains.hub, block(2)));
    expect(await stateOf(1n)).toBe('queued');
    await database.transaction((tx) => releases.onReorg(tx, chains.hub, block(1)));
    const told = await testQueries(database, url, chains, clock).withdrawals.one(1n);
    expect(told?.state).toBe('orphaned');
    expect(told?.reorged.map(({ stage }) => stage)).toEqual(['queued', 'ordered']);
  });

  it('offers the calls that move a queued claim, with their bytes', async () => {
    rpc.answer = (name) => ({ result: name === 'waitingFor' ? 0 : 600 });
    await index(chains.hub, block(1), [queued(block(1), 1n), queued(block(1), 2n, 5n, 1)]);
    const told = await testQueries(database, url, chains, clock).withdrawals.one(2n);
    expect(told).toMatchObject({ waiting: 'None', ahead: 1 });
    expect(told?.outlook.calls).toEqual([
      expect.objectContaining({
        by: 'anyone',
        contract: 'Withdrawals',
        function: 'order',
        address: chains.hub.withdrawals,
        calldata: encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'order', args: [[2n]] }),
      }),
      expect.objectContaining({ by: 'owner', function: 'cancel' }),
    ]);
    expect(await testQueries(database, url, chains, clock).withdrawals.queue()).toEqual([
      expect.objectContaining({ claims: 2, amountBaseUnits: '75', symbol: 'USDC' }),
    ]);
  });

  it('orders what can be ordered, and is not held up by what cannot', async () => {
    rpc.answer = queueAnswers((claim) => (claim === 1n ? 2 : 0)); // the first one waits for liquidity
    await index(chains.hub, block(1), [queued(block(1), 1n), queued(block(1), 2n, 5n, 1), queued(block(1), 3n, 6n, 2)]);
    await service().orderClaims();
    expect(await sent()).toEqual([expect.objectContaining({ call: 'order', args: [[2n, 3n]] })]);
  });

  it('orders together only what fits together, the oldest first', async () => {
    rpc.answer = queueAnswers(() => 0, { free: 10_000n, level: 700n });
    await index(chains.hub, block(1), [
      queued(block(1), 1n, 300n),
      queued(block(1), 2n, 300n, 1), // alone it would fit, behind the first one it would take what is kept for small ones
      queued(block(1), 3n, 200n, 2),
      queued(block(1), 4n, 9n, 3),
    ]);
    await service().orderClaims();
    expect(await sent()).toEqual([expect.objectContaining({ call: 'order', args: [[1n, 3n, 4n]] })]);
  });

  it('looks at every claim in turn, also behind five hundred that can never be ordered', async () => {
    rpc.answer = queueAnswers((claim) => (claim === 601n ? 0 : 2));
    const many = Array.from({ length: 601 }, (_, i) => queued(block(1), BigInt(i + 1), 1n, i));
    await index(chains.hub, block(1), many);
    const release = service();
    await release.orderClaims();
    expect(await sent()).toEqual([]);
    await release.orderClaims();
    expect(await sent()).toEqual([expect.objectContaining({ call: 'order', args: [[601n]] })]);
  });

  it('has a request decided once it can be, and not before', async () => {
    const bytes = await append(spoke, HUB, block(1, 's'), asked, 1n);
    await index(chains.hub, block(1), [withdrawals(block(1), 'RequestRecorded', { srcEid: SPOKE, sequence: 1n, leaf: leafOf(bytes) })]);
    const release = service();
    rpc.answer = () => ({ revert: 'CashNegative', args: [ALICE, -1n] });
    await release.processRequests();
    await release.processRequests();
    expect(await sent()).toEqual([]);
    expect(rpc.calls).toHaveLength(1); // it was not tried again at once
    now += 2_000;
    rpc.answer = () => ({ result: 7n });
    await release.processRequests();
    expect(await sent()).toEqual([expect.objectContaining({ call: 'processRequest', args: [SPOKE, 1n, bytes, '0x'] })]);
    const told = await testQueries(database, url, chains, clock).requests.at(SPOKE, sequence(1n));
    expect(told).toMatchObject({ state: 'recorded', amount: '70', claim: null });
    const done = { srcEid: SPOKE, sequence: 1n, claim: 7n };
    await index(chains.hub, block(2), [withdrawals(block(2), 'RequestProcessed', done), queued(block(2), 7n, 70n, 1)]);
    expect(await repository.openRequests(HUB)).toEqual([]);
    expect((await testQueries(database, url, chains, clock).requests.at(SPOKE, sequence(1n)))?.claim).toBe('7');
    expect((await testQueries(database, url, chains, clock).withdrawals.one(7n))?.request).toEqual({ eid: SPOKE, sequence: '1' });
  });

  it('keeps a request that the brake refuses, says why and until when, and has it decided once cash may leave again', async () => {
    const bytes = await append(spoke, HUB, block(1, 's'), asked, 1n);
    await index(chains.hub, block(1), [withdrawals(block(1), 'RequestRecorded', { srcEid: SPOKE, sequence: 1n, leaf: leafOf(bytes) })]);
    const levy = { underlying: 1, deficit: 9n, total: 0n, left: 0n, price: 1n, until: 1_700_000_700, closed: false };
    const answers: Record<string, Answer> = {
      processRequest: { revert: 'CashBraked', args: [] },
      insolvency: { result: 500n * 10n ** 18n },
      assets: { result: 20n * 10n ** 18n },
      levyCount: { result: 2n },
    };
    rpc.answer = (name, [id]) => answers[name] ?? { result: { ...levy, ...(id === 1n ? { until: 1_700_009_999, closed: true } : {}) } };
    const release = service();
    for (let beat = 0; beat < 40; beat++) {
      await release.processRequests();
      now += 30_000;
    }
    expect(await sent()).toEqual([]);
    const tries = rpc.calls.filter(({ name }) => name === 'processRequest').length;
    expect(tries).toBeGreaterThan(15);
    const told = await testQueries(database, url, chains, clock).requests.at(SPOKE, sequence(1n));
    expect(told).toMatchObject({
      state: 'recorded',
      outlook: {
        ...{ next: 'queued', by: null, late: false, actor: 'time', calls: [] },
        sentence:
          'No cash can leave yet: 500.00 is missing in accounts that owe more than they have, and the insurance fund has 20.00. ' +
          'It leaves again once it is covered: a levy on profits can be closed from 2023-11-14T22:25:00.000Z. ' +
          'The request stays and is tried again until 2027-01-15T08:00:00.000Z.',
      },
    });
    answers['processRequest'] = { result: 7n };
    now += 60_000;
    await release.processRequests();
    expect(await sent()).toEqual([expect.objectContaining({ call: 'processRequest', args: [SPOKE, 1n, bytes, '0x'] })]);
  });

  it('hands in prices signed since the request where those of the hub are older, and none that are not newer', async () => {
    const bytes = await append(spoke, HUB, block(1, 's'), asked, 1n);
    await index(chains.hub, block(1), [withdrawals(block(1), 'RequestRecorded', { srcEid: SPOKE, sequence: 1n, leaf: leafOf(bytes) })]);
    const snapshots = new FeedSnapshots(database);
    const signedAt = (time: number) => ({
      ...{ time, reports: [{ feed: 1n << 48n, value: 1n, spread: 0 }], signatures: numberToHex(time, { size: 65 }) },
      ...{ signers: [addressOf(0x51)], tx: null },
    });
    const keep = (time: number) => snapshots.keep(database.manager, chains.hub.contract('Feeds'), signedAt(time));
    rpc.answer = (_, args) => (args[3] === '0x' ? { revert: 'PricesTooOld', args: [ALICE, 1, 2] } : { result: 7n });
    await keep(Number(asked.timestamp) - 1);
    const release = service();
    await release.processRequests();
    expect(await sent()).toEqual([]);
    await keep(Number(asked.timestamp));
    now += 2_000;
    await release.processRequests();
    const prices = risk.encodePrices(signedAt(Number(asked.timestamp)));
    expect(await sent()).toEqual([expect.objectContaining({ call: 'processRequest', args: [SPOKE, 1n, bytes, prices] })]);
    const told = await testQueries(database, url, chains, clock).requests.at(SPOKE, sequence(1n));
    expect(told?.outlook.calls).toEqual([
      expect.objectContaining({
        function: 'processRequest',
        args: [SPOKE, '1', bytes, prices],
        note: 'with prices signed since the request',
      }),
    ]);
  });

  describe('when the vault made an order claimable', () => {
    const claimable = (reason: number) => ({
      sequence: 1n,
      claim: 1n,
      account: ALICE,
      receiver: RECEIVER,
      asset: 1,
      amount: 70n,
      reason,
    });
    beforeEach(async () => {
      rpc.answer = () => ({ result: 600 });
      await index(chains.hub, block(1), [queued(block(1), 1n), ordered(block(1), 1n, 1n)]);
    });

    const claimableNow = { account: ALICE, receiver: RECEIVER, asset: 1, amount: 70n, claim: 1n, createdAt: 1 };
    /** A vault whose bucket of 200 holds `room`. */
    const withRoom =
      (room: bigint): FakeRpc['answer'] =>
      (name) => {
        const results: Record<string, unknown> = {
          claimableOf: claimableNow,
          outflowAvailable: [room >= 70n, room],
          outflowOf: [200n, 1n],
        };
        return { result: results[name] ?? 600 };
      };

    it('waits until the bucket holds the whole, or a fifth of itself: each part costs a transaction', async () => {
      await index(spoke, block(1, 's'), [vault(block(1, 's'), 'MadeClaimable', claimable(3))]);
      rpc.answer = withRoom(39n);
      await service().payClaimables(spoke);
      expect(await sent()).toEqual([]);
      rpc.answer = withRoom(40n);
      await service().payClaimables(spoke);
      expect(await sent()).toHaveLength(1);
    });

    it('forgets one that a rebase annulled', async () => {
      await index(spoke, block(1, 's'), [vault(block(1, 's'), 'MadeClaimable', claimable(3))]);
      const annulled = { sequence: 1n, claim: 1n, asset: 1, amount: 70n };
      await index(spoke, block(2, 's'), [vault(block(2, 's'), 'ClaimAnnulled', annulled)]);
      expect(await repository.waitingClaimables(SPOKE)).toEqual([]);
      expect(await stateOf(1n)).toBe('refused');
    });

    it('pays it as soon as the limit lets it through, in parts if it must be, until nothing is left', async () => {
      rpc.answer = withRoom(70n);
      await index(spoke, block(1, 's'), [vault(block(1, 's'), 'MadeClaimable', claimable(3))]);
      await service().payClaimables(spoke);
      expect(await sent()).toEqual([expect.objectContaining({ call: 'claim', args: [1n] })]);
      const part = { sequence: 1n, claim: 1n, to: RECEIVER, asset: 1 };
      await index(spoke, block(2, 's'), [vault(block(2, 's'), 'Claimed', { ...part, amount: 30n })]);
      expect(await repository.waitingClaimables(SPOKE)).toEqual([1n]);
      rpc.answer = () => ({ revert: 'OutflowLimitReached', args: [1, 40n, 0n] });
      expect(await stateOf(1n)).toBe('claimable');
      await index(spoke, block(3, 's'), [vault(block(3, 's'), 'Claimed', { ...part, amount: 40n })]);
      expect(await repository.waitingClaimables(SPOKE)).toEqual([]);
      expect(await stateOf(1n)).toBe('claimed');
    });

    it('leaves one whose receiver cannot be paid to its owner, with the calls for it', async () => {
      rpc.answer = (name) =>
        name === 'claim' ? { revert: 'PayoutFailed', args: [1, RECEIVER, 70n] } : { result: name === 'entryFee' ? 5n : 604_800 };
      await index(spoke, block(1, 's'), [vault(block(1, 's'), 'MadeClaimable', claimable(0))]);
      await service().payClaimables(spoke);
      expect(await sent()).toEqual([]);
      const told = await testQueries(database, url, chains, clock).withdrawals.one(1n);
      expect(told?.outlook).toMatchObject({ actor: 'owner', late: true });
      expect(told?.outlook.calls.map(({ function: name, calldata, valueWei }) => [name, calldata === null, valueWei])).toEqual([
        ['claimTo', true, '0'],
        ['returnClaim', false, '5'],
      ]);
    });
  });

  it('raises an alarm for the first order that is not paid in time, and ends it with the payout', async () => {
    const watch = new ReleaseWatch(testConfig(url), chains, repository, problems, new ChainTime(database, clock));
    const alarms = () =>
      database.query<{ code: string; detail: string }[]>(`select code, detail from path_problems where stage = 'release'`);
    await index(chains.hub, block(1), [queued(block(1), 1n), ordered(block(1), 1n, 1n)]);
    await watch.look();
    expect(await alarms()).toEqual([]);
    now = (1_700_000_001 + 901) * 1_000;
    await watch.look();
    expect(await alarms()).toEqual([
      { code: 'RELEASE_LATE', detail: `path ${HUB} → ${SPOKE}: order 1 (claim 1) is not paid 901 s after it was given` },
    ]);
    await index(spoke, block(1, 's'), [vault(block(1, 's'), 'ReleaseRefused', { sequence: 1n, reason: 2 })]);
    await watch.look();
    expect(await alarms()).toEqual([]);
  });
});
