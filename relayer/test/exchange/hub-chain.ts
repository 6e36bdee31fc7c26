import {
  accessManagerAbi,
  bytecode,
  collateralRulesAbi,
  crossEngineAbi,
  delegatesAbi,
  exchangeAbi,
  feedsAbi,
  fundAbi,
  handoverAbi,
  ledgerAbi,
  levyAbi,
  liquidationAbi,
  marginAbi,
  marketsAbi,
  priceTimesAbi,
  sheetsAbi,
  shortfallsAbi,
} from '@lockstep/contracts';
import { risk, type AccountId } from '@lockstep/shared';
import { encodeDeployData, encodeFunctionData, numberToHex, zeroAddress, type Abi, type Address, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { deployer, type TestChain } from '../support/anvil.js';

const HUB_EID = 40_001;
const SIGNER = privateKeyToAccount(numberToHex(0x5e, { size: 32 }));
const CROSS = 0;
const SIGNED = 1;
const OPEN = 1;
const E18 = 10n ** 18n;

/** Of feeds without sources, whose values are good for a while: chains of tests stand still for longer than a second. */
export const BOUNDS = {
  spotFresh: 3_600,
  spotStale: 7_200,
  forwardFresh: 60,
  forwardStale: 600,
  surfaceFresh: 60,
  surfaceStale: 600,
  sourceStale: 0,
  maxSpread: 20_000_000,
  markBand: 500,
  disagreement: 200,
};

/**
 * The hub's markets on a local chain: one underlying at 60,000, cross margin, no collateral but cash. The deployer is a module of ledger and
 * markets.
 */
export interface HubMarkets {
  readonly contracts: Readonly<
    Record<
      | 'Ledger'
      | 'Markets'
      | 'Margin'
      | 'Delegates'
      | 'Exchange'
      | 'Feeds'
      | 'Sheets'
      | 'Fund'
      | 'Liquidation'
      | 'Levy'
      | 'Shortfalls'
      | 'Handover'
      | 'CollateralRules'
      | 'AccessManager',
      Address
    >
  >;
  /** Signs and submits values as of the newest block, feeds ascending. */
  report(reports: readonly risk.FeedReport[]): Promise<void>;
  /** Signs and submits spot and mark of the underlying. */
  tell(price: bigint): Promise<void>;
  /** Signs them and leaves the handing in to others. */
  sign(price: bigint): Promise<risk.SignedSnapshot>;
  readonly signer: Address;
  /** Lists the signed feeds of one underlying more. */
  listFeeds(underlying: number): Promise<void>;
  /** Gives an account cash. */
  pay(account: AccountId, amount: bigint): Promise<void>;
  send(to: Address, data: Hex): Promise<void>;
  /** One contract more. */
  deploy(name: keyof typeof bytecode, abi: Abi, ...args: unknown[]): Promise<Address>;
}

/** Within what one transaction may have since Osaka. */
const MOST_GAS = 15_000_000n;

export async function deployMarkets(chain: TestChain, chainId: number): Promise<HubMarkets> {
  const { client } = chain;
  const mined = async (call: { to?: Address; data: Hex }): Promise<Address> => {
    // Not estimated: what accrues with time costs more in a later second than in the one it was asked for.
    const hash = await client.sendTransaction({ account: deployer, chain: null, gas: MOST_GAS, ...call });
    const { status, contractAddress } = await client.waitForTransactionReceipt({ hash });
    if (status !== 'success') throw new Error(`a transaction to ${call.to ?? 'deploy'} reverted`);
    return contractAddress ?? zeroAddress;
  };
  const deploy = (name: keyof typeof bytecode, abi: Abi, ...args: unknown[]): Promise<Address> =>
    mined({ data: encodeDeployData({ abi, bytecode: bytecode[name].creation, args }) });
  const send = async (to: Address, data: Hex): Promise<void> => void (await mined({ to, data }));

  const manager = await deploy('AccessManager', accessManagerAbi, deployer.address);
  const ledger = await deploy('Ledger', ledgerAbi, manager, HUB_EID);
  const feeds = await deploy('Feeds', feedsAbi, manager, [SIGNER.address], 1, 1);
  const markets = await deploy('Markets', marketsAbi, manager, ledger, feeds);
  const delegates = await deploy('Delegates', delegatesAbi, manager, zeroAddress, HUB_EID);
  const margin = await deploy('Margin', marginAbi, manager, markets, feeds, delegates);
  const exchange = await deploy('Exchange', exchangeAbi, manager, ledger, markets, margin, delegates);
  const rules = await deploy('CollateralRules', collateralRulesAbi, manager, feeds);
  const normalTable = await mined({ data: bytecode.NormalTable.creation });
  const tiers = [{ from: 0n, initial: 50_000_000, maintenance: 30_000_000 }];
  const rates = {
    initialMax: 150_000_000,
    initialMin: 100_000_000,
    maintenance: 75_000_000,
    putMaintenanceOfMark: 75_000_000,
    unpairedInitial: 1_200_000_000,
    unpairedMaintenance: 1_100_000_000,
  };
  const links = { feeds, collateralRules: rules, listing: markets, normalTable };
  const sheets = await deploy('Sheets', sheetsAbi, feeds, markets, normalTable);
  const fund = await deploy('Fund', fundAbi, manager, ledger, delegates);
  const handover = await deploy('Handover', handoverAbi, manager, ledger, markets);
  const priceTimes = await deploy('PriceTimes', priceTimesAbi, feeds, markets, rules);
  const auctions = { ledger, margin, fund, withdrawals: zeroAddress, handover, priceTimes };
  const liquidation = await deploy('Liquidation', liquidationAbi, manager, auctions);
  const levy = await deploy('Levy', levyAbi, manager, ledger, margin, fund);
  const shortfalls = await deploy('Shortfalls', shortfallsAbi, manager, liquidation, rules);
  const engine = await deploy('CrossEngine', crossEngineAbi, manager, links, tiers, rates);

  // What Markets may do to feeds, and the Ledger to rules, is a matter of roles, which deployments test.
  for (const contract of [markets, ledger])
    await send(manager, encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [0n, contract, 0] }));
  for (const module of [markets, exchange, fund, handover, liquidation, levy, shortfalls, deployer.address])
    await send(ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [module, true] }));
  for (const module of [exchange, margin, handover, liquidation, levy, deployer.address])
    await send(markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setModule', args: [module, true] }));
  await send(handover, encodeFunctionData({ abi: handoverAbi, functionName: 'setAuctioneer', args: [liquidation, true] }));
  await send(handover, encodeFunctionData({ abi: handoverAbi, functionName: 'setAuctioneer', args: [shortfalls, true] }));
  await send(fund, encodeFunctionData({ abi: fundAbi, functionName: 'setLiquidation', args: [liquidation] }));
  await send(margin, encodeFunctionData({ abi: marginAbi, functionName: 'setLevy', args: [levy] }));
  await send(levy, encodeFunctionData({ abi: levyAbi, functionName: 'setLiquidation', args: [liquidation] }));
  await send(liquidation, encodeFunctionData({ abi: liquidationAbi, functionName: 'setDeficitSink', args: [levy] }));
  await send(margin, encodeFunctionData({ abi: marginAbi, functionName: 'setEngine', args: [CROSS, engine] }));
  const listFeeds = (underlying: number): Promise<void> =>
    send(feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'setUnderlying', args: [underlying, SIGNED, zeroAddress, BOUNDS] }));
  await listFeeds(1);

  const signed = async (reports: readonly risk.FeedReport[]): Promise<risk.SignedSnapshot> => {
    const { timestamp } = await client.getBlock();
    const time = Number(timestamp);
    const domain = risk.feedsDomain(chainId, feeds);
    const signatures = await SIGNER.signTypedData({ domain, types: risk.FEED_TYPES, primaryType: 'Snapshot', message: { time, reports } });
    return { time, reports, signatures };
  };
  const report = async (reports: readonly risk.FeedReport[]): Promise<void> => {
    const { time, signatures } = await signed(reports);
    await send(feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'submit', args: [time, reports, signatures] }));
  };
  const perpetualAt = (price: bigint): risk.FeedReport[] =>
    (['spot', 'mark'] as const).map((kind) => ({ feed: risk.feedId({ underlying: 1, kind, expiry: 0n }), value: price, spread: 0 }));
  const tell = (price: bigint): Promise<void> => report(perpetualAt(price));
  await tell(60_000n * E18);
  const perpetual = { openCap: 1_000n * E18, fundingCap: 4_000_000, fundingBase: 12_500 };
  await send(
    markets,
    encodeFunctionData({ abi: marketsAbi, functionName: 'setUnderlying', args: [1, OPEN, perpetual, { openCap: 1_000_000 }] }),
  );
  return {
    contracts: {
      AccessManager: manager,
      ...{ Ledger: ledger, Markets: markets, Margin: margin, Delegates: delegates, Exchange: exchange, Feeds: feeds },
      ...{ Sheets: sheets, Fund: fund, Liquidation: liquidation, Levy: levy },
      ...{ Shortfalls: shortfalls, Handover: handover, CollateralRules: rules },
    },
    report,
    tell,
    sign: (price) => signed(perpetualAt(price)),
    signer: SIGNER.address,
    pay: (account, amount) => send(ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'changeCash', args: [account, amount] })),
    ...{ listFeeds, send, deploy },
  };
}
