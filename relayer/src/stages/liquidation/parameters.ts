import { accountId, decodeAccount, risk, type liquidation } from '@lockstep/shared';
import { getAddress, type Hex } from 'viem';
import { payoutRoute } from '../../config/liquidation-config.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import type { Bidding } from './bidder.js';
import type { LiquidatorTerms } from './liquidator.js';
import type { PayoutTerms } from './payouts.js';

type Config = RelayerConfig['liquidation'];
type BidConfig = NonNullable<Config['bid']>;
type PayoutConfig = NonNullable<BidConfig['payout']>;

/** Loss expected of cash that a chain in trouble still has to pay, as a share: it orders the chains, no more. */
const STATE_COSTS: liquidation.StateCosts = { degraded: risk.parseDecimal('0.02'), quarantined: risk.parseDecimal('0.5') };

/** The margin methods of the hub: scenarios are in the contracts' code; rates of the closed forms are read from the chain over these. */
export const hubMethods = () => ({
  portfolio: risk.PortfolioParameters.parse(risk.PARAMETER_SETS['lockstep']),
  cross: risk.StandardParameters.parse(risk.PARAMETER_SETS['lockstep-cross']),
});

/** @throws RangeError if it is none; the configuration lets none pass */
function routeOf(text: string): liquidation.PayoutRoute {
  const route = payoutRoute(text);
  if (typeof route === 'string') throw new RangeError(route);
  return route;
}

const payoutOf = ({ route, receiver, least, messageCost }: PayoutConfig, bidder: Hex): PayoutTerms => ({
  route: routeOf(route),
  receiver: receiver === undefined ? decodeAccount(accountId(bidder)).owner : getAddress(receiver),
  least: risk.parseDecimal(least),
  message: risk.parseDecimal(messageCost),
  costs: STATE_COSTS,
});

/** A bidder as written in a configuration or on a command line, in the units of the contracts. */
export function biddingOf({ account, budget, required, payout }: BidConfig): Bidding {
  // CAST: the configuration takes 32 bytes of hex only.
  const own = account.toLowerCase() as Hex;
  return {
    account: accountId(own),
    budget: risk.parseDecimal(budget),
    required: risk.parseDecimal(required),
    payout: payout === undefined ? null : payoutOf(payout, own),
  };
}

/** What a liquidator goes by, in the units of the contracts. */
export const liquidatorTerms = ({ maxChecks, maxSteps, turns, others, leastMargin, nativePrice, bid }: Config): LiquidatorTerms => ({
  ...{ maxChecks, maxSteps, turns, others: others.map((address) => getAddress(address)) },
  leastMargin: risk.parseDecimal(leastMargin),
  nativePrice: risk.parseDecimal(nativePrice),
  bid: bid === undefined ? null : biddingOf(bid),
});
