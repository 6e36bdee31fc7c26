import { liquidationAbi, routesAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { encodeFunctionData } from 'viem';
import { LIQUIDATORS } from '../harness/accounts.js';
import { Governance } from '../harness/governance.js';
import { BIDDERS, LeverageScene } from '../harness/leverage.js';
import { Operator } from '../harness/operator.js';
import type { Relayer } from '../harness/relayer.js';
import type { HubChain } from '../harness/stack.js';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';

const LEVERAGED = 4;
const [BIDDER] = BIDDERS;
const [KEY] = LIQUIDATORS;
/** Seconds, as a new deployment has it. */
const GRACE = 3_600;

describe('given a leveraged account, and a liquidator while one chain after the other takes no deposits', () => {
  let scene: LeverageScene;
  let world: World;
  let hub: HubChain;
  let governance: Governance;
  let stranger: Operator;
  let liquidator: Relayer;
  let account: AccountId;
  let firstUntil = 0;

  beforeAll(async () => {
    scene = await LeverageScene.start([LEVERAGED]);
    ({ world, hub } = scene);
    stranger = new Operator(world.stack, world.flow);
    governance = new Governance(world.stack, stranger);
    const terms = await scene.bidding(KEY, BIDDER);
    liquidator = await world.liquidator('liquidator', terms);
    [account] = await Promise.all([scene.leveraged(LEVERAGED, { call: false }), liquidator.start()]);
  });
  afterAll(async () => {
    if (liquidator.running) await liquidator.stop();
    await world.stop();
  });

  const openRoutes = async (): Promise<string[]> => {
    const { chains } = world.stack;
    const read = chains.map(({ eid }) =>
      hub.client.readContract({ address: hub.routes, abi: routesAbi, functionName: 'isOpen', args: [eid] }),
    );
    const isOpen = await Promise.all(read);
    return chains.filter((_, i) => isOpen[i]).map(({ name }) => name);
  };
  const booked = (names: readonly string[]): Promise<true> =>
    eventually(`the hub to have ${names.length} open routes`, async (note) => {
      const open = await openRoutes();
      note(open);
      return open.join() === names.join() ? true : undefined;
    });
  const graceUntil = (): Promise<number> =>
    hub.client.readContract({ address: hub.liquidation, abi: liquidationAbi, functionName: 'graceUntil' });

  describe('when the guardian says of the hub and of one spoke that deposits do not get through', () => {
    it('lets nothing wait: the other spoke is open, and nobody reports what he declared', async () => {
      for (const chain of [hub, scene.b]) await governance.declareRoute(chain, true);
      expect(await openRoutes()).toEqual([scene.a.name]);
      expect(await graceUntil()).toBe(0);
    });
  });

  describe('when the path of the last spoke is quarantined, and the account falls below maintenance margin with equity left', () => {
    it('has that booked by the liquidator, and starts no auction before the grace is over', async () => {
      await governance.quarantine(hub, scene.a);
      await booked([]);
      const [began] = await hub.client.getContractEvents({
        ...{ address: hub.routes, abi: routesAbi, eventName: 'OutageBegan', fromBlock: hub.deployedAt, strict: true },
      });
      const { from } = await hub.client.getTransaction({ hash: began?.transactionHash ?? '0x' });
      expect(from.toLowerCase()).toBe(KEY.account.address.toLowerCase());
      const { timestamp } = await hub.client.getBlock();
      firstUntil = await graceUntil();
      expect(firstUntil).toBeGreaterThan(Number(timestamp) + GRACE - 60);
      expect(firstUntil).toBeLessThanOrEqual(Number(timestamp) + GRACE);
      await scene.priced(55_500);
      const { equity, maintenanceMargin } = await scene.auctions.risk(account);
      expect(equity).toBeGreaterThan(0n);
      expect(equity).toBeLessThan(maintenanceMargin);
      const start = encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [account, '0x'] });
      const refused = stranger.send(hub, { to: hub.liquidation, data: start });
      await expect(refused).rejects.toThrow(new RegExp(`GracePeriod.*${firstUntil}`, 's'));
      await eventually('the liquidator to be refused', async () => (liquidator.logTail(100).includes('GracePeriod') ? true : undefined));
      expect(await scene.auctions.of(account)).toEqual([]);
    });
  });

  describe('when that path opens again', () => {
    it('has it booked, and the auction runs to its end', async () => {
      await governance.reopen(hub, scene.a);
      await booked([scene.a.name]);
      expect(await graceUntil()).toBe(0);
      const told = await scene.auctions.reached(account, 'over', ({ ended }) => ended);
      expect(told.bids.map(({ bidder }) => bidder)).toEqual([world.user(BIDDER).account()]);
      const { equity, maintenanceMargin } = await scene.auctions.risk(account);
      expect(equity).toBeGreaterThan(maintenanceMargin);
    });
  });

  describe('when an outage lasts longer than its grace', () => {
    it('keeps nobody from being auctioned any more, and once every route is open the books add up', async () => {
      const [before] = await scene.auctions.of(account);
      await governance.quarantine(hub, scene.a);
      await booked([]);
      // Of the same outage as before, whose grace goes on.
      expect(await graceUntil()).toBe(firstUntil);
      await scene.later(GRACE);
      await scene.priced(54_500);
      const told = await scene.auctions.reached(account, 'open again', ({ id }) => id !== before?.id);
      // The discount grows until a bid is worth its gas.
      await scene.later(60);
      await scene.auctions.reached(account, 'over again', ({ id, ended }) => id === told.id && ended);
      const events = { address: hub.liquidation, abi: liquidationAbi, eventName: 'AuctionStarted', args: { id: told.id } } as const;
      const [started] = await hub.client.getContractEvents({ ...events, fromBlock: hub.deployedAt, strict: true });
      expect(started?.args.equity).toBeGreaterThan(0n);
      expect(await openRoutes()).toEqual([]);
      await governance.reopen(hub, scene.a);
      for (const chain of [hub, scene.b]) await governance.declareRoute(chain, false);
      await booked(world.stack.chains.map(({ name }) => name));
      await world.flow.settled();
      await world.assertInvariants();
    });
  });
});
