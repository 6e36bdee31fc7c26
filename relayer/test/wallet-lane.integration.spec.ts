import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createPublicClient, http, numberToHex, type Address, type Hex, type PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { WalletLane, type LaneEvent } from '../src/cli/wallet-lane.js';
import { E18 } from './exchange/world.js';
import { startAnvil, type TestChain } from './support/anvil.js';

const BUSY_MS = 60_000;
const CHAIN = 31_791;
const STUCK_MS = 15_000;
const GWEI = 10n ** 9n;
/** Takes one call and reverts from then on, as the start of an auction does. */
const ONCE: Hex = '0x5f54156009575f5ffd5b60015f5500';
const key = privateKeyToAccount(numberToHex(0x77, { size: 32 }));
const rival = privateKeyToAccount(numberToHex(0x78, { size: 32 }));

describe('given a key without a database, on a chain that mines when told to', () => {
  let chain: TestChain;
  let client: PublicClient;
  let events: LaneEvent[];
  let time = 0;
  let places = 0x1000;

  beforeAll(async () => {
    chain = await startAnvil(CHAIN);
    client = createPublicClient({ transport: http(chain.url), cacheTime: 0, pollingInterval: 20 });
    for (const { address } of [key, rival]) await chain.client.setBalance({ address, value: E18 });
  });
  afterAll(() => chain.stop());
  beforeEach(() => {
    events = [];
  });

  const lane = (account = key, maxFeePerGas = 500n * GWEI): WalletLane =>
    new WalletLane(
      client,
      http(chain.url),
      account,
      { stuckMs: STUCK_MS, maxFeePerGas },
      (event) => void events.push(event),
      () => time,
    );
  const mine = (): Promise<void> => chain.client.mine({ blocks: 1 });
  /** A new contract that takes one call. */
  async function once(): Promise<Address> {
    const address = numberToHex(++places, { size: 20 });
    await chain.client.setCode({ address, bytecode: ONCE });
    return address;
  }
  const callTo = (to: Address) => ({ to, data: '0x01' as const, purpose: { what: 'test', to } });
  const kinds = (): string[] => events.map(({ kind }) => kind);
  const taken = async (address: Address): Promise<boolean> =>
    BigInt((await chain.client.getStorageAt({ address, slot: '0x0' })) ?? 0) === 1n;
  /** Nothing cheaper is taken by the next block. */
  const fee = (value: bigint): Promise<void> => chain.client.setNextBlockBaseFeePerGas({ baseFeePerGas: value });

  it(
    'several are under way at a time, each need once, and one block takes them all',
    async () => {
      const own = lane();
      const [a, b, c] = [await once(), await once(), await once()];
      for (const [what, to] of [
        ['a', a],
        ['b', b],
        ['c', c],
      ] as const)
        expect(await own.want(what, callTo(to))).toBe('sent');
      expect(await own.want('b', callTo(b))).toBe('waiting');
      expect([own.underWay, await own.became('a'), await own.became('d')]).toEqual([3, { state: 'open' }, null]);
      await own.settle();
      expect(own.underWay).toBe(3);
      await mine();
      await own.settle();
      expect(own.underWay).toBe(0);
      expect(await Promise.all([a, b, c].map(taken))).toEqual([true, true, true]);
      expect(await own.became('c')).toEqual({ state: 'mined', block: await client.getBlockNumber() });
      // The hub would refuse it by now.
      expect(await own.want('a', callTo(a))).toBe('refused');
      expect(kinds()).toEqual(['sent', 'sent', 'sent', 'transaction', 'transaction', 'transaction', 'refused']);
    },
    BUSY_MS,
  );

  it(
    'one that somebody else came before with is known to have failed',
    async () => {
      const [own, other] = [lane(), lane(rival)];
      const to = await once();
      await other.want('first', callTo(to));
      await own.want('second', callTo(to));
      await mine();
      await own.settle();
      expect(await own.became('second')).toEqual({ state: 'failed' });
      expect(events.at(-1)).toMatchObject({ kind: 'transaction', status: 'reverted' });
    },
    BUSY_MS,
  );

  it(
    'one that is stuck is sent again with the same number at higher fees, up to the most that may be paid',
    async () => {
      const [own, to] = [lane(), await once()];
      await own.want('stuck', callTo(to));
      await fee(50n * GWEI);
      await mine();
      await own.settle();
      expect([own.underWay, kinds()]).toEqual([1, ['sent']]);
      time += STUCK_MS;
      await own.settle();
      expect(kinds()).toEqual(['sent', 'raised']);
      // Too soon for another time.
      await own.settle();
      expect(kinds()).toEqual(['sent', 'raised']);
      await mine();
      await own.settle();
      expect([own.underWay, await taken(to)]).toEqual([0, true]);
      expect((await own.became('stuck'))?.state).toBe('mined');

      await fee(GWEI / 2n);
      await mine();
      const [frugal, next] = [lane(key, GWEI), await once()];
      expect(await frugal.want('dear', callTo(next))).toBe('sent');
      time += STUCK_MS;
      await fee(400n * GWEI);
      await frugal.settle();
      expect(kinds().slice(-1)).toEqual(['sent']);
      await fee(GWEI);
      await mine();
      await frugal.settle();
      expect(frugal.underWay).toBe(0);
    },
    BUSY_MS,
  );

  it(
    'nothing is sent while gas costs more than may be paid, which is told once, and no transaction ever offers more',
    async () => {
      await fee(100n * GWEI);
      await mine();
      const cap = 20n * GWEI;
      const [frugal, to] = [lane(key, cap), await once()];
      expect([await frugal.want('late', callTo(to)), await frugal.want('late', callTo(to))]).toEqual(['waiting', 'waiting']);
      expect([frugal.underWay, kinds(), await frugal.became('late')]).toEqual([0, ['dear'], null]);
      await fee(15n * GWEI);
      await mine();
      expect(await frugal.want('late', callTo(to))).toBe('sent');
      const [hash] = events.flatMap((event) => (event.kind === 'sent' ? [event.hash] : []));
      if (hash === undefined) throw new Error('it was sent');
      const { maxFeePerGas, maxPriorityFeePerGas } = await client.getTransaction({ hash });
      expect([maxFeePerGas, (maxPriorityFeePerGas ?? 0n) <= cap]).toEqual([cap, true]);
      await fee(100n * GWEI);
      await mine();
      time += STUCK_MS;
      await frugal.settle();
      expect(kinds()).toEqual(['dear', 'sent']);
      await fee(GWEI);
      await mine();
      // The node let go of it when nobody would mine it: it is sent again, for no more than before.
      await frugal.settle();
      expect(kinds()).toEqual(['dear', 'sent', 'sent']);
      await mine();
      await frugal.settle();
      expect([frugal.underWay, await taken(to)]).toEqual([0, true]);
    },
    BUSY_MS,
  );

  it(
    'one that is stuck and not needed any more is emptied, and what waits behind it goes on',
    async () => {
      const [own, other] = [lane(), lane(rival)];
      const [moot, next] = [await once(), await once()];
      await own.want('moot', callTo(moot));
      await own.want('next', callTo(next));
      await fee(80n * GWEI);
      await mine();
      expect(own.underWay).toBe(2);
      await other.want('moot', callTo(moot));
      await mine();
      expect(await taken(moot)).toBe(true);
      time += STUCK_MS;
      await own.settle();
      await mine();
      await own.settle();
      time += STUCK_MS;
      await own.settle();
      await mine();
      await own.settle();
      expect([own.underWay, await taken(next)]).toEqual([0, true]);
      expect(events.some((event) => event.kind === 'emptied')).toBe(true);
      expect([(await own.became('moot'))?.state, (await own.became('next'))?.state]).toEqual(['failed', 'mined']);
    },
    BUSY_MS,
  );

  it(
    'what an earlier process left stuck is overtaken',
    async () => {
      await fee(GWEI);
      await mine();
      const [before, to, left] = [lane(), await once(), await once()];
      await before.want('left', callTo(left));
      await fee(120n * GWEI);
      await mine();
      const own = lane();
      await own.want('new', callTo(to));
      for (let turn = 0; turn < 3 && own.underWay > 0; turn++) {
        time += STUCK_MS;
        await own.settle();
        await mine();
        await own.settle();
      }
      expect([own.underWay, await taken(to), await taken(left)]).toEqual([0, true, false]);
      expect((await own.became('new'))?.state).toBe('mined');
    },
    BUSY_MS,
  );
});
