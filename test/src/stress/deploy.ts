import {
  accessManagerAbi,
  bytecode,
  collateralRulesAbi,
  crossEngineAbi,
  delegatesAbi,
  feedsAbi,
  fundAbi,
  handoverAbi,
  interestModelAbi,
  isolatedEngineAbi,
  ledgerAbi,
  levyAbi,
  liquidationAbi,
  marginAbi,
  marketsAbi,
  portfolioEngineAbi,
  priceTimesAbi,
  routesAbi,
  sheetsAbi,
  shortfallsAbi,
} from '@lockstep/contracts';
import { localRisk } from '@lockstep/deployments';
import type { liquidation } from '@lockstep/shared';
import { encodeDeployData, encodeFunctionData, zeroAddress, type Address, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { StressChain, type Call } from './chain.js';
import { liquidationWires } from './liquidation-wires.js';
import { ASSETS, CHAINS, MONEYNESS, UNDERLYINGS, type AssetName, type ChainName, type ExpiryName, type Mode } from './population.js';
import { expiriesFrom, NUMBER, strikeOf } from './prices.js';

export const EID: Readonly<Record<ChainName, number>> = { hub: 40_001, north: 40_002, south: 40_003 };
export const DECIMALS: Readonly<Record<AssetName, number>> = { USDC: 6, WBTC: 8, WETH: 18 };
export const ASSET_INDEX: Readonly<Record<AssetName, number>> = { USDC: 1, WBTC: 2, WETH: 3 };
export const MODE_NUMBER: Readonly<Record<Mode, number>> = { cross: 0, isolated: 1, portfolio: 2 };
const STANDING = { collateral: 1, settlement: 2 } as const;
const OPEN = 1;
const SIGNED = 1;
/** States of chains, as `CollateralRules` numbers them. */
const CHAIN_STATE = { Degraded: 1, Quarantined: 2, WrittenDown: 3 } as const;
export const DEGRADED = CHAIN_STATE.Degraded;
/** Larger than anything here: caps in units would bind at some prices and not at others. */
const NO_CAP = 2n ** 100n;
const NO_LOT_CAP = 10 ** 11;
const ERRORS = [
  ...accessManagerAbi,
  ...collateralRulesAbi,
  ...feedsAbi,
  ...fundAbi,
  ...handoverAbi,
  ...ledgerAbi,
  ...levyAbi,
  ...liquidationAbi,
  ...marginAbi,
  ...marketsAbi,
  ...portfolioEngineAbi,
  ...crossEngineAbi,
  ...shortfallsAbi,
];

export interface Contracts {
  readonly manager: Address;
  readonly ledger: Address;
  readonly feeds: Address;
  readonly markets: Address;
  readonly margin: Address;
  readonly rules: Address;
  readonly fund: Address;
  readonly handover: Address;
  readonly liquidation: Address;
  readonly levy: Address;
  readonly shortfalls: Address;
  readonly routes: Address;
}

/** The one signer of prices. */
export const SIGNER = privateKeyToAccount(`0x${'5e'.repeat(32)}`);

/** Contracts, and when the options that are listed end. */
export interface Deployment {
  readonly chain: StressChain;
  readonly at: Contracts;
  readonly expiries: Readonly<Record<ExpiryName, number>>;
}

/** Assets are listed chain by chain, so their ids count up. */
export const assetIdOf = (chain: ChainName, asset: AssetName): number => CHAINS.indexOf(chain) * ASSETS.length + ASSETS.indexOf(asset) + 1;

/**
 * Deploys the hub with the rates of a local network on a chain of its own, and lists options around the first prices.
 */
export async function deployHub(first: liquidation.StressStep, startsAt: number): Promise<Deployment> {
  const chain = await StressChain.start(startsAt, ERRORS);
  const signer = SIGNER.address;
  const { deployer: from } = chain;
  const { standard } = rates(signer);
  const manager = await chain.deploy(encodeDeployData({ abi: accessManagerAbi, bytecode: bytecode.AccessManager.creation, args: [from] }));
  const ledger = await chain.deploy(encodeDeployData({ abi: ledgerAbi, bytecode: bytecode.Ledger.creation, args: [manager, EID.hub] }));
  // Accounts here are keys: no log entry of another chain names a delegate, so nobody answers as its messenger.
  const delegates = await chain.deploy(
    encodeDeployData({ abi: delegatesAbi, bytecode: bytecode.Delegates.creation, args: [manager, from, EID.hub] }),
  );
  const feeds = await chain.deploy(encodeDeployData({ abi: feedsAbi, bytecode: bytecode.Feeds.creation, args: [manager, [signer], 1, 1] }));
  const markets = await chain.deploy(
    encodeDeployData({ abi: marketsAbi, bytecode: bytecode.Markets.creation, args: [manager, ledger, feeds] }),
  );
  const margin = await chain.deploy(
    encodeDeployData({ abi: marginAbi, bytecode: bytecode.Margin.creation, args: [manager, markets, feeds, delegates] }),
  );
  const rules = await chain.deploy(
    encodeDeployData({ abi: collateralRulesAbi, bytecode: bytecode.CollateralRules.creation, args: [manager, feeds] }),
  );
  const table = await chain.deploy(bytecode.NormalTable.creation);
  const sheets = await chain.deploy(
    encodeDeployData({ abi: sheetsAbi, bytecode: bytecode.Sheets.creation, args: [feeds, markets, table] }),
  );
  const links = { feeds, collateralRules: rules, listing: markets, normalTable: table };
  const standardArgs = [manager, links, standard.perpetual, standard.option] as const;
  const cross = await chain.deploy(encodeDeployData({ abi: crossEngineAbi, bytecode: bytecode.CrossEngine.creation, args: standardArgs }));
  const isolated = await chain.deploy(
    encodeDeployData({ abi: isolatedEngineAbi, bytecode: bytecode.IsolatedEngine.creation, args: standardArgs }),
  );
  const portfolio = await chain.deploy(
    encodeDeployData({
      abi: portfolioEngineAbi,
      bytecode: bytecode.PortfolioEngine.creation,
      args: [manager, { feeds, collateralRules: rules, sheets }, 0],
    }),
  );
  const interest = await chain.deploy(
    encodeDeployData({ abi: interestModelAbi, bytecode: bytecode.InterestModel.creation, args: rates(signer).interest }),
  );
  const fund = await chain.deploy(encodeDeployData({ abi: fundAbi, bytecode: bytecode.Fund.creation, args: [manager, ledger, delegates] }));
  const handover = await chain.deploy(
    encodeDeployData({ abi: handoverAbi, bytecode: bytecode.Handover.creation, args: [manager, ledger, markets] }),
  );
  const priceTimes = await chain.deploy(
    encodeDeployData({ abi: priceTimesAbi, bytecode: bytecode.PriceTimes.creation, args: [feeds, markets, rules] }),
  );
  // Bidders here keep what they take: nobody withdraws through the auctions.
  const auctionLinks = { ledger, margin, fund, withdrawals: zeroAddress, handover, priceTimes };
  const auctions = await chain.deploy(
    encodeDeployData({ abi: liquidationAbi, bytecode: bytecode.Liquidation.creation, args: [manager, auctionLinks] }),
  );
  const levy = await chain.deploy(
    encodeDeployData({ abi: levyAbi, bytecode: bytecode.Levy.creation, args: [manager, ledger, margin, fund] }),
  );
  const shortfalls = await chain.deploy(
    encodeDeployData({ abi: shortfallsAbi, bytecode: bytecode.Shortfalls.creation, args: [manager, auctions, rules] }),
  );
  // They open once and never close, because no message is quarantined here: nobody asks them to look at a messenger.
  const routes = await chain.deploy(
    encodeDeployData({ abi: routesAbi, bytecode: bytecode.Routes.creation, args: [manager, zeroAddress, auctions] }),
  );
  const deployment = {
    chain,
    at: { manager, ledger, feeds, markets, margin, rules, fund, handover, liquidation: auctions, levy, shortfalls, routes },
    expiries: expiriesFrom(startsAt),
  };
  await wire(deployment, { cross, isolated, portfolio }, interest);
  await list(deployment, first);
  return deployment;
}

async function wire({ chain, at }: Deployment, engines: Readonly<Record<Mode, Address>>, interest: Address): Promise<void> {
  const own = (to: Address, data: Hex): Call => ({ from: chain.deployer, to, data });
  const { manager, ledger, feeds, markets, margin, rules, fund, handover, liquidation: auctions, levy, shortfalls } = at;
  const module = (to: Address, one: Address): Call =>
    own(to, encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [one, true] }));
  const parameters = rates(zeroAddress);
  await chain.must(
    // What Markets may do to the feeds is a matter of roles, which deployments test.
    own(manager, encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [0n, markets, 0] })),
    ...[markets, fund, auctions, handover, levy, shortfalls, chain.deployer].map((one) => module(ledger, one)),
    ...[margin, handover, levy, chain.deployer].map((one) => module(markets, one)),
    own(ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setMarginCheck', args: [margin] })),
    own(ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'setInterestModel', args: [interest] })),
    ...liquidationWires(at, own, parameters.underlyings, Object.values(EID)),
    own(margin, encodeFunctionData({ abi: marginAbi, functionName: 'setReduceBand', args: [parameters.reduceBand] })),
    ...(['isolated', 'cross', 'portfolio'] as const).map((mode) =>
      own(margin, encodeFunctionData({ abi: marginAbi, functionName: 'setEngine', args: [MODE_NUMBER[mode], engines[mode]] })),
    ),
    ...parameters.underlyings.flatMap(({ number, perpetual, option, openInterest, group }) => [
      own(
        feeds,
        encodeFunctionData({ abi: feedsAbi, functionName: 'setUnderlying', args: [number, SIGNED, zeroAddress, parameters.bounds] }),
      ),
      own(
        markets,
        encodeFunctionData({
          abi: marketsAbi,
          functionName: 'setUnderlying',
          args: [number, OPEN, { ...perpetual, openCap: NO_CAP }, { ...option, openCap: NO_LOT_CAP }],
        }),
      ),
      ...[engines.cross, engines.isolated].map((engine) =>
        own(
          engine,
          encodeFunctionData({
            abi: crossEngineAbi,
            functionName: 'setOpenInterestBounds',
            args: [number, openInterest.lower, openInterest.upper],
          }),
        ),
      ),
      own(
        engines.portfolio,
        encodeFunctionData({ abi: portfolioEngineAbi, functionName: 'setGroup', args: [number, group.id, group.correlation] }),
      ),
    ]),
    ...parameters.classes.map((tiers, number) =>
      own(rules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setClass', args: [number, tiers] })),
    ),
    ...(['Degraded', 'Quarantined', 'WrittenDown'] as const).map((state) =>
      own(
        rules,
        encodeFunctionData({
          abi: collateralRulesAbi,
          functionName: 'setStateRates',
          args: [CHAIN_STATE[state], parameters.states[state]],
        }),
      ),
    ),
    ...CHAINS.flatMap((name) => ASSETS.flatMap((asset) => listedAsset(at, own, name, asset, parameters.collateral))),
  );
}

function listedAsset(
  at: Contracts,
  own: (to: Address, data: Hex) => Call,
  chain: ChainName,
  asset: AssetName,
  collateral: ReturnType<typeof rates>['collateral'],
): Call[] {
  const standing = asset === 'USDC' ? STANDING.settlement : STANDING.collateral;
  const config = { standing, decimals: DECIMALS[asset], cap: NO_CAP, inflowCapacity: NO_CAP, inflowPerSecond: 2n ** 87n };
  const listed = own(
    at.ledger,
    encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args: [EID[chain], ASSET_INDEX[asset], config] }),
  );
  const priced = collateral[asset];
  if (priced === undefined) return [listed];
  const rule = { underlying: priced.underlying, decimals: DECIMALS[asset], class: priced.class, eid: EID[chain] };
  return [
    listed,
    own(at.rules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setAssetRule', args: [assetIdOf(chain, asset), rule] })),
  ];
}

async function list({ chain, at, expiries }: Deployment, first: liquidation.StressStep): Promise<void> {
  for (const name of UNDERLYINGS)
    await chain.must(
      ...Object.values(expiries).map((expiry) => ({
        from: chain.deployer,
        to: at.markets,
        data: encodeFunctionData({
          abi: marketsAbi,
          functionName: 'list',
          args: [NUMBER[name], expiry, MONEYNESS.map((moneyness) => strikeOf(first[name].price, moneyness))],
        }),
      })),
    );
}

/** Rates and limits of a local network, as the contracts take them. */
function rates(signer: Address) {
  const { standard, underlyings, classes, collateral, states, interest, reduceBand } = localRisk([signer], new Set(ASSETS));
  const [first] = underlyings;
  if (first === undefined) throw new Error('a local network has no underlying; expected BTC and ETH');
  return {
    standard,
    underlyings,
    classes,
    collateral,
    states,
    reduceBand,
    bounds: first.bounds,
    interest: [interest.base, interest.slope, interest.kink, interest.full] as const,
  };
}
