import { blocklistTokenAbi, iGatewayAbi, iLedgerAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { encodeFunctionData, type Address, type Hex } from 'viem';
import { Governance } from '../harness/governance.js';
import { Operator } from '../harness/operator.js';
import { assetNamed, type HubChain, type StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { Permission, type LegOrder, type Withdrawer } from '../harness/withdrawer.js';
import { World } from '../harness/world.js';
import { USUAL } from '../invariants/report.js';

/** Those that need no journal. */
const ON_CHAIN = USUAL.filter((name) => name !== 'INV-LEDGER-3' && name !== 'INV-LEDGER-4');

describe('given accounts with collateral and cash, and no relayer: its API answers nobody and it orders nothing', () => {
  let world: World;
  let operator: Operator;
  let governance: Governance;
  let hub: HubChain;
  /** lists tokens with a blocklist beside the others */
  let a: StackChain;
  let b: StackChain;
  let owner: Withdrawer;
  let stranger: Withdrawer;
  let receivers = 0;

  beforeAll(async () => {
    world = await World.start({ spokes: 2, relayer: false });
    await world.mining({ kind: 'auto' });
    operator = new Operator(world.stack, world.flow);
    governance = new Governance(world.stack, operator);
    hub = world.stack.hub;
    a = await governance.listBlocklistToken(world.stack.chains[1]!, 'BLOCK', 6);
    await governance.configureOnHub(a, 'BLOCK');
    a = await governance.listBlocklistToken(a, 'UNHEARD', 18);
    b = world.stack.chains[2]!;
    owner = world.withdrawer(0);
    stranger = world.withdrawer(1);
    await owner.user.depositMany([
      { chain: a, asset: 'USDC', amount: whole(a, 'USDC', 1_000n) },
      { chain: a, asset: 'BLOCK', amount: whole(a, 'BLOCK', 100n) },
      { chain: b, asset: 'WETH', amount: whole(b, 'WETH', 100n) },
      { chain: b, asset: 'ETH', amount: whole(b, 'ETH', 10n) },
    ]);
    await world.user(2).depositMany([b, hub].map((chain) => ({ chain, asset: 'USDC', amount: whole(chain, 'USDC', 500n) })));
    await everything();
  });
  afterAll(() => world.stop());
  afterEach(() => world.assertInvariants(ON_CHAIN));

  /** Strangers carry whatever waits, orders before the receipts they cause. */
  async function everything(): Promise<void> {
    for (const round of [world.flow.paths(), world.flow.paths()]) for (const [from, to] of round) await operator.carry(from, to);
  }
  const fresh = (): Address => freshAddress((receivers += 1));
  const cash = async (): Promise<bigint> => (await world.flow.holdings(owner.user.account())).cash;
  const usdc = (chain: StackChain, amount: bigint, receiver: Address): LegOrder => ({
    chain,
    asset: 'USDC',
    fromCash: true,
    amount: amount * CASH,
    receiver,
  });
  const only = (claims: readonly bigint[]): bigint => {
    expect(claims).toHaveLength(1);
    return claims[0]!;
  };
  /** A withdrawal of one leg. */
  const withdraw = async (leg: LegOrder): Promise<bigint> => only((await owner.withdraw([leg])).claims);
  const later = (seconds: number): Promise<void> => world.node(hub.name).miner.increaseTime(seconds);

  describe('when the owner asks for cash through the log of a chain', () => {
    it('is paid on another chain, whoever carries it', async () => {
      const receiver = fresh();
      const request = await owner.requestFrom(a, usdc(b, 100n, receiver), { express: true });
      await operator.carry(a);
      const claim = only((await stranger.processRequest(request)).claims);
      await everything();
      await world.claims.reached([claim], 'paid');
      await world.claims.receipted([claim]);
      expect(await heldBy(b, 'USDC', receiver)).toBe(whole(b, 'USDC', 100n));
      expect(await cash()).toBe(900n * CASH);
    });

    it('waits while the account cannot afford it, and goes through once it can', async () => {
      const receiver = fresh();
      const request = await owner.requestFrom(a, usdc(a, 901n, receiver));
      await operator.carry(a);
      await expect(stranger.processRequest(request)).rejects.toThrow(/CashTooLow/);
      await owner.user.deposit({ chain: a, asset: 'USDC', amount: whole(a, 'USDC', 1n) });
      await operator.carry(a);
      const claim = only((await stranger.processRequest(request)).claims);
      await everything();
      await world.claims.reached([claim], 'paid');
      expect(await cash()).toBe(0n);
      await owner.user.deposit({ chain: a, asset: 'USDC', amount: whole(a, 'USDC', 1_000n) });
      await everything();
    });

    it('ends at its last moment if nobody decided it, and takes nothing', async () => {
      const before = await cash();
      const { timestamp } = await hub.client.getBlock();
      const request = await owner.requestFrom(b, usdc(b, 5n, fresh()), { validUntil: Number(timestamp) + 60 });
      await operator.carry(b);
      await later(61);
      expect((await stranger.processRequest(request)).claims).toEqual([]);
      await expect(stranger.processRequest(request)).rejects.toThrow(/RequestUnknown/);
      expect(await cash()).toBe(before);
    });
  });

  describe('when the owner withdraws over several chains at once', () => {
    it('pays each leg in whole units of its token, and what is less than a unit stays cash', async () => {
      const receiver = fresh();
      const before = await cash();
      const { claims } = await owner.withdraw(
        [hub, a, b].map((chain) => ({ ...usdc(chain, 33n, receiver), amount: 33n * CASH + 999_999_999_999n })),
      );
      expect(claims).toHaveLength(3);
      await everything();
      await world.claims.reached(claims, 'paid');
      await world.claims.receipted(claims);
      for (const chain of [hub, a, b]) expect(await heldBy(chain, 'USDC', receiver)).toBe(whole(chain, 'USDC', 33n));
      expect(await cash()).toBe(before - 99n * CASH);
    });
  });

  describe('when a stranger brings what the owner signed', () => {
    it('takes it once', async () => {
      const receiver = fresh();
      const action = await owner.signWithdraw([usdc(a, 10n, receiver)], 7n);
      const claim = only((await stranger.bring(action)).claims);
      await expect(stranger.bring(action)).rejects.toThrow(/NonceUsed/);
      await everything();
      await world.claims.reached([claim], 'paid');
      expect(await heldBy(a, 'USDC', receiver)).toBe(whole(a, 'USDC', 10n));
    });

    it('takes a cancellation as well', async () => {
      await governance.pauseOrders();
      const before = await cash();
      const claim = await withdraw(usdc(a, 10n, fresh()));
      expect(await cash()).toBe(before - 10n * CASH);
      await stranger.bring(await owner.signCancel(claim, 8n));
      await world.claims.reached([claim], 'cancelled');
      expect(await cash()).toBe(before);
      await governance.unpauseOrders();
    });
  });

  describe('when the owner appoints a key from another chain', () => {
    it('lets that key withdraw, and not before', async () => {
      const account = owner.user.account();
      const leg = usdc(a, 3n, fresh());
      const delegate = world.withdrawer(3);
      await expect(delegate.withdraw([leg], account)).rejects.toThrow(/NotPermitted/);
      await owner.setDelegate(b, delegate.user.address, Permission.withdraw);
      await operator.carry(b);
      const claim = only((await delegate.withdraw([leg], account)).claims);
      await everything();
      await world.claims.reached([claim], 'paid');
      await owner.setDelegate(b, delegate.user.address, 0);
      await operator.carry(b);
      await expect(delegate.withdraw([leg], account)).rejects.toThrow(/NotPermitted/);
    });
  });

  describe('when the token refuses the receiver', () => {
    it('keeps the amount claimable, for the owner to send elsewhere', async () => {
      const [refused, elsewhere] = [fresh(), fresh()];
      await setBlocked(refused);
      const claim = await withdraw({ chain: a, asset: 'BLOCK', amount: whole(a, 'BLOCK', 7n), receiver: refused });
      await everything();
      const [state] = await world.claims.reached([claim], 'claimable');
      expect(state!.payout).toEqual({ kind: 'claimable', reason: 'TransferFailed' });
      await world.claims.receipted([claim]);
      await expect(stranger.claim(a, state!.orderSequence)).rejects.toThrow(/PayoutFailed/);
      await expect(stranger.claimTo(a, state!.orderSequence, stranger.user.address)).rejects.toThrow(/NotClaimParty/);
      await owner.claimTo(a, state!.orderSequence, elsewhere);
      await world.claims.reached([claim], 'claimed');
      expect(await heldBy(a, 'BLOCK', elsewhere)).toBe(whole(a, 'BLOCK', 7n));
      await expect(owner.claimTo(a, state!.orderSequence, elsewhere)).rejects.toThrow(/NotClaimable/);
    });
  });

  describe('when the token stops all transfers', () => {
    it('pays the others of the same batch, and this one when transfers go on', async () => {
      const [waiting, paid] = [fresh(), fresh()];
      await setPaused(true);
      const { claims } = await owner.withdraw([
        { chain: a, asset: 'BLOCK', amount: whole(a, 'BLOCK', 2n), receiver: waiting },
        usdc(a, 2n, paid),
      ]);
      await everything();
      const [state] = await world.claims.reached([claims[0]!], 'claimable');
      await world.claims.reached([claims[1]!], 'paid');
      expect(await heldBy(a, 'USDC', paid)).toBe(whole(a, 'USDC', 2n));
      await setPaused(false);
      await stranger.claim(a, state!.orderSequence);
      expect(await heldBy(a, 'BLOCK', waiting)).toBe(whole(a, 'BLOCK', 2n));
    });
  });

  describe('when the receiver is a contract that takes no coins', () => {
    it('becomes a deposit of the account again', async () => {
      const account = owner.user.account();
      const before = await world.flow.holdings(account);
      const claim = await withdraw({ chain: b, asset: 'ETH', amount: whole(b, 'ETH', 1n), receiver: assetNamed(b, 'WETH').token });
      await everything();
      const [state] = await world.claims.reached([claim], 'claimable');
      await expect(stranger.returnClaim(b, state!.orderSequence)).rejects.toThrow(/ReturnTooEarly|NotClaimParty/);
      await owner.returnClaim(b, state!.orderSequence);
      await world.claims.reached([claim], 'returned');
      await everything();
      expect(await world.flow.holdings(account)).toEqual(before);
    });
  });

  describe('when the vault is paused', () => {
    it('makes orders claimable, and pays them after the pause', async () => {
      const receiver = fresh();
      await governance.pausePayouts(b);
      const claim = await withdraw({ chain: b, asset: 'WETH', amount: whole(b, 'WETH', 1n), receiver });
      await everything();
      const [state] = await world.claims.reached([claim], 'claimable');
      expect(state!.payout).toEqual({ kind: 'claimable', reason: 'PayoutsPaused' });
      await expect(owner.claimTo(b, state!.orderSequence, receiver)).rejects.toThrow(/PayoutsArePaused/);
      await governance.unpausePayouts(b);
      await stranger.claim(b, state!.orderSequence);
      expect(await heldBy(b, 'WETH', receiver)).toBe(whole(b, 'WETH', 1n));
    });
  });

  describe('when a chain has less of the settlement token than a claim asks for', () => {
    it('lets smaller claims pass, gives a claim back that is cancelled, and pays one when liquidity comes', async () => {
      const { index } = assetNamed(b, 'USDC');
      const [, free] = await hub.client.readContract({ ...ledger(), functionName: 'liquidityOf', args: [b.eid, index] });
      const whale = world.withdrawer(4);
      await whale.user.deposit({ chain: a, asset: 'USDC', amount: whole(a, 'USDC', 5_000n) });
      await operator.carry(a);
      const more = free * 10n ** 12n + CASH;
      const big = { ...usdc(b, 0n, fresh()), amount: more };
      const [given, kept] = [(await whale.withdraw([big])).claims, (await whale.withdraw([big])).claims].map(only) as [bigint, bigint];
      const [elsewhere, small] = [await withdraw(usdc(a, 4n, fresh())), await withdraw(usdc(b, 4n, fresh()))];
      await stranger.order([given, kept, elsewhere, small]);
      await everything();
      await world.claims.reached([elsewhere, small], 'paid');
      await world.claims.reached([given, kept], 'queued');
      expect(await world.claims.waitingFor(kept)).toBe('Liquidity');
      await whale.cancel(given);
      await world.claims.reached([given], 'cancelled');
      await world.user(2).deposit({ chain: b, asset: 'USDC', amount: whole(b, 'USDC', 100n) });
      await operator.carry(b);
      await stranger.order([given, kept]);
      await everything();
      await world.claims.reached([kept], 'paid');
      expect((await world.flow.holdings(whale.user.account())).cash).toBe(5_000n * CASH - more);
    });
  });

  describe("when more leaves than the hub's bucket lets out", () => {
    it('holds the rest back until it refills, and lets a small order pass meanwhile', async () => {
      await governance.hubOutflow(b, 'WETH', { capacity: whole(b, 'WETH', 10n), perSecond: whole(b, 'WETH', 10n) / 100n });
      await later(200);
      const [first, second] = [await withdraw(weth(7n, fresh())), await withdraw(weth(7n, fresh()))];
      const small = await withdraw({ ...weth(0n, fresh()), amount: whole(b, 'WETH', 1n) / 20n });
      await stranger.order([second, small]);
      await world.claims.reached([first, small], 'ordered');
      expect(await world.claims.waitingFor(second)).toBe('OutflowLimit');
      await later(200);
      await stranger.order([second]);
      await everything();
      await world.claims.reached([first, second, small], 'paid');
      await governance.hubOutflow(b, 'WETH');
      await later(1); // a wider bucket fills as time goes on
    });
  });

  describe("when more leaves than the vault's own bucket lets out", () => {
    it('makes the rest claimable, and pays it in parts as it refills', async () => {
      await governance.vaultOutflow(b, 'WETH', { capacity: whole(b, 'WETH', 10n), perSecond: whole(b, 'WETH', 10n) / 100n });
      await world.node(b.name).miner.increaseTime(200);
      const receiver = fresh();
      const claims = [await withdraw(weth(7n, fresh())), await withdraw(weth(7n, receiver))];
      await everything();
      await world.claims.reached([claims[0]!], 'paid');
      const [state] = await world.claims.reached([claims[1]!], 'claimable');
      expect(state!.payout).toEqual({ kind: 'claimable', reason: 'OutflowLimit' });
      await stranger.claim(b, state!.orderSequence);
      await world.claims.reached([claims[1]!], 'claimable');
      const part = await heldBy(b, 'WETH', receiver);
      expect(part > 0n && part < whole(b, 'WETH', 7n)).toBe(true);
      await world.node(b.name).miner.increaseTime(200);
      await stranger.claim(b, state!.orderSequence);
      await world.claims.reached([claims[1]!], 'claimed');
      expect(await heldBy(b, 'WETH', receiver)).toBe(whole(b, 'WETH', 7n));
      await governance.vaultOutflow(b, 'WETH');
    });
  });

  describe('when the owner regrets an order that no checkpoint covers yet', () => {
    it('gives it back after a delay, and it is never paid', async () => {
      const before = await cash();
      const receiver = fresh();
      const claim = await withdraw(usdc(b, 20n, receiver));
      await world.claims.reached([claim], 'ordered');
      await expect(owner.cancelOrdered(claim, await world.claims.proofOf(claim))).rejects.toThrow(/CancelTooEarly/);
      await later(await cancelDelay());
      await owner.cancelOrdered(claim, await world.claims.proofOf(claim));
      expect(await cash()).toBe(before);
      await everything();
      expect(await heldBy(b, 'USDC', receiver)).toBe(0n);
      expect((await world.claims.state(claim)).status).toBe('cancelled');
    });

    it('refuses once a checkpoint covers it', async () => {
      const claim = await withdraw(usdc(b, 20n, fresh()));
      await later(await cancelDelay());
      await operator.flush(hub, b);
      await expect(owner.cancelOrdered(claim, await world.claims.proofOf(claim))).rejects.toThrow(/AlreadyFlushed/);
      await everything();
      await world.claims.reached([claim], 'paid');
    });
  });

  describe('when a deposit waits for a token that the hub does not know', () => {
    it('is sent home by anyone after a delay, as an order like any other, and cannot be credited any more', async () => {
      const depositor = world.user(5);
      const made = await depositor.deposit({ chain: a, asset: 'UNHEARD', amount: 77n });
      await operator.carry(a);
      await world.flow.ended([made], 'parked');
      await expect(operator.returnDeposit(made)).rejects.toThrow(/ReturnTooEarly/);
      await governance.setReturnDelay(1);
      await later(2);
      const claim = await operator.returnDeposit(made);
      await stranger.order([claim]);
      await everything();
      await world.claims.reached([claim], 'paid');
      await world.claims.receipted([claim]);
      expect(await heldBy(a, 'UNHEARD', depositor.address)).toBe(77n);
      await world.flow.ended([made], 'returned');
      const retry = encodeFunctionData({ abi: iGatewayAbi, functionName: 'retry', args: [a.eid, made.sequence, made.entry] });
      await expect(operator.send(hub, { to: hub.gateway, data: retry })).rejects.toThrow(/NotParked/);
    });
  });

  describe('when the guardian trusts a chain no more', () => {
    it('gives nothing out there, gives back what was ordered there and not sent, and pays on the others', async () => {
      const before = await cash();
      const ordered = await withdraw(usdc(b, 11n, fresh()));
      await governance.quarantine(hub, b);
      const [waiting, paid] = [await withdraw(usdc(b, 12n, fresh())), await withdraw(usdc(a, 13n, fresh()))];
      await expect(operator.flush(hub, b)).rejects.toThrow(/PathInQuarantine/);
      expect(await world.claims.waitingFor(waiting)).toBe('PathQuarantined');
      await later(await cancelDelay());
      await owner.cancelOrdered(ordered, await world.claims.proofOf(ordered));
      await owner.cancel(waiting);
      await operator.carry(hub, a);
      await operator.carry(a);
      await world.claims.reached([paid], 'paid');
      await world.claims.reached([ordered, waiting], 'cancelled');
      expect(await cash()).toBe(before - 13n * CASH);
      await governance.reopen(hub, b);
      await operator.resend(b);
      await everything();
    });
  });

  describe('when a relayer starts after all that', () => {
    it('finds the same history on the chains as those who did its work', async () => {
      await everything();
      await world.resumeMining();
      await world.relayer.start();
      await world.flow.settled();
      await world.assertInvariants();
    });
  });

  const ledger = () => ({ address: hub.ledger, abi: iLedgerAbi }) as const;
  const weth = (amount: bigint, receiver: Address): LegOrder => ({ chain: b, asset: 'WETH', amount: whole(b, 'WETH', amount), receiver });
  /** Seconds, and one more. */
  const cancelDelay = async (): Promise<number> =>
    (await hub.client.readContract({ address: hub.withdrawals, abi: iWithdrawalsAbi, functionName: 'cancelDelay' })) + 1;
  const issuer = async (data: Hex): Promise<void> => void (await operator.send(a, { to: assetNamed(a, 'BLOCK').token, data }));
  const setBlocked = (holder: Address) =>
    issuer(encodeFunctionData({ abi: blocklistTokenAbi, functionName: 'setBlocked', args: [holder, true] }));
  const setPaused = (paused: boolean) => issuer(encodeFunctionData({ abi: blocklistTokenAbi, functionName: 'setPaused', args: [paused] }));
});
