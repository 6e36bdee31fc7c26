import { fundAbi, handoverAbi, levyAbi, liquidationAbi, marginAbi, routesAbi, shortfallsAbi } from '@lockstep/contracts';
import { LOCAL_LIQUIDATION, type localRisk } from '@lockstep/deployments';
import { encodeFunctionData, type Address, type Hex } from 'viem';
import type { Call } from './chain.js';
import type { Contracts } from './deploy.js';

/**
 * Everything a deployment of a local network sets around its auctions, levies and fund, in the order of its plan. Fee shares are missing: they are a
 * matter of the exchange, which the replays have none of.
 * @param eids whose deposits get through to the hub
 */
export function liquidationWires(
  at: Contracts,
  own: (to: Address, data: Hex) => Call,
  underlyings: ReturnType<typeof localRisk>['underlyings'],
  eids: readonly number[],
): Call[] {
  const { fund, handover, liquidation: auctions, levy, shortfalls, routes, margin } = at;
  const { terms, shortfall, graceSeconds, fund: desired } = LOCAL_LIQUIDATION;
  const ofFund = [
    encodeFunctionData({ abi: fundAbi, functionName: 'setLiquidation', args: [auctions] }),
    encodeFunctionData({ abi: fundAbi, functionName: 'setLevy', args: [levy] }),
    encodeFunctionData({ abi: fundAbi, functionName: 'setExitDelay', args: [desired.exitDelaySeconds] }),
    ...underlyings.map(({ symbol, number }) =>
      encodeFunctionData({ abi: fundAbi, functionName: 'setTranche', args: [number, desired.tranches[symbol] ?? 0n] }),
    ),
  ];
  return [
    ...ofFund.map((data) => own(fund, data)),
    ...[auctions, shortfalls].map((one) =>
      own(handover, encodeFunctionData({ abi: handoverAbi, functionName: 'setAuctioneer', args: [one, true] })),
    ),
    own(routes, encodeFunctionData({ abi: routesAbi, functionName: 'setRoutes', args: [[...eids].sort((a, b) => a - b)] })),
    own(routes, encodeFunctionData({ abi: routesAbi, functionName: 'setGrace', args: [graceSeconds] })),
    own(auctions, encodeFunctionData({ abi: liquidationAbi, functionName: 'setTerms', args: [terms] })),
    own(auctions, encodeFunctionData({ abi: liquidationAbi, functionName: 'setRoutes', args: [routes] })),
    own(shortfalls, encodeFunctionData({ abi: shortfallsAbi, functionName: 'setTerms', args: [shortfall] })),
    own(levy, encodeFunctionData({ abi: levyAbi, functionName: 'setLiquidation', args: [auctions] })),
    own(margin, encodeFunctionData({ abi: marginAbi, functionName: 'setLevy', args: [levy] })),
    own(auctions, encodeFunctionData({ abi: liquidationAbi, functionName: 'setDeficitSink', args: [levy] })),
  ];
}
