import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  accessManagerAbi,
  collateralRulesAbi,
  collateralVaultAbi,
  crossEngineAbi,
  exchangeAbi,
  feedsAbi,
  fundAbi,
  gatewayAbi,
  handoverAbi,
  ledgerAbi,
  levyAbi,
  liquidationAbi,
  marginAbi,
  marketsAbi,
  messengerAbi,
  portfolioEngineAbi,
  routesAbi,
  shortfallsAbi,
  withdrawalsAbi,
} from '@lockstep/contracts';
import { encodeAccount, EntryKind } from '@lockstep/shared';
import { encodeAbiParameters, encodeFunctionData, zeroAddress, type Address, type Hex } from 'viem';
import {
  CONFIG_TYPE,
  apply,
  describeProblem,
  endpointAbi,
  knownLive,
  liveChainOf,
  parseDesired,
  plan,
  sendAll,
  ulnConfigParameters,
  verify,
  writeLive,
  type ChainClient,
  type LocalNetwork,
} from '../src/index.js';
import { devAccount } from './anvil.js';
import { TestChains } from './local-network.js';

describe('a local network', () => {
  let chains: TestChains;
  let network: LocalNetwork;

  beforeAll(async () => {
    chains = await TestChains.start();
    const started = performance.now();
    network = await chains.deploy();
    process.stdout.write(
      `three chains with LayerZero and Lockstep in ${Math.round(performance.now() - started)} ms, ${network.result.transactions} transactions\n`,
    );
  });
  afterAll(() => chains.stop());

  const problems = async (): Promise<string[]> =>
    (await verify(network.desired, network.clients, knownLive(network.desired, chains.liveDir))).map(describeProblem);
  const repair = (): Promise<unknown> => apply({ desired: network.desired, clients: network.clients, liveDir: chains.liveDir });

  describe('given a finished deployment', () => {
    it('verifies: both ends of every route agree', async () => {
      expect(await problems()).toEqual([]);
    });

    it('plans nothing, and a second apply sends nothing', async () => {
      expect(await plan(network.desired, network.clients)).toEqual([]);
      const again = await chains.deploy();
      expect(again.result).toMatchObject({ transactions: 0, done: [], scheduled: [] });
      expect(again.live).toEqual(network.live);
    });

    it('has different addresses on every chain', () => {
      for (const name of ['AccessManager', 'Messenger', 'CollateralVault', 'LockstepDVN', 'BatchExecutor'] as const)
        expect(new Set(network.live.chains.map((chain) => chain.contracts[name].address)).size).toBe(3);
      expect(new Set(network.live.chains.map((chain) => chain.layerzero.endpoint)).size).toBe(3);
    });
  });

  describe('given a drift that someone with the rights caused', () => {
    it('when a route has one DVN, verify names both ends and apply puts it back', async () => {
      const hub = liveChainOf(network.live, 'hub');
      await pinReceiveUln(1n, [hub.contracts.LockstepDVN.address]);
      expect(await problems()).toEqual([
        expect.stringMatching(/^hub: receive ULN from spoke-a: expected .*"requiredDVNCount":2.*, got .*"requiredDVNCount":1/),
        expect.stringMatching(
          /^hub: route spoke-a → hub: operators of the required DVNs: expected \["layerzero-labs","lockstep"\] as on spoke-a, got \["lockstep"\]/,
        ),
      ]);
      await repair();
      expect(await problems()).toEqual([]);
    });

    it('when the ends wait for different confirmations, verify names both ends and apply puts it back', async () => {
      const { layerzero, contracts } = liveChainOf(network.live, 'hub');
      await pinReceiveUln(
        9n,
        [contracts.LockstepDVN.address, layerzero.dvn].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)),
      );
      expect(await problems()).toEqual([
        expect.stringContaining('hub: receive ULN from spoke-a'),
        'hub: route spoke-a → hub: confirmations: expected 1 as on spoke-a, got 9',
      ]);
      await repair();
      expect(await problems()).toEqual([]);
    });

    it('when limits, writers or roles were changed, verify names each and apply puts them back', async () => {
      const hub = liveChainOf(network.live, 'hub');
      const { CollateralVault: vault, Messenger: messenger, Ledger: ledger } = network.live.hub.contracts;
      const limits = encodeFunctionData({ abi: collateralVaultAbi, functionName: 'setAssetLimits', args: [1, 5n, 6n] });
      await govern('hub', vault.address, limits);
      const freeze = encodeFunctionData({ abi: ledgerAbi, functionName: 'freezeAsset', args: [1] });
      await govern('hub', ledger.address, freeze);
      const handler = encodeFunctionData({ abi: messengerAbi, functionName: 'setHandler', args: [1, devAccount(4).address] });
      await govern('hub', messenger.address, handler);
      const grant = encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [0n, devAccount(4).address, 0] });
      await sendAll(clientOf('hub'), devAccount(0), [{ label: 'grantRole', to: hub.contracts.AccessManager.address, data: grant }]);

      expect(await problems()).toEqual([
        `hub: Messenger handler of Deposited: expected ${network.live.hub.contracts.Gateway.address}, got ${devAccount(4).address}`,
        'hub: CollateralVault limits of USDC: expected ["1","1000000000000000"], got ["5","6"]',
        expect.stringMatching(/^hub: Ledger hub USDC: expected .*"standing":2.*, got .*"standing":3/),
        `hub: admin ${devAccount(4).address}: expected no member, got member`,
      ]);
      await repair();
      expect(await problems()).toEqual([]);
    });

    it('when outflow limits, the way home or the margin check were changed, verify names each and apply puts them back', async () => {
      const { Gateway: gateway, Withdrawals: withdrawals, CollateralVault: vault, Margin: margin } = network.live.hub.contracts;
      const stranger = devAccount(4).address;
      const calls: [Address, Hex][] = [
        [gateway.address, encodeFunctionData({ abi: gatewayAbi, functionName: 'setWithdrawals', args: [stranger] })],
        [gateway.address, encodeFunctionData({ abi: gatewayAbi, functionName: 'setReturnDelay', args: [9] })],
        [withdrawals.address, encodeFunctionData({ abi: withdrawalsAbi, functionName: 'setMarginCheck', args: [stranger] })],
        [withdrawals.address, encodeFunctionData({ abi: withdrawalsAbi, functionName: 'setOutflow', args: [hubEid(), 1, 5n, 6n] })],
        [vault.address, encodeFunctionData({ abi: collateralVaultAbi, functionName: 'setOutflow', args: [1, 7n, 8n] })],
      ];
      for (const [target, data] of calls) await govern('hub', target, data);
      expect(await problems()).toEqual([
        'hub: CollateralVault outflow of USDC: expected ["1000000000000000","277777777777"], got ["7","8"]',
        `hub: Gateway withdrawals: expected ${withdrawals.address}, got ${stranger}`,
        'hub: Gateway return delay: expected 3600, got 9',
        `hub: Withdrawals margin check: expected ${margin.address}, got ${stranger}`,
        'hub: Withdrawals outflow of hub USDC: expected ["1000000000000000","277777777777"], got ["5","6"]',
      ]);
      await repair();
      expect(await problems()).toEqual([]);
    });

    it('when prices, collateral, markets or engines were changed, verify names each and apply puts them back', async () => {
      const { Feeds, CollateralRules, Markets, Margin, CrossEngine, PortfolioEngine, Ledger } = network.live.hub.contracts;
      const stranger = devAccount(4).address;
      const rate = { maintenance: 1, initialExtra: 2 };
      const calls: [Address, Hex][] = [
        [Feeds.address, encodeFunctionData({ abi: feedsAbi, functionName: 'setSigners', args: [[stranger], 1, 1] })],
        [Markets.address, encodeFunctionData({ abi: marketsAbi, functionName: 'setModule', args: [stranger, true] })],
        [CollateralRules.address, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setStateRates', args: [1, rate] })],
        [CollateralRules.address, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setChainRates', args: [hubEid(), rate] })],
        [CrossEngine.address, encodeFunctionData({ abi: crossEngineAbi, functionName: 'setOpenInterestBounds', args: [1, 3n, 4n] })],
        [PortfolioEngine.address, encodeFunctionData({ abi: portfolioEngineAbi, functionName: 'setGroup', args: [2, 0, 0] })],
        [Margin.address, encodeFunctionData({ abi: marginAbi, functionName: 'setEngine', args: [2, CrossEngine.address] })],
        [Ledger.address, encodeFunctionData({ abi: ledgerAbi, functionName: 'setMarginCheck', args: [stranger] })],
      ];
      for (const [target, data] of calls) await govern('hub', target, data);
      expect(await problems()).toEqual([
        `hub: Ledger margin check: expected ${Margin.address}, got ${stranger}`,
        expect.stringMatching(/^hub: Feeds signers: expected .*, got .*,1,1\]$/),
        'hub: CollateralRules rates of hub: expected {"maintenance":0,"initialExtra":0}, got {"maintenance":1,"initialExtra":2}',
        'hub: CollateralRules rates when Degraded: expected {"maintenance":0,"initialExtra":100000000}, got {"maintenance":1,"initialExtra":2}',
        'hub: CrossEngine open interest of BTC: expected ["50000000","500000000"], got ["3","4"]',
        'hub: PortfolioEngine group of ETH: expected [1,750000000], got [0,0]',
        `hub: Markets module ${stranger}: expected false, got true`,
        `hub: Margin engine of portfolio: expected ${PortfolioEngine.address}, got ${CrossEngine.address}`,
      ]);
      await repair();
      expect(await problems()).toEqual([]);
    });

    it('when the fund, its part of fees, auctions or who may touch positions were changed, verify names each and apply puts them back', async () => {
      const { Exchange, Fund, Handover, Ledger, Levy, Liquidation, Margin, Markets, Routes, Shortfalls } = network.live.hub.contracts;
      const stranger = devAccount(4).address;
      const fundAccount = encodeAccount({ owner: Fund.address, home: network.live.hub.eid, subaccount: 0n });
      const thief = encodeAccount({ owner: stranger, home: 0, subaccount: 0n });
      const terms = { ...network.desired.liquidation.terms, fastTo: 0n };
      const calls: [Address, Hex][] = [
        [Fund.address, encodeFunctionData({ abi: fundAbi, functionName: 'setLiquidation', args: [stranger] })],
        [Fund.address, encodeFunctionData({ abi: fundAbi, functionName: 'setLevy', args: [zeroAddress] })],
        [Fund.address, encodeFunctionData({ abi: fundAbi, functionName: 'setExitDelay', args: [1] })],
        [Fund.address, encodeFunctionData({ abi: fundAbi, functionName: 'setTranche', args: [2, 5n] })],
        [Exchange.address, encodeFunctionData({ abi: exchangeAbi, functionName: 'setFeeShares', args: [thief, 1_000_000_000] })],
        [Liquidation.address, encodeFunctionData({ abi: liquidationAbi, functionName: 'setTerms', args: [terms] })],
        [Ledger.address, encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [Fund.address, false] })],
        [Markets.address, encodeFunctionData({ abi: marketsAbi, functionName: 'setModule', args: [Handover.address, false] })],
        [Handover.address, encodeFunctionData({ abi: handoverAbi, functionName: 'setAuctioneer', args: [Shortfalls.address, false] })],
        [Handover.address, encodeFunctionData({ abi: handoverAbi, functionName: 'setAuctioneer', args: [stranger, true] })],
        [Routes.address, encodeFunctionData({ abi: routesAbi, functionName: 'setRoutes', args: [[]] })],
        [Liquidation.address, encodeFunctionData({ abi: liquidationAbi, functionName: 'setRoutes', args: [zeroAddress] })],
        [Levy.address, encodeFunctionData({ abi: levyAbi, functionName: 'setLiquidation', args: [stranger] })],
        [Margin.address, encodeFunctionData({ abi: marginAbi, functionName: 'setLevy', args: [zeroAddress] })],
        [Liquidation.address, encodeFunctionData({ abi: liquidationAbi, functionName: 'setDeficitSink', args: [stranger] })],
        [Shortfalls.address, encodeFunctionData({ abi: shortfallsAbi, functionName: 'setTerms', args: [{ limit: 1n, restore: 0n }] })],
      ];
      for (const [target, data] of calls) await govern('hub', target, data);
      expect(await problems()).toEqual([
        'hub: Ledger module Fund: expected true, got false',
        'hub: Markets module Handover: expected true, got false',
        `hub: Fund liquidation: expected ${Liquidation.address}, got ${stranger}`,
        `hub: Fund levy: expected ${Levy.address}, got ${zeroAddress}`,
        'hub: Fund exit delay: expected 604800, got 1',
        'hub: Fund tranche of ETH: expected 400000000000000000, got 5',
        `hub: Exchange fee shares: expected ["${fundAccount}",500000000], got ["${thief}",1000000000]`,
        'hub: Handover auctioneer Shortfalls: expected true, got false',
        `hub: Handover auctioneer ${stranger}: expected false, got true`,
        `hub: Routes of top-ups: expected [${network.live.chains.map(({ eid }) => eid).join(',')}], got []`,
        expect.stringMatching(/^hub: Liquidation terms: expected .*"fastTo":"700000000000000000".*, got .*"fastTo":"0"/),
        `hub: Liquidation routes: expected ${Routes.address}, got ${zeroAddress}`,
        'hub: Shortfalls terms: expected {"limit":"1000000000000000000000000","restore":"500000000000000000"}, got {"limit":"1","restore":"0"}',
        `hub: Levy liquidation: expected ${Liquidation.address}, got ${stranger}`,
        `hub: Margin levy: expected ${Levy.address}, got ${zeroAddress}`,
        `hub: Liquidation deficit sink: expected ${Levy.address}, got ${stranger}`,
      ]);
      await repair();
      expect(await problems()).toEqual([]);
    });

    it('when someone was made writer, handler or module, verify names each and apply takes it away', async () => {
      const { Messenger: messenger, Ledger: ledger, Withdrawals: withdrawals, CollateralVault: vault } = network.live.hub.contracts;
      const stranger = devAccount(4).address;
      for (const functionName of ['setWriter', 'setHandler'] as const)
        await govern(
          'hub',
          messenger.address,
          encodeFunctionData({ abi: messengerAbi, functionName, args: [EntryKind.Release, stranger] }),
        );
      await govern('hub', ledger.address, encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [stranger, true] }));
      expect(await problems()).toEqual([
        `hub: Messenger writer of Release: expected ${withdrawals.address}, got ${stranger}`,
        `hub: Messenger handler of Release: expected ${vault.address}, got ${stranger}`,
        `hub: Ledger module ${stranger}: expected false, got true`,
      ]);
      await repair();
      expect(await problems()).toEqual([]);
    });

    it('when a recorded code hash is not what is on the chain, verify says so', async () => {
      const live = knownLive(network.desired, chains.liveDir).get('spoke-a');
      const dvn = live?.contracts.LockstepDVN;
      if (live === undefined || dvn === undefined) throw new Error('no live file');
      const bytecodeHash: Hex = `0x${'11'.repeat(32)}`;
      writeLive(chains.liveDir, { ...live, contracts: { ...live.contracts, LockstepDVN: { ...dvn, bytecodeHash } } });
      expect(await problems()).toEqual([`spoke-a: LockstepDVN code: expected ${bytecodeHash}, got ${dvn.bytecodeHash}`]);
      writeLive(chains.liveDir, live);
    });
  });

  describe('given a deployment of other constructor arguments', () => {
    it('when it is verified, the recorded contract stands, is configured as it is, and the difference is named', async () => {
      const chainsWithPermit2 = network.desired.chains.map((chain) =>
        chain.name === 'spoke-b' ? { ...chain, permit2: devAccount(4).address } : chain,
      );
      const desired = parseDesired({ ...network.desired, chains: chainsWithPermit2 });
      const known = knownLive(network.desired, chains.liveDir);
      expect(await plan(desired, network.clients, known)).toEqual([]);
      expect((await verify(desired, network.clients, known)).map(describeProblem)).toEqual([
        expect.stringMatching(/^spoke-b: CollateralVault build: expected this build and arguments, at 0x\w{40}, got another, at 0x\w{40}$/),
      ]);
    });

    it('when settlement cash is to have a price, verify names the engine built without, and the plan is one that reads it', async () => {
      const desired = { ...network.desired, risk: { ...network.desired.risk, settlementUnderlying: 2 } };
      const named = await verify(desired, network.clients, knownLive(desired, chains.liveDir));
      expect(named.map(describeProblem)).toEqual([expect.stringMatching(/^hub: PortfolioEngine build: expected this build and arguments/)]);
      const steps = await plan(desired, network.clients);
      const engine = steps.flatMap((step) => (step.kind === 'deploy' ? [step.contract] : []));
      expect(engine.map(({ name, args }) => [name, args[2]])).toEqual([['PortfolioEngine', 2]]);
      expect(steps.flatMap((step) => (step.kind === 'configure' ? [step.subject] : []))).toContain('Margin engine of portfolio');
      // Into the place of the other, and back.
      const liveDir = mkdtempSync(path.join(tmpdir(), 'live-'));
      await apply({ desired, clients: network.clients, liveDir });
      expect(await verify(desired, network.clients, knownLive(desired, liveDir))).toEqual([]);
      const { rpc } = clientOf('hub');
      const margin = { address: network.live.hub.contracts.Margin.address, abi: marginAbi } as const;
      const address = await rpc.readContract({ ...margin, functionName: 'riskEngineOf', args: [2] });
      expect(await rpc.readContract({ address, abi: portfolioEngineAbi, functionName: 'settlementUnderlying' })).toBe(2);
      rmSync(liveDir, { recursive: true });
      await repair();
      expect(await problems()).toEqual([]);
    });
  });

  const hubEid = (): number => network.live.hub.eid;

  function clientOf(chain: string): ChainClient {
    const found = network.clients.find((client) => client.chain === chain);
    if (found === undefined) throw new Error(`no client ${chain}`);
    return found;
  }

  /** A governance call behind the back of the desired state. */
  async function govern(chain: string, target: Address, data: Hex): Promise<void> {
    const manager = liveChainOf(network.live, chain).contracts.AccessManager.address;
    const execute = encodeFunctionData({ abi: accessManagerAbi, functionName: 'execute', args: [target, data] });
    await sendAll(clientOf(chain), devAccount(0), [{ label: 'govern', to: manager, data: execute }]);
  }

  async function pinReceiveUln(confirmations: bigint, requiredDVNs: Address[]): Promise<void> {
    const { layerzero, contracts } = liveChainOf(network.live, 'hub');
    const config = encodeAbiParameters(ulnConfigParameters, [
      {
        confirmations,
        requiredDVNCount: requiredDVNs.length,
        optionalDVNCount: 255,
        optionalDVNThreshold: 0,
        requiredDVNs,
        optionalDVNs: [],
      },
    ]);
    const eid = liveChainOf(network.live, 'spoke-a').eid;
    const params = [{ eid, configType: CONFIG_TYPE.uln, config }];
    const args = [contracts.Messenger.address, layerzero.receiveUln302, params] as const;
    await govern('hub', layerzero.endpoint, encodeFunctionData({ abi: endpointAbi, functionName: 'setConfig', args }));
  }
});
