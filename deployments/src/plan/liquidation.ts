import { exchangeAbi, fundAbi, liquidationAbi } from '@lockstep/contracts';
import { encodeAccount } from '@lockstep/shared';
import { encodeFunctionData } from 'viem';
import { hubOf } from '../desired/schema.js';
import { hubAddresses, type HubAddresses } from './addresses.js';
import type { ChainPlan } from './chain-plan.js';

/** Who sells accounts below maintenance margin on which terms, and the fund behind them. */
export async function planLiquidation(plan: ChainPlan): Promise<void> {
  const hub = hubAddresses(plan);
  if (hub === undefined) return;
  await planFund(plan, hub);
  await planFees(plan, hub);
  const { Liquidation: liquidation } = hub;
  const { terms } = plan.desired.liquidation;
  const current = await plan.read(liquidation, () =>
    plan.client.rpc.readContract({ address: liquidation, abi: liquidationAbi, functionName: 'termsOf' }),
  );
  plan.want('Liquidation terms', terms, current, liquidation, () =>
    encodeFunctionData({ abi: liquidationAbi, functionName: 'setTerms', args: [terms] }),
  );
}

async function planFund(plan: ChainPlan, { Fund: fund, Liquidation }: HubAddresses): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: fund, abi: fundAbi } as const;
  const { exitDelaySeconds, tranches } = plan.desired.liquidation.fund;
  const [spender, delay] = await Promise.all([
    plan.read(fund, () => rpc.readContract({ ...contract, functionName: 'liquidation' })),
    plan.read(fund, () => rpc.readContract({ ...contract, functionName: 'exitDelay' })),
  ]);
  // Whoever stands there can empty the fund.
  plan.want('Fund liquidation', Liquidation, spender, fund, () =>
    encodeFunctionData({ abi: fundAbi, functionName: 'setLiquidation', args: [Liquidation] }),
  );
  plan.want('Fund exit delay', exitDelaySeconds, delay, fund, () =>
    encodeFunctionData({ abi: fundAbi, functionName: 'setExitDelay', args: [exitDelaySeconds] }),
  );
  for (const { symbol, number } of plan.desired.risk.underlyings) {
    const wanted = tranches[symbol] ?? 0n;
    const tranche = await plan.read(fund, () => rpc.readContract({ ...contract, functionName: 'trancheOf', args: [number] }));
    plan.want(`Fund tranche of ${symbol}`, wanted, tranche ?? 0n, fund, () =>
      encodeFunctionData({ abi: fundAbi, functionName: 'setTranche', args: [number, wanted] }),
    );
  }
}

/** The fund's ledger account gets its part of every fee. */
async function planFees(plan: ChainPlan, { Fund, Exchange: exchange }: HubAddresses): Promise<void> {
  const account = encodeAccount({ owner: Fund, home: hubOf(plan.desired).eid, subaccount: 0n });
  const { feeShare } = plan.desired.liquidation.fund;
  const current = await plan.read(exchange, () =>
    plan.client.rpc.readContract({ address: exchange, abi: exchangeAbi, functionName: 'feeShares' }),
  );
  plan.want('Exchange fee shares', [account, feeShare], current, exchange, () =>
    encodeFunctionData({ abi: exchangeAbi, functionName: 'setFeeShares', args: [account, feeShare] }),
  );
}
