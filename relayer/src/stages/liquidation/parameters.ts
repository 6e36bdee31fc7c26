import { accountId, risk } from '@lockstep/shared';
import type { Hex } from 'viem';
import type { Bidding } from './liquidator.js';

/** The margin methods of the hub: scenarios are in the contracts' code; rates of the closed forms are read from the chain over these. */
export const hubMethods = () => ({
  portfolio: risk.PortfolioParameters.parse(risk.PARAMETER_SETS['lockstep']),
  cross: risk.StandardParameters.parse(risk.PARAMETER_SETS['lockstep-cross']),
});

/** A bidder as written in a configuration or on a command line, in the units of the contracts. */
export const biddingOf = ({ account, budget, required }: { account: string; budget: string; required: string }): Bidding => ({
  // CAST: the configuration takes 32 bytes of hex only.
  account: accountId(account.toLowerCase() as Hex),
  budget: risk.parseDecimal(budget),
  required: risk.parseDecimal(required),
});
