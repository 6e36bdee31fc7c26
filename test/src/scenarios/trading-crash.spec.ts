import { iMarketsAbi } from '@lockstep/contracts';
import { flat, markOf, perpetual } from '../harness/markets.js';
import type { HubChain } from '../harness/stack.js';
import { CASH, whole } from '../harness/tokens.js';
import { Trader } from '../harness/trader.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';

/** Every place where the relayer could die between a match and its settlement, in the order of the way. */
const FAULT_POINTS = ['exchange.matched', 'exchange.sent'] as const;

const PERPETUAL = perpetual('BTC');
const TENTH = CASH / 10n;
const PRICE = 60_000n * CASH;

describe('given two traders and an order that waits', () => {
  let world: World;
  let hub: HubChain;
  let buyer: Trader;
  let seller: Trader;
  let traded = 0n;

  beforeAll(async () => {
    world = await World.start({
      spokes: 1,
      batching: { maxCount: 50, maxAgeSeconds: 1, minCount: 1 },
      prices: { BTC: flat(60_000), ETH: flat(3_000) },
    });
    ({ hub } = world.stack);
    [buyer, seller] = [new Trader(hub, world.relayer.api, world.user(0)), new Trader(hub, world.relayer.api, world.user(1))];
    const amount = whole(hub, 'USDC', 10_000n);
    const made = await Promise.all([buyer, seller].map(({ user }) => user.deposit({ chain: hub, asset: 'USDC', amount })));
    await world.flow.ended(made);
    await eventually('the hub to know the price', async () => ((await markOf(hub, 'BTC')) === PRICE ? true : undefined));
  });
  afterAll(() => world.stop());

  /** Asks until somebody answers, as a client whose connection broke does: the same order again changes nothing. */
  const insist = async (signed: Awaited<ReturnType<Trader['sign']>>) =>
    eventually('the order to be taken', () => world.relayer.api.placeOrder(signed));

  async function settledOnce(): Promise<void> {
    traded += TENTH;
    await buyer.settled(Number(traded / TENTH));
    const sizes = [buyer, seller].map(({ account }) =>
      hub.client.readContract({ address: hub.markets, abi: iMarketsAbi, functionName: 'sizeOf', args: [account, PERPETUAL] }),
    );
    expect(await Promise.all(sizes)).toEqual([traded, -traded]);
    expect(await world.relayer.api.book(PERPETUAL)).toEqual({ bids: [], asks: [] });
  }

  describe.each(FAULT_POINTS)('when the relayer is killed at %s', (faultPoint) => {
    it('settles the trade exactly once after the restart', async () => {
      if (!world.relayer.running) await world.relayer.start();
      const { hash } = await seller.place({ instrument: PERPETUAL, side: 'sell', size: TENTH, limit: PRICE });
      await seller.reached(hash, 'open');
      await world.relayer.stop();
      await world.relayer.start({ faultPoint });
      const signed = await buyer.sign({ instrument: PERPETUAL, side: 'buy', size: TENTH, limit: PRICE });
      const first = world.relayer.api.placeOrder(signed).catch((error: unknown) => error);
      expect(await world.relayer.exited).toEqual({ code: null, signal: 'SIGKILL' });
      await first;
      await world.relayer.start();
      await insist(signed);
      await settledOnce();
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  describe('when the relayer is killed as soon as an order is handed in', () => {
    it('still settles the trade exactly once', async () => {
      const orders = [
        await seller.sign({ instrument: PERPETUAL, side: 'sell', size: TENTH, limit: PRICE }),
        await buyer.sign({ instrument: PERPETUAL, side: 'buy', size: TENTH, limit: PRICE }),
      ];
      for (const signed of orders) {
        await insist(signed);
        await world.relayer.kill();
        await world.relayer.start();
        await insist(signed);
      }
      await settledOnce();
      await world.flow.settled();
      await world.assertInvariants();
    });
  });
});
