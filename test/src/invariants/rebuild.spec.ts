import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { accessManagerAbi, bytecode, collateralRulesAbi, interestModelAbi, ledgerAbi } from '@lockstep/contracts';
import { localRisk } from '@lockstep/deployments';
import { eid, encodeAccount, type AccountId, type Eid } from '@lockstep/shared';
import { concatHex, encodeDeployData, encodeFunctionData, numberToHex, zeroAddress, type Address, type Hex } from 'viem';
import { StressChain, type Call } from '../stress/chain.js';
import { readLedger } from './journal.js';
import type { Custody, Observation } from './observation.js';
import { ledgerEvents, rebuild, type LedgerEvent, type Totals } from './rebuild.js';

const BUSY_MS = 180_000;
const [HUB, SPOKE] = [eid(40_001), eid(40_002)];
const [COLLATERAL, SETTLEMENT] = [1, 2];
const [USDC, WETH] = [1, 3];
/** Ids on the hub, in the order they are configured after its own. */
const [SPOKE_USDC, SPOKE_WETH] = [2, 3];
const E18 = 10n ** 18n;
const NO_CAP = 2n ** 100n;

const accountOf = (n: number): AccountId => encodeAccount({ owner: numberToHex(n, { size: 20 }), home: 0, subaccount: 0n });
const [alice, bob, carol, deficit] = [accountOf(0xa1), accountOf(0xb0), accountOf(0xca), accountOf(0xde)];

describe('given a ledger through losses that were spread and a vault that lost half of what it had', () => {
  let chain: StressChain;
  let ledger: Address;
  let events: LedgerEvent[];
  let live: (of: ReturnType<typeof rebuild>) => Promise<Totals>;

  beforeAll(async () => {
    chain = await StressChain.start(1_800_000_000, [...ledgerAbi]);
    const manager = await chain.deploy(
      encodeDeployData({ abi: accessManagerAbi, bytecode: bytecode.AccessManager.creation, args: [chain.deployer] }),
    );
    ledger = await chain.deploy(encodeDeployData({ abi: ledgerAbi, bytecode: bytecode.Ledger.creation, args: [manager, HUB] }));
    // Without a rule for either asset it has nothing to hand on.
    const rules = await chain.deploy(
      encodeDeployData({ abi: collateralRulesAbi, bytecode: bytecode.CollateralRules.creation, args: [manager, zeroAddress] }),
    );
    const { base, slope, kink, full } = localRisk([chain.deployer], new Set()).interest;
    const model = await chain.deploy(
      encodeDeployData({ abi: interestModelAbi, bytecode: bytecode.InterestModel.creation, args: [base, slope, kink, full] }),
    );
    const grant = encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [0n, ledger, 0] });
    await chain.must({ from: chain.deployer, to: manager, data: grant });
    const call = (data: Hex): Call => ({ from: chain.deployer, to: ledger, data });
    const configure = (at: Eid, asset: number, standing: number, decimals: number): Call => {
      const config = { standing, decimals, cap: NO_CAP, inflowCapacity: NO_CAP, inflowPerSecond: 2n ** 87n };
      return call(encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args: [at, asset, config] }));
    };
    let sequence = 0n;
    const credit = (at: Eid, account: AccountId, asset: number, amount: bigint): Call => {
      const terms = (++sequence << 152n) | (1n << 144n) | (BigInt(asset) << 128n) | amount;
      const packed = concatHex([account, numberToHex(terms, { size: 32 })]);
      return call(encodeFunctionData({ abi: ledgerAbi, functionName: 'credit', args: [at, packed] }));
    };
    const change = (account: AccountId, cash: bigint): Call =>
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'changeCash', args: [account, cash] }));
    const charge = (account: AccountId): Call =>
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'chargeInterest', args: [account] }));
    const writeDown = (asset: number, recovery: bigint): Call =>
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'writeDown', args: [SPOKE, asset, recovery, deficit, rules] }));
    const settle = (account: AccountId): Call =>
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'settleWrittenDown', args: [account, SPOKE_WETH] }));
    const freeze = (assetId: number): Call => call(encodeFunctionData({ abi: ledgerAbi, functionName: 'freezeAsset', args: [assetId] }));

    await chain.must(
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [chain.deployer, true] })),
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'setInterestModel', args: [model] })),
      configure(HUB, USDC, SETTLEMENT, 6),
      configure(SPOKE, USDC, SETTLEMENT, 6),
      configure(SPOKE, WETH, COLLATERAL, 18),
      credit(HUB, alice, USDC, 1_000_000_000n),
      credit(HUB, carol, USDC, 500_000_000n),
      credit(SPOKE, bob, USDC, 700_000_001n),
      credit(SPOKE, alice, WETH, 5n * E18 + 1n),
      credit(SPOKE, bob, WETH, 2n * E18 + 1n),
    );
    // Bob loses all he has and more; what he owes bears interest for a day, then is spread over what others hold.
    await chain.must(change(bob, -900n * E18), change(alice, 250n * E18));
    await chain.mine(chain.now + 86_400, [charge(bob)]);
    await chain.must(
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'collectInterest', args: [alice] })),
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'spreadLoss', args: [bob, 150n * E18] })),
      charge(alice),
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'queueCash', args: [alice, HUB, USDC, 90n * E18] })),
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'reserveCash', args: [alice, HUB, USDC, 40_000_000n] })),
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'unqueueCash', args: [alice, HUB, USDC, 30_000_000n] })),
      call(encodeFunctionData({ abi: ledgerAbi, functionName: 'take', args: [alice, SPOKE, WETH, E18] })),
    );
    // The spoke's vault is robbed: what is left of its collateral is half, of its settlement four fifths.
    await chain.must(freeze(SPOKE_USDC), freeze(SPOKE_WETH));
    await chain.must(writeDown(WETH, E18 / 2n), writeDown(USDC, (E18 * 4n) / 5n));
    await chain.must(settle(alice));
    const hubBlock = await chain.client.getBlockNumber({ cacheTime: 0 });
    const at = { client: chain.client, ledger, deployedAt: 0n };
    events = await ledgerEvents(at, hubBlock);
    const observed = await observation(hubBlock);
    live = (of) => readLedger(at, observed, of);
  }, BUSY_MS);
  afterAll(() => chain.stop());

  /** As the observation of a network reads it. */
  async function observation(blockNumber: bigint): Promise<Pick<Observation, 'hubBlock' | 'cash' | 'inbound'>> {
    const read = { address: ledger, abi: ledgerAbi, blockNumber } as const;
    const custody = async (at: Eid, asset: number): Promise<[number, Custody]> => {
      const assetId = await chain.client.readContract({ ...read, functionName: 'assetIdOf', args: [at, asset] });
      const books = await chain.client.readContract({ ...read, functionName: 'custodyOf', args: [assetId] });
      return [asset, { assetId, decimals: 0, settlement: false, lost: 0n, ...books }];
    };
    const [[, interest], [, spread]] = await Promise.all([
      chain.client.readContract({ ...read, functionName: 'interestOf' }),
      chain.client.readContract({ ...read, functionName: 'spreadOf' }),
    ]);
    const [total, queued, clearing] = await Promise.all([
      chain.client.readContract({ ...read, functionName: 'totalCash' }),
      chain.client.readContract({ ...read, functionName: 'queuedCash' }),
      chain.client.readContract({ ...read, functionName: 'clearing' }),
    ]);
    const inbound = await Promise.all(
      [HUB, SPOKE].map(async (at) => ({
        chain: { eid: at },
        custody: new Map(await Promise.all((at === HUB ? [USDC] : [USDC, WETH]).map((asset) => custody(at, asset)))),
      })),
    );
    // CAST: of each inbound side, only its eid and its custody are read here.
    return {
      hubBlock: blockNumber,
      cash: { total, queued, clearing, interest, spread },
      inbound: inbound as unknown as Observation['inbound'],
    };
  }

  const text = (totals: Totals): string[] => [...totals].map(([key, value]) => `${key}: ${value}`).sort();

  it('its events add up to what it says, with one account settled and one not yet', async () => {
    const rebuilt = rebuild(events);
    expect(text(rebuilt.totals)).toEqual(text(await live(rebuilt)));
    // Bob still shows all of his ether, alice half of what she had left.
    const ether = (account: Hex) => rebuilt.totals.get(`balance:${account}|token:${SPOKE}:${WETH}`);
    expect(ether(bob)).toBe(2n * E18 + 1n);
    expect(ether(alice)).toBe((4n * E18 + 1n) / 2n);
    expect(rebuilt.totals.get(`cash:${deficit}|cash`)).toBeLessThan(0n);
    // Carol's part of what was spread is not charged yet.
    expect(rebuilt.totals.get('spread|cash')).toBeLessThan(0n);
  });

  it.each(['LossSpread', 'LossCharged', 'AssetWrittenDown', 'BalanceWrittenDown'] as const)('without %s they do not', async (left) => {
    expect(events.some(({ eventName }) => eventName === left)).toBe(true);
    const rebuilt = rebuild(events.filter(({ eventName }) => eventName !== left));
    expect(text(rebuilt.totals)).not.toEqual(text(await live(rebuild(events))));
  });

  it('nor without any other that moves something', async () => {
    const seen = text(await live(rebuild(events)));
    const silent = new Set(['AssetConfigured', 'CollateralEnabled', 'CollateralDisabled', 'InterestModelSet', 'ModuleSet']);
    for (const [i, { eventName }] of events.entries())
      if (!silent.has(eventName))
        expect([eventName, text(rebuild(events.filter((_, at) => at !== i)).totals)]).not.toEqual([eventName, seen]);
  });

  it('and an asset that no event configured is an error, not a nought', () => {
    const rest = events.filter(({ eventName }) => eventName !== 'AssetConfigured');
    expect(() => rebuild(rest)).toThrow('was never configured');
  });
});
