import { iLedgerAbi, iMarginAbi, iMarketsAbi } from '@lockstep/contracts';
import { exchange } from '@lockstep/shared';
import { encodeFunctionData } from 'viem';
import { z } from 'zod/v4';
import { flat, isListed, markOf, option, perpetual, tradedExpiry } from '../harness/markets.js';
import { Operator } from '../harness/operator.js';
import { ApiError } from '../harness/relayer-api.js';
import type { HubChain, StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { contractWallet, Trader } from '../harness/trader.js';
import { eventually } from '../harness/wait.js';
import { World } from '../harness/world.js';

const BTC = 10n ** 18n;
/** `IMarkets.Mode`. */
const PORTFOLIO = 2;
const PERPETUAL = perpetual('BTC');

describe('given collateral on two chains, a market maker with cash on a third, and the relayer', () => {
  let world: World;
  let hub: HubChain;
  let a: StackChain;
  let b: StackChain;
  let trader: Trader;
  let maker: Trader;
  let call: exchange.InstrumentId;

  beforeAll(async () => {
    world = await World.start({
      spokes: 2,
      batching: { maxCount: 50, maxAgeSeconds: 1, minCount: 1 },
      prices: { BTC: flat(60_000), ETH: flat(3_000) },
    });
    ({ hub } = world.stack);
    [, a, b] = world.stack.chains as [StackChain, StackChain, StackChain];
    const traderOf = (index: number) => new Trader(hub, world.relayer.api, world.user(index));
    [trader, maker] = [traderOf(0), traderOf(1)];
    call = option('call', 'BTC', tradedExpiry(Date.now() / 1_000), 60_000n);
    const made = await Promise.all([
      trader.user.depositMany([
        { chain: hub, asset: 'USDC', amount: whole(hub, 'USDC', 1_500n) },
        { chain: a, asset: 'WETH', amount: whole(a, 'WETH', 1n) },
      ]),
      maker.user.depositMany([{ chain: b, asset: 'USDC', amount: whole(b, 'USDC', 100_000n) }]),
    ]);
    await world.flow.ended(made.flat());
    await eventually('the call to be listed', async () => ((await isListed(hub, call)) ? true : undefined));
    await eventually('the hub to know the price', async () => ((await markOf(hub, 'BTC')) === 60_000n * CASH ? true : undefined));
  });
  afterAll(() => world.stop());

  const cashOf = (who: Trader) =>
    hub.client.readContract({ address: hub.ledger, abi: iLedgerAbi, functionName: 'cashOf', args: [who.account] });
  const sizeOf = (who: Trader, instrument: exchange.InstrumentId) =>
    hub.client.readContract({ address: hub.markets, abi: iMarketsAbi, functionName: 'sizeOf', args: [who.account, instrument] });

  describe('when a trader buys a perpetual and a call from orders that wait', () => {
    it('holds both on the hub, on more margin than the cash of one chain', async () => {
      await maker.place({ instrument: PERPETUAL, side: 'sell', size: 3n * BTC, limit: 60_000n * CASH });
      await maker.place({ instrument: call, side: 'sell', size: BTC, limit: 200n * CASH });
      const bought = [
        await trader.place({ instrument: PERPETUAL, side: 'buy', size: BTC / 2n, limit: 60_000n * CASH }),
        await trader.place({ instrument: call, side: 'buy', size: BTC / 2n, limit: 200n * CASH }),
      ];
      for (const { hash } of bought) await trader.reached(hash, 'filled');
      const trades = await trader.settled(2);
      expect(trades.map(({ price }) => price).sort()).toEqual([200n * CASH, 60_000n * CASH].sort());
      expect([await sizeOf(trader, PERPETUAL), await sizeOf(trader, call)]).toEqual([BTC / 2n, BTC / 2n]);
      expect([await sizeOf(maker, PERPETUAL), await sizeOf(maker, call)]).toEqual([-BTC / 2n, -BTC / 2n]);
      const { initialMargin, equity } = await hub.client.readContract({
        address: hub.margin,
        abi: iMarginAbi,
        functionName: 'riskOf',
        args: [trader.account],
      });
      expect(initialMargin).toBeGreaterThan(await cashOf(trader));
      expect(equity).toBeGreaterThanOrEqual(initialMargin);
    });

    it('may not buy more than its collateral carries, and the other order goes back to its place', async () => {
      const greedy = await trader.place({ instrument: PERPETUAL, side: 'buy', size: 2n * BTC, limit: 60_000n * CASH });
      const refused = await trader.reached(greedy.hash, 'rejected');
      expect(refused.reason).toMatch(/BelowInitialMargin/);
      expect((await world.relayer.api.book(PERPETUAL)).asks).toEqual([{ price: 60_000n * CASH, size: (BTC * 25n) / 10n, orders: 1 }]);
    });
  });

  describe('when an order is forged, expired or altered', () => {
    const wish = { instrument: PERPETUAL, side: 'buy', size: BTC / 10n, limit: 60_000n * CASH } as const;

    it('is refused with what is wrong', async () => {
      const thief = new Trader(hub, world.relayer.api, world.user(3), trader.account, trader.user.address);
      const signed = await trader.sign(wish);
      const altered = { ...signed, order: { ...signed.order, nonce: signed.order.nonce + 1_000n } };
      const refusals = [
        { attempt: thief.place(wish), status: 403, says: /did not sign order/ },
        { attempt: world.relayer.api.placeOrder(altered), status: 403, says: /did not sign order/ },
        { attempt: trader.place({ ...wish, expiresIn: -60 }), status: 400, says: /expiry is \d+; expected \d+ or later/ },
        { attempt: trader.place({ ...wish, size: 1n }), status: 400, says: /size is 1; expected a multiple of/ },
      ];
      for (const { attempt, status, says } of refusals) {
        const error: unknown = await attempt.catch((e: unknown) => e);
        expect(error).toBeInstanceOf(ApiError);
        expect(error).toMatchObject({ status, body: expect.stringMatching(says) });
      }
      expect(await sizeOf(trader, PERPETUAL)).toBe(BTC / 2n);
    });
  });

  describe('when a contract wallet trades', () => {
    it('settles what its key signed', async () => {
      const key = world.user(2);
      const wallet = await contractWallet(hub, key);
      const deposit = await key.deposit({ chain: a, asset: 'USDC', amount: whole(a, 'USDC', 2_000n), account: wallet.account });
      await world.flow.ended([deposit]);
      const owner = new Trader(hub, world.relayer.api, key, wallet.account, wallet.address);
      await owner.place({ instrument: PERPETUAL, side: 'buy', size: BTC / 10n, limit: 60_000n * CASH });
      await owner.settled(1);
      expect(await sizeOf(owner, PERPETUAL)).toBe(BTC / 10n);
    });
  });

  describe('when the matcher is killed and the price has moved meanwhile', () => {
    it('rebuilds its books and goes on', async () => {
      const before = await world.relayer.api.book(PERPETUAL);
      expect(before.asks).toEqual([{ price: 60_000n * CASH, size: (BTC * 24n) / 10n, orders: 1 }]);
      await world.relayer.kill();
      world.prices.set('BTC', flat(66_000));
      await world.relayer.start();
      expect(await world.relayer.api.book(PERPETUAL)).toEqual(before);
      await eventually('the hub to know the new price', async () => ((await markOf(hub, 'BTC')) === 66_000n * CASH ? true : undefined));
      // The order that waited since before is matched now.
      const other = new Trader(hub, world.relayer.api, world.user(4));
      await world.flow.ended([await other.user.deposit({ chain: hub, asset: 'USDC', amount: whole(hub, 'USDC', 5_000n) })]);
      await other.place({ instrument: PERPETUAL, side: 'buy', size: (BTC * 24n) / 10n, limit: 60_000n * CASH });
      await other.settled(1);
      expect((await world.relayer.api.book(PERPETUAL)).asks).toEqual([]);
    });
  });

  describe('when the profit is taken', () => {
    it('becomes cash, and is paid on a chain the trader never deposited on', async () => {
      const before = await cashOf(trader);
      await maker.place({ instrument: PERPETUAL, side: 'buy', size: BTC / 2n, limit: 65_900n * CASH });
      await trader.place({ instrument: PERPETUAL, side: 'sell', size: BTC / 2n, limit: 65_900n * CASH, reduceOnly: true }, 'ioc');
      await trader.settled(3);
      expect(await sizeOf(trader, PERPETUAL)).toBe(0n);
      const profit = (await cashOf(trader)) - before;
      // Half a bitcoin rose by 5,900; the rest is the fee, and funding of a minute or so.
      expect(profit).toBeLessThan(2_950n * CASH);
      expect(profit).toBeGreaterThan(2_900n * CASH);

      const receiver = freshAddress(1);
      const leg = { chain: b, asset: 'USDC', fromCash: true, amount: 2_900n * CASH, receiver };
      // The call is still held, so prices must be signed after the withdrawal was asked for: those that are published next.
      await world.withdrawer(0).requestFrom(a, leg);
      await eventually('the profit to be paid', async (note) => {
        const held = await heldBy(b, 'USDC', receiver);
        note(held);
        return held === whole(b, 'USDC', 2_900n) ? true : undefined;
      });
    });
  });

  describe('when an account under portfolio margin trades two calls that cover each other', () => {
    it('is asked for less than for the first of them alone', async () => {
      const owner = new Trader(hub, world.relayer.api, world.user(5));
      await world.flow.ended([await owner.user.deposit({ chain: hub, asset: 'USDC', amount: whole(hub, 'USDC', 20_000n) })]);
      const margin = { address: hub.margin, abi: iMarginAbi } as const;
      const mode = encodeFunctionData({ ...margin, functionName: 'setMode', args: [owner.account, PORTFOLIO, '0x'] });
      await owner.user.must(hub, hub.margin, mode);
      const legs = [
        { instrument: call, side: 'buy', against: 'sell', limit: 6_200n * CASH },
        {
          instrument: option('call', 'BTC', tradedExpiry(Date.now() / 1_000), 62_000n),
          side: 'sell',
          against: 'buy',
          limit: 4_200n * CASH,
        },
      ] as const;
      const asked: bigint[] = [];
      for (const { instrument, side, against, limit } of legs) {
        await maker.place({ instrument, side: against, size: BTC, limit });
        await owner.place({ instrument, side, size: BTC, limit });
        const size = side === 'buy' ? BTC : -BTC;
        await eventually('the leg to be settled', async () => ((await sizeOf(owner, instrument)) === size ? true : undefined));
        asked.push((await hub.client.readContract({ ...margin, functionName: 'riskOf', args: [owner.account] })).initialMargin);
      }
      // A short call alone asks for thousands more; beside the long one there is little left to lose.
      expect(asked[1]).toBeLessThan(asked[0]! / 2n);
    });
  });

  describe('when the call expires above its strike', () => {
    it('becomes cash at the signed average, and then leaves without a price', async () => {
      const before = await cashOf(trader);
      const { expiry } = exchange.decodeInstrument(call) as { readonly expiry: bigint }; // CAST: an option has an expiry
      const { timestamp } = await hub.client.getBlock();
      await hub.client.increaseTime({ seconds: Number(expiry - timestamp) + 60 });
      const settled = async (who: Trader) => ((await sizeOf(who, call)) === 0n ? true : undefined);
      await eventually('the call to be settled by the relayer', () => settled(trader));
      await eventually('the call to be settled on the other side', () => settled(maker));
      expect((await cashOf(trader)) - before).toBe(3_000n * CASH);
      const receiver = freshAddress(2);
      const { claims } = await world
        .withdrawer(0)
        .withdraw([{ chain: hub, asset: 'USDC', fromCash: true, amount: 3_000n * CASH, receiver }]);
      // The hub's clock is days ahead of the relayer's, for whom nothing there is old enough to be flushed; anyone else may.
      const operator = new Operator(world.stack, world.flow);
      await operator.flush(hub);
      await world.claims.reached(claims, 'paid');
      await operator.flush(hub);
      expect(await heldBy(hub, 'USDC', receiver)).toBe(whole(hub, 'USDC', 3_000n));
    });

    it('leaves books that add up, on the chains and in the journal', async () => {
      await world.flow.settled();
      await world.assertInvariants();
      const state = z.object({ ok: z.boolean() });
      const { ok } = await world.relayer.api.get('/reconciliation', state);
      expect(ok).toBe(true);
    });
  });
});
