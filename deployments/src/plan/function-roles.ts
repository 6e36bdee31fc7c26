import {
  batchExecutorAbi,
  collateralVaultAbi,
  collateralRulesAbi,
  feedsAbi,
  fundAbi,
  handoverAbi,
  iGatewayAbi,
  iMessengerAbi,
  iWithdrawalsAbi,
  levyAbi,
  liquidationAbi,
  routesAbi,
  shortfallsAbi,
  ledgerAbi,
  lockstepDVNAbi,
  marketsAbi,
  portfolioEngineAbi,
  crossEngineAbi,
  exchangeAbi,
  marginAbi,
} from '@lockstep/contracts';
import { toFunctionSelector, type Abi, type AbiFunction, type Address, type ContractFunctionName, type Hex } from 'viem';
import { endpointAbi } from '../layerzero/abi.js';
import { oappAbi } from './oapp.js';
import type { ChainAddresses } from './addresses.js';
import type { RoleName } from '../desired/schema.js';

/**
 * A role of people, or of the contract of that name: `markets` tells the feeds when it lists, `ledger` tells the collateral rules what it has
 * written down.
 */
export type Role = RoleName | 'markets' | 'ledger';

/** Role ids in every AccessManager. Admin is OpenZeppelin's own; every function without a role of its own belongs to it. */
export const ROLE_ID: Readonly<Record<Role, bigint>> = { admin: 0n, governor: 1n, guardian: 2n, operator: 3n, markets: 4n, ledger: 5n };

/** Functions of one contract that one role may call. */
export interface FunctionRole {
  readonly target: Address;
  readonly label: string;
  readonly role: Role;
  readonly functions: readonly { readonly name: string; readonly selector: Hex }[];
}

/**
 * Who may do what, the same on every network: the governor raises risk (late, on live networks), the guardian only lowers it (at once),
 * the operator sets and takes the workers' fees and lists options. What is not listed is the admin's.
 */
export function functionRoles({ contracts }: ChainAddresses, endpoint: Address): FunctionRole[] {
  const roles: FunctionRole[] = [
    role('Messenger', contracts.Messenger, 'governor', [
      ...selectors(oappAbi, ['setPeer']),
      ...selectors(iMessengerAbi, ['close', 'rebase', 'setWriter', 'setHandler', 'setReceiveGas', 'setFlushPolicy']),
    ]),
    role('Messenger', contracts.Messenger, 'guardian', selectors(iMessengerAbi, ['quarantine'])),
    role('EndpointV2', endpoint, 'governor', selectors(endpointAbi, ['setConfig', 'setSendLibrary', 'setReceiveLibrary'])),
    role(
      'CollateralVault',
      contracts.CollateralVault,
      'governor',
      selectors(collateralVaultAbi, [
        'listAsset',
        'setAssetLimits',
        'openAsset',
        'setCancelDelay',
        'unpauseDeposits',
        'setOutflow',
        'unpausePayouts',
      ]),
    ),
    role(
      'CollateralVault',
      contracts.CollateralVault,
      'guardian',
      selectors(collateralVaultAbi, ['restrictAsset', 'pauseDeposits', 'tightenOutflow', 'pausePayouts']),
    ),
    role('LockstepDVN', contracts.LockstepDVN, 'governor', selectors(lockstepDVNAbi, ['setSigners'])),
    role('LockstepDVN', contracts.LockstepDVN, 'operator', selectors(lockstepDVNAbi, ['setFee', 'withdrawFees'])),
    role('BatchExecutor', contracts.BatchExecutor, 'operator', selectors(batchExecutorAbi, ['setFee', 'withdrawFees'])),
  ];
  if (contracts.Ledger !== undefined)
    roles.push(
      role(
        'Ledger',
        contracts.Ledger,
        'governor',
        selectors(ledgerAbi, ['configureAsset', 'writeDown', 'setModule', 'setMarginCheck', 'setInterestModel']),
      ),
      role('Ledger', contracts.Ledger, 'guardian', selectors(ledgerAbi, ['freezeAsset'])),
    );
  if (contracts.Gateway !== undefined)
    roles.push(role('Gateway', contracts.Gateway, 'governor', selectors(iGatewayAbi, ['setReturnDelay', 'setWithdrawals'])));
  if (contracts.Withdrawals !== undefined)
    roles.push(
      role(
        'Withdrawals',
        contracts.Withdrawals,
        'governor',
        selectors(iWithdrawalsAbi, ['setOutflow', 'setMinimum', 'unpauseRequests', 'unpauseOrders', 'setMarginCheck']),
      ),
      role(
        'Withdrawals',
        contracts.Withdrawals,
        'guardian',
        selectors(iWithdrawalsAbi, ['tightenOutflow', 'pauseRequests', 'pauseOrders']),
      ),
    );
  return [...roles, ...riskRoles(contracts)];
}

function riskRoles({
  Feeds,
  CollateralRules,
  Markets,
  Margin,
  Exchange,
  Fund,
  Handover,
  Routes,
  Liquidation,
  Shortfalls,
  Levy,
  CrossEngine,
  IsolatedEngine,
  PortfolioEngine,
}: ChainAddresses['contracts']): FunctionRole[] {
  const of = (label: string, target: Address | undefined, name: Role, functions: FunctionRole['functions']): FunctionRole[] =>
    target === undefined ? [] : [role(label, target, name, functions)];
  const standard = selectors(crossEngineAbi, ['setRules', 'setOpenInterestBounds']);
  return [
    ...of('Feeds', Feeds, 'governor', selectors(feedsAbi, ['resume', 'setSigners', 'setUnderlying'])),
    ...of('Feeds', Feeds, 'guardian', selectors(feedsAbi, ['halt'])),
    ...of(
      'CollateralRules',
      CollateralRules,
      'governor',
      selectors(collateralRulesAbi, ['setClass', 'setAssetRule', 'setChainRates', 'setStateRates', 'restoreChain']),
    ),
    ...of('CollateralRules', CollateralRules, 'guardian', selectors(collateralRulesAbi, ['worsenChain'])),
    ...of('CollateralRules', CollateralRules, 'ledger', selectors(collateralRulesAbi, ['succeed'])),
    ...of('Markets', Markets, 'governor', selectors(marketsAbi, ['setUnderlying', 'setModule'])),
    ...of('Markets', Markets, 'guardian', selectors(marketsAbi, ['restrain'])),
    ...of('Markets', Markets, 'operator', selectors(marketsAbi, ['list'])),
    ...of('Margin', Margin, 'governor', selectors(marginAbi, ['setEngine', 'setReduceBand', 'setLevy'])),
    ...of('Exchange', Exchange, 'governor', selectors(exchangeAbi, ['unpause', 'setFeeShares'])),
    ...of('Exchange', Exchange, 'guardian', selectors(exchangeAbi, ['pause'])),
    ...of('Fund', Fund, 'governor', selectors(fundAbi, ['setLiquidation', 'setLevy', 'setTranche', 'setExitDelay'])),
    ...of('Handover', Handover, 'governor', selectors(handoverAbi, ['setAuctioneer'])),
    ...of('Routes', Routes, 'governor', selectors(routesAbi, ['setRoutes', 'setGrace'])),
    ...of('Routes', Routes, 'guardian', selectors(routesAbi, ['declare'])),
    ...of('Liquidation', Liquidation, 'governor', selectors(liquidationAbi, ['setTerms', 'setDeficitSink', 'setRoutes'])),
    ...of('Levy', Levy, 'governor', selectors(levyAbi, ['setLiquidation', 'lowerExpectedLoss'])),
    ...of('Levy', Levy, 'guardian', selectors(levyAbi, ['expectLoss'])),
    ...of('Shortfalls', Shortfalls, 'governor', selectors(shortfallsAbi, ['setTerms'])),
    ...of('Feeds', Feeds, 'markets', selectors(feedsAbi, ['advance'])),
    ...of('CrossEngine', CrossEngine, 'governor', standard),
    ...of('IsolatedEngine', IsolatedEngine, 'governor', standard),
    ...of('PortfolioEngine', PortfolioEngine, 'governor', selectors(portfolioEngineAbi, ['setGroup'])),
  ];
}

function role(label: string, target: Address, name: Role, functions: FunctionRole['functions']): FunctionRole {
  return { label, target, role: name, functions };
}

function selectors<const T extends Abi>(
  abi: T,
  names: readonly ContractFunctionName<T, 'nonpayable' | 'payable'>[],
): FunctionRole['functions'] {
  const wanted = new Set<string>(names);
  return abi
    .filter((item): item is AbiFunction => item.type === 'function' && wanted.has(item.name))
    .map((item) => ({ name: item.name, selector: toFunctionSelector(item) }));
}
