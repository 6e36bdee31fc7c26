import {
  collateralRulesAbi,
  crossEngineAbi,
  delegatesAbi,
  feedsAbi,
  ledgerAbi,
  marginAbi,
  marketsAbi,
  portfolioEngineAbi,
  sheetsAbi,
} from '@lockstep/contracts';
import { zeroAddress, type Address } from 'viem';
import { devAccount } from '../anvil.js';
import { constructorOf, type Deploy } from './margin-world.js';

export const HUB = 40_001;
export const SPOKE = 40_002;
export const MODE = { cross: 0, portfolio: 2 } as const;
export const PERPETUAL_TERMS = { openCap: 1_000_000n * 10n ** 18n, fundingCap: 4_000_000, fundingBase: 12_500 };
const [OWNER, SIGNER] = [devAccount(0), devAccount(1)];

type Part = 'manager' | 'ledger' | 'delegates' | 'feeds' | 'rules' | 'markets' | 'sheets' | 'cross' | 'portfolio' | 'margin';

/**
 * Ledger, feeds, markets, engines and margin, with nothing set yet.
 *
 * @param settlement index of the settlement cash among the feeds
 */
export async function deployMarketsHub(deploy: Deploy, settlement: number): Promise<Readonly<Record<Part, Address>>> {
  const manager = await deploy('AccessManager', [{ type: 'address' }], [OWNER.address]);
  const ledger = await deploy('Ledger', constructorOf(ledgerAbi), [manager, HUB]);
  const delegates = await deploy('Delegates', constructorOf(delegatesAbi), [manager, zeroAddress, HUB]);
  const feeds = await deploy('Feeds', constructorOf(feedsAbi), [manager, [SIGNER.address], 1, 1]);
  const rules = await deploy('CollateralRules', constructorOf(collateralRulesAbi), [manager, feeds]);
  const markets = await deploy('Markets', constructorOf(marketsAbi), [manager, ledger, feeds]);
  const table = await deploy('NormalTable', [], []);
  const sheets = await deploy('Sheets', constructorOf(sheetsAbi), [feeds, markets, table]);
  const tiers = [{ from: 0n, initial: 5e7, maintenance: 3e7 }];
  const rates = {
    initialMax: 15e7,
    initialMin: 1e8,
    maintenance: 75e6,
    putMaintenanceOfMark: 75e6,
    unpairedInitial: 12e8,
    unpairedMaintenance: 11e8,
  };
  const links = { feeds, collateralRules: rules, listing: markets, normalTable: table };
  const cross = await deploy('CrossEngine', constructorOf(crossEngineAbi), [manager, links, tiers, rates]);
  const portfolioLinks = { feeds, collateralRules: rules, sheets };
  const portfolio = await deploy('PortfolioEngine', constructorOf(portfolioEngineAbi), [manager, portfolioLinks, settlement]);
  const margin = await deploy('Margin', constructorOf(marginAbi), [manager, markets, feeds, delegates]);
  return { manager, ledger, delegates, feeds, rules, markets, sheets, cross, portfolio, margin };
}
