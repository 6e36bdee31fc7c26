import { iFundAbi, iLedgerAbi, iLevyAbi, liquidationAbi } from '@lockstep/contracts';
import { accountId, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, erc20Abi, parseEther, parseEventLogs } from 'viem';
import { z } from 'zod/v4';
import type { AuctionsView } from '../harness/auctions.js';
import { Governance } from '../harness/governance.js';
import { BIDDERS, BTC, LeverageScene } from '../harness/leverage.js';
import { Operator } from '../harness/operator.js';
import { assetNamed, type HubChain, type StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import type { DepositOrder } from '../harness/user.js';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';

/** Who borrows against the lost vault, who only holds tokens of it, and who has nothing to do with it. */
const [LEVERAGED, HOLDER, ELSEWHERE] = [4, 5, 6] as const;
const [STAKER] = BIDDERS;
/** A quarter of what the vault held is still there. */
const RECOVERY = CASH / 4n;
const RAMP = 3_600;

describe('given accounts with collateral and cash on a chain that is about to be lost', () => {
  let scene: LeverageScene;
  let world: World;
  let hub: HubChain;
  let lost: StackChain;
  let safe: StackChain;
  let auctions: AuctionsView;
  let governance: Governance;
  let stranger: Operator;
  let account: AccountId;
  let holder: AccountId;

  beforeAll(async () => {
    scene = await LeverageScene.start([LEVERAGED]);
    ({ world, hub, auctions } = scene);
    [lost, safe] = [scene.a, scene.b];
    stranger = new Operator(world.stack, world.flow);
    governance = new Governance(world.stack, stranger);
    const deposit = (index: number, ...orders: DepositOrder[]) => world.user(index).depositMany(orders);
    const made = await Promise.all([
      deposit(LEVERAGED, { chain: lost, asset: 'WETH', amount: whole(lost, 'WETH', 1n) }),
      deposit(
        HOLDER,
        { chain: lost, asset: 'WETH', amount: whole(lost, 'WETH', 2n) },
        { chain: lost, asset: 'USDC', amount: whole(lost, 'USDC', 10_000n) },
      ),
      deposit(ELSEWHERE, { chain: safe, asset: 'USDC', amount: whole(safe, 'USDC', 5_000n) }),
    ]);
    await world.flow.ended(made.flat());
    account = await scene.leveraged(LEVERAGED, { size: (BTC * 26n) / 10n, call: false });
    holder = world.user(HOLDER).account();
    const stake = [world.user(STAKER).account(), 1_000n * CASH, '0x'] as const;
    await world.user(STAKER).must(hub, hub.fund, encodeFunctionData({ abi: iFundAbi, functionName: 'stake', args: stake }));
  });
  afterAll(() => world.stop());

  const cashOf = (index: number): Promise<bigint> => scene.cashOf(world.user(index).account());
  const braked = (): Promise<boolean> => hub.client.readContract({ address: hub.ledger, abi: iLedgerAbi, functionName: 'isBraked' });
  const levy = (functionName: 'review' | 'spread') =>
    stranger.send(hub, { to: hub.levy, data: encodeFunctionData({ abi: iLevyAbi, functionName }) });

  /** Nothing while prices are older than they should be. */
  async function freshRisk() {
    const risk = await auctions.risk(account);
    return risk.grade === 0 ? risk : undefined;
  }

  /** Cash of user ELSEWHERE leaves by the vault of a chain that is well. */
  async function withdrawElsewhere(number: number): Promise<void> {
    const receiver = freshAddress(number);
    const leg = { chain: safe, asset: 'USDC', fromCash: true, amount: 1_000n * CASH, receiver };
    const { claims } = await world.withdrawer(ELSEWHERE).withdraw([leg]);
    await world.claims.reached(claims, 'paid');
    expect(await heldBy(safe, 'USDC', receiver)).toBe(whole(safe, 'USDC', 1_000n));
  }

  describe('when it is degraded', () => {
    it('counts less for what anyone opens, and as much as before for what is open', async () => {
      const before = await auctions.risk(account);
      await governance.worsen(lost, 'degraded', RAMP);
      const { initialMargin, maintenanceMargin } = await auctions.risk(account);
      // A tenth of what the haircut of 15% leaves of two ether.
      expect(initialMargin - before.initialMargin).toBe(510n * CASH);
      expect(maintenanceMargin).toBe(before.maintenanceMargin);
    });
  });

  describe('when it is quarantined', () => {
    it('leaves initial margin at once and maintenance margin by a ramp', async () => {
      await governance.quarantine(hub, lost);
      await governance.worsen(lost, 'quarantined', RAMP);
      const at = await auctions.risk(account);
      expect(at.initialMargin).toBeGreaterThan(at.equity);
      expect(at.maintenanceMargin).toBeLessThan(at.equity);
      await scene.later(RAMP / 4);
      const later = await eventually('prices of then', () => freshRisk());
      expect(later.maintenanceMargin).toBeGreaterThan(at.maintenanceMargin);
      expect(later.initialMargin).toBe(at.initialMargin);
    });

    it('gives an account that nothing else puts below maintenance margin one grace, in which its owner tops it up from elsewhere', async () => {
      await scene.later(RAMP);
      const before = await eventually('prices of then', () => freshRisk());
      expect(before.equity).toBeLessThan(before.maintenanceMargin);
      const start = encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [account, '0x'] });
      const { logs } = await stranger.send(hub, { to: hub.liquidation, data: start });
      const [grace] = parseEventLogs({ abi: liquidationAbi, eventName: 'GraceBegan', logs });
      expect(grace?.args.account).toBe(account);
      await expect(stranger.send(hub, { to: hub.liquidation, data: start })).rejects.toThrow(/GracePeriod/);
      expect(await auctions.of(account)).toEqual([]);
      const topUp = await world.user(LEVERAGED).deposit({ chain: safe, asset: 'USDC', amount: whole(safe, 'USDC', 3_000n) });
      await world.flow.ended([topUp]);
      const { equity, maintenanceMargin } = await auctions.risk(account);
      expect(equity).toBeGreaterThan(maintenanceMargin);
    });

    it('pays nothing there, and everything elsewhere', async () => {
      const leg = { chain: lost, asset: 'WETH', amount: whole(lost, 'WETH', 1n) };
      const { claims } = await world.withdrawer(HOLDER).withdraw([leg]);
      await withdrawElsewhere(1);
      const [state] = await world.claims.reached(claims, 'queued');
      await world.withdrawer(HOLDER).cancel(state!.claim);
    });
  });

  describe('when three quarters of its vault are gone', () => {
    it('lets no cash leave from the moment the guardian expects a loss, long before it is written down', async () => {
      for (const symbol of ['WETH', 'USDC']) await rob(symbol);
      await governance.expectLoss(lost, 8_000n * CASH);
      expect(await braked()).toBe(true);
    });
  });

  describe('when it is written down', () => {
    it('lowers the balances of its holders by one index', async () => {
      await governance.worsen(lost, 'writtenDown', RAMP);
      const bearer = accountId(
        await hub.client.readContract({ address: hub.liquidation, abi: liquidationAbi, functionName: 'deficitAccount', args: [0] }),
      );
      const ended = await governance.writeDown(lost, 'WETH', RECOVERY, bearer);
      await governance.writeDown(lost, 'USDC', RECOVERY, bearer);
      await governance.lowerExpectedLoss(lost, 0n);
      for (const one of [account, holder]) {
        const data = encodeFunctionData({ abi: iLedgerAbi, functionName: 'settleWrittenDown', args: [one, ended] });
        await stranger.send(hub, { to: hub.ledger, data });
        expect(await scene.balanceOf(one, lost, 'WETH')).toBe(whole(lost, 'WETH', 2n) / 4n);
      }
      // What it pooled is missing in one account, which nobody owns; it bears interest from then on.
      const missing = -(await scene.cashOf(bearer));
      expect(missing).toBeGreaterThanOrEqual(7_500n * CASH);
      expect(missing).toBeLessThan(7_501n * CASH);
      expect(await cashOf(HOLDER)).toBe(10_000n * CASH);
    });

    it('lets no cash leave until the loss is borne: by the fund, then by all cash alike', async () => {
      await levy('review');
      expect(await braked()).toBe(true);
      const holders = [HOLDER, ELSEWHERE] as const;
      const before = await Promise.all(holders.map(cashOf));
      await levy('spread');
      expect(await braked()).toBe(false);
      const after = await Promise.all(holders.map(cashOf));
      const parts = after.map((cash, i) => ((before[i]! - cash) * 1_000_000n) / before[i]!);
      expect(parts[0]).toBeGreaterThan(0n);
      expect(parts[0]).toBe(parts[1]);
      expect(await hub.client.readContract({ address: hub.fund, abi: iFundAbi, functionName: 'assets' })).toBe(0n);
      await withdrawElsewhere(2);
    });

    it('leaves books that add up, on the chains and in the journal', async () => {
      await world.flow.settled({ chains: [hub, safe] });
      await world.assertInvariants();
      const state = z.object({ ok: z.boolean() });
      await eventually('the relayer to find that its books add up', async (note) => {
        const answer = await world.relayer.api.get('/reconciliation', state);
        note(answer);
        return answer.ok ? true : undefined;
      });
    });
  });

  /** Takes three quarters of a token out of the vault, as a thief with its keys would. */
  async function rob(symbol: string): Promise<void> {
    const { client, vault } = lost;
    await client.impersonateAccount({ address: vault });
    await client.setBalance({ address: vault, value: parseEther('1') });
    const amount = ((await heldBy(lost, symbol, vault)) * (CASH - RECOVERY)) / CASH;
    const call = { address: assetNamed(lost, symbol).token, abi: erc20Abi, functionName: 'transfer' } as const;
    const hash = await client.writeContract({ ...call, account: vault, args: [freshAddress(9), amount] });
    const { status } = await client.waitForTransactionReceipt({ hash, timeout: 60_000 });
    await client.stopImpersonatingAccount({ address: vault });
    expect(status).toBe('success');
  }
});
