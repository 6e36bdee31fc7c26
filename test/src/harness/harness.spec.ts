import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RpcProxy } from '../faults/rpc-proxy.js';
import { developmentUser } from './accounts.js';
import { Anvil, clientFor } from './anvil.js';
import { Postgres } from './postgres.js';
import { Processes } from './processes.js';
import { eventually, WaitTimeout } from './wait.js';

describe('given the parts a world is made of', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'lockstep-harness-'));
  chmodSync(dir, 0o755);
  const processes = new Processes();
  let chain: Anvil;
  let postgres: Postgres;

  beforeAll(async () => {
    [chain, postgres] = await Promise.all([
      Anvil.start({ name: 'one', chainId: 31_001, dir, processes }),
      Postgres.start({ dir: path.join(dir, 'postgres'), processes }),
    ]);
  });

  afterAll(async () => {
    await postgres.stop();
    await processes.stopAll();
    rmSync(dir, { recursive: true, force: true });
  });

  it('clones a database from a template', async () => {
    await postgres.createDatabase('first');
    await postgres.query('create table t (n int)', [], 'first');
    await postgres.query('insert into t values (7)', [], 'first');
    await postgres.createDatabase('second', 'first');
    expect(await postgres.query('select n from t', [], 'second')).toEqual([{ n: 7 }]);
  });

  it('funds its users', async () => {
    expect(await chain.client.getBalance({ address: developmentUser(29).account.address })).toBe(10n ** 24n);
  });

  it('mines by the clock, in fractions of a second, and by hand', async () => {
    await chain.miner.interval(100);
    const before = await chain.client.getBlockNumber();
    await eventually('three blocks', async () => ((await chain.client.getBlockNumber()) >= before + 3n ? true : undefined), {
      timeoutMs: 5_000,
    });
    await chain.miner.manual();
    const still = await chain.client.getBlockNumber();
    await chain.miner.mine(2);
    expect(await chain.client.getBlockNumber()).toBe(still + 2n);
  });

  it('replaces blocks by others of the same height', async () => {
    await chain.miner.mine(3);
    const old = await chain.client.getBlock();
    await chain.miner.reorg(2);
    const current = await chain.client.getBlock();
    expect(current.number).toBe(old.number);
    expect(current.hash).not.toBe(old.hash);
  });

  it('says what it waited for and what it saw last', async () => {
    const waiting = eventually('the moon', async (note) => void note({ phase: 'new' }), { timeoutMs: 50, everyMs: 10 });
    await expect(waiting).rejects.toThrow(WaitTimeout);
    await expect(waiting).rejects.toThrow(/the moon; last seen: \{"phase":"new"\}/);
  });

  describe('when a faulty provider stands in front of the chain', () => {
    let proxy: RpcProxy;
    let client: ReturnType<typeof clientFor>;
    const height = () => client.getBlockNumber({ cacheTime: 0 });

    beforeAll(async () => {
      proxy = await RpcProxy.start(chain.rpcUrl);
      client = clientFor('one', 31_001, proxy.url);
    });
    afterEach(() => proxy.heal());
    afterAll(() => proxy.stop());

    it('passes calls on', async () => {
      expect(await height()).toBe(await chain.client.getBlockNumber());
    });

    it('cuts, refuses and delays as told, so many times', async () => {
      const cut = proxy.inject({ method: 'eth_blockNumber', fault: { kind: 'drop' }, times: 1 });
      const refused = proxy.inject({ method: 'eth_blockNumber', fault: { kind: 'status', status: 429, retryAfterSeconds: 0 }, times: 1 });
      expect(await height()).toBe(await chain.client.getBlockNumber());
      expect([cut.hits(), refused.hits()]).toEqual([1, 1]);
    });

    it('forges answers', async () => {
      proxy.inject({ method: /^eth_blockNumber$/, fault: { kind: 'forge', change: () => '0xffff' } });
      expect(await height()).toBe(0xffffn);
    });

    it('shows an old head', async () => {
      const old = await chain.client.getBlockNumber();
      proxy.freezeAt(old);
      await chain.miner.mine(2);
      expect(await height()).toBe(old);
      expect((await client.getBlock()).number).toBe(old);
    });
  });

  it('leaves no process behind', async () => {
    const extra = await processes.start({ name: 'sleeper', command: 'sleep', args: ['60'], logFile: path.join(dir, 'sleep.log') });
    await extra.kill();
    expect(() => process.kill(extra.pid, 0)).toThrow();
  });
});
