import { iShortfallsAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { encodeFunctionData } from 'viem';
import { LIQUIDATORS } from '../harness/accounts.js';
import { BIDDERS, BTC, LeverageScene, PERPETUAL } from '../harness/leverage.js';
import { Operator } from '../harness/operator.js';
import type { Relayer } from '../harness/relayer.js';
import type { HubChain, StackChain } from '../harness/stack.js';
import { CASH, whole } from '../harness/tokens.js';
import { Trader } from '../harness/trader.js';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';

const DEBTOR = 4;
const [BIDDER] = BIDDERS;
const [KEY] = LIQUIDATORS;
/** Who owes more is brought back to half of it. */
const TERMS = { limit: 10_000n * CASH, restore: CASH / 2n };
const GOAL = 5_000n * CASH;
/** The number of the first: theirs begin after 2^63. */
const FIRST_ID = (1n << 63n) + 1n;

describe('given an account with eleven ether on one spoke and one on another, and a liquidator that bids', () => {
  let scene: LeverageScene;
  let world: World;
  let hub: HubChain;
  let trader: Trader;
  let account: AccountId;
  let bidder: AccountId;
  let liquidator: Relayer;

  beforeAll(async () => {
    scene = await LeverageScene.start([DEBTOR]);
    ({ world, hub } = scene);
    trader = new Trader(hub, world.relayer.api, world.user(DEBTOR));
    bidder = world.user(BIDDER).account();
    const operator = new Operator(world.stack, world.flow);
    const terms = encodeFunctionData({ abi: iShortfallsAbi, functionName: 'setTerms', args: [TERMS] });
    await operator.govern(hub, hub.shortfalls, terms);
    const more = world.user(DEBTOR).deposit({ chain: scene.a, asset: 'WETH', amount: whole(scene.a, 'WETH', 10n) });
    liquidator = await world.liquidator('liquidator', await scene.bidding(KEY, BIDDER));
    await Promise.all([more.then((made) => world.flow.ended([made])), liquidator.start()]);
    account = await scene.leveraged(DEBTOR, { call: false });
  });
  afterAll(async () => {
    if (liquidator.running) await liquidator.stop();
    await world.stop();
  });

  const events = <Name extends 'ShortfallStarted' | 'ShortfallBidTaken' | 'ShortfallEnded'>(eventName: Name) =>
    hub.client.getContractEvents({ address: hub.shortfalls, abi: iShortfallsAbi, eventName, fromBlock: hub.deployedAt, strict: true });
  /** What debtor and bidder hold together, by chain: what one loses the other has. */
  const ether = async (): Promise<readonly bigint[]> => {
    const held = (chain: StackChain, symbol: string) => Promise.all([account, bidder].map((one) => scene.balanceOf(one, chain, symbol)));
    const [a, b] = [await held(scene.a, 'WETH'), await held(scene.b, 'ETH')];
    return [a, b].map((amounts) => amounts.reduce((sum, amount) => sum + amount, 0n));
  };

  describe('when its perpetual loses twelve thousand', () => {
    it('owes nothing while the position is open, and nothing of it is sold', async () => {
      await scene.priced(48_000);
      expect(await scene.cashOf(account)).toBeGreaterThan(0n);
      expect(await events('ShortfallStarted')).toEqual([]);
    });
  });

  describe('when it closes the position, owes more cash than the limit, and is far above maintenance margin', () => {
    it('has no more of its collateral sold than brings the debt back to half the limit, to the bidder, by the liquidator', async () => {
      const [before, paying] = [await ether(), await scene.cashOf(bidder)];
      const wish = { instrument: PERPETUAL, size: BTC, limit: 48_000n * CASH };
      await scene.maker.place({ ...wish, side: 'buy' });
      await trader.place({ ...wish, side: 'sell' });
      await trader.settled(2);
      const ended = await eventually('the shortfall to be over', async (note) => {
        const over = await events('ShortfallEnded');
        note(over.map(({ args }) => args));
        return over[0];
      });
      const [[started], bids] = [await events('ShortfallStarted'), await events('ShortfallBidTaken')];
      expect(started?.args).toMatchObject({ id: FIRST_ID, account, limit: TERMS.limit });
      expect(started?.args.debt).toBeGreaterThan(11_000n * CASH);
      const sent = await hub.client.getTransaction({ hash: started?.transactionHash ?? '0x' });
      expect(sent.from.toLowerCase()).toBe(KEY.account.address.toLowerCase());
      // One bid takes all that is due.
      expect(bids.map(({ args }) => [args.account, args.bidder])).toEqual([[account, bidder]]);
      const { price = 0n, fee = 0n } = bids[0]?.args ?? {};
      expect(paying - (await scene.cashOf(bidder))).toBe(price);
      const interest = ended.args.debt - ((started?.args.debt ?? 0n) - (price - fee));
      expect(interest).toBeGreaterThanOrEqual(0n);
      expect(interest).toBeLessThan(CASH / 1_000n);
      expect(ended.args.debt).toBeLessThanOrEqual(GOAL);
      expect(ended.args.debt).toBeGreaterThan(GOAL - CASH);
      expect(await ether()).toEqual(before);
    });

    it('keeps its account above maintenance margin, and no auction of all it has is ever started', async () => {
      const { equity, maintenanceMargin } = await scene.auctions.risk(account);
      expect(equity).toBeGreaterThan(maintenanceMargin);
      expect(await scene.auctions.of(account)).toEqual([]);
    });

    it('is told with one record: who took what, and on which chain', async () => {
      const { touched } = await scene.auctions.record(FIRST_ID);
      const view = await eventually('the relayer to tell that it is over', async (note) => {
        const told = await world.relayer.api.liquidation(FIRST_ID).catch((error: unknown) => note(error));
        return told?.state === 'ended' ? told : undefined;
      });
      expect(view).toMatchObject({ id: FIRST_ID, kind: 'shortfall', account, bids: [{ bidder }] });
      expect(view.touched.map(({ eid, amountBaseUnits }) => [eid, amountBaseUnits])).toEqual(
        touched.map(({ eid, amount }) => [eid, amount]),
      );
      expect(touched.length).toBeGreaterThan(0);
    });
  });

  describe('when everything has settled', () => {
    it('leaves books that add up, on the chains and in the journal', async () => {
      await world.flow.settled();
      await world.assertInvariants();
    });
  });
});
