import { iStandardEngineAbi, liquidationAbi, marginAbi, crossEngineAbi } from '@lockstep/contracts';
import type { liquidation } from '@lockstep/shared';
import type { Address, PublicClient } from 'viem';

/** `IMarkets.Mode`, by number. */
export const MODES = ['cross', 'isolated', 'portfolio'] as const satisfies readonly liquidation.MarginMode[];

/** The contracts that a liquidator asks, all found from one. */
export interface LiquidationHub {
  readonly liquidation: Address;
  readonly margin: Address;
  readonly ledger: Address;
  readonly markets: Address;
  readonly feeds: Address;
  readonly rules: Address;
  /** engine of cross margin: where the rates of closed forms are read */
  readonly cross: Address;
  readonly handover: Address;
  /** 0: bids cannot be paid out with the bid */
  readonly withdrawals: Address;
}

/**
 * Everything from the address of Liquidation.
 * @throws Error if there is no such contract
 */
export async function findHub(client: PublicClient, address: Address): Promise<LiquidationHub> {
  if ((await client.getCode({ address })) === undefined) throw new Error(`${address} has no code; expected the hub's Liquidation`);
  const own = { address, abi: liquidationAbi } as const;
  const [margin, ledger, handover, withdrawals] = await Promise.all([
    client.readContract({ ...own, functionName: 'margin' }),
    client.readContract({ ...own, functionName: 'ledger' }),
    client.readContract({ ...own, functionName: 'handover' }),
    client.readContract({ ...own, functionName: 'withdrawals' }),
  ]);
  const checks = { address: margin, abi: marginAbi } as const;
  const [markets, feeds, cross] = await Promise.all([
    client.readContract({ ...checks, functionName: 'markets' }),
    client.readContract({ ...checks, functionName: 'feeds' }),
    client.readContract({ ...checks, functionName: 'engineOf', args: [0] }),
  ]);
  const rules = await client.readContract({ address: cross, abi: crossEngineAbi, functionName: 'collateralRules' });
  return { liquidation: address, margin, ledger, markets, feeds, rules, cross, handover, withdrawals };
}

/** Rates of the closed forms as the chain has them; haircuts are read with the collateral. */
export async function readRates(client: PublicClient, { cross }: LiquidationHub, parameters: liquidation.HubMarket['cross']) {
  const [, { perpetual, option }] = await client.readContract({
    ...{ address: cross, abi: iStandardEngineAbi, functionName: 'portfolioOf', args: [[0n]] },
  });
  return { ...parameters, perpetual: [...perpetual], option, openInterest: {} };
}
