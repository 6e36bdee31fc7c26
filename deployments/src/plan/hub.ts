import { iGatewayAbi, iWithdrawalsAbi, ledgerAbi } from '@lockstep/contracts';
import { encodeFunctionData, getAbiItem } from 'viem';
import { logsSince } from '../chain/logs.js';
import { hubAddresses, type HubAddresses } from './addresses.js';
import type { ChainPlan } from './chain-plan.js';

/** Indices of the ledger's AssetStanding. */
const STANDING = { Collateral: 1, Settlement: 2 } as const;

/**
 * The hub's modules and what it knows of every chain's assets.
 * @param sinceBlock first block that can hold an event of this ledger
 */
export async function planHub(plan: ChainPlan, sinceBlock: bigint): Promise<void> {
  const hub = hubAddresses(plan);
  if (hub === undefined) return;
  await planModules(plan, hub, sinceBlock);
  await planInterest(plan, hub);
  await planReturns(plan, hub);
  await planAssets(plan, hub, sinceBlock);
}

/** These move the ledger, and nobody else. */
async function planModules(
  plan: ChainPlan,
  { Ledger: ledger, Gateway, Withdrawals, Markets, Exchange, Fund, Handover, Liquidation, Shortfalls, Levy }: HubAddresses,
  sinceBlock: bigint,
): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: ledger, abi: ledgerAbi } as const;
  const modules = { Gateway, Withdrawals, Markets, Exchange, Fund, Handover, Liquidation, Shortfalls, Levy };
  for (const [name, module] of Object.entries(modules)) {
    const enabled = await plan.read(ledger, () => rpc.readContract({ ...contract, functionName: 'isModule', args: [module] }));
    plan.want(`Ledger module ${name}`, true, enabled ?? false, ledger, () =>
      encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [module, true] }),
    );
  }
  const moduleEvents = await plan.read(ledger, () =>
    logsSince(plan.client.rpc, { address: ledger, event: getAbiItem({ abi: ledgerAbi, name: 'ModuleSet' }) }, sinceBlock),
  );
  const known = new Set(Object.values(modules).map((module) => module.toLowerCase()));
  const strangers = new Set(moduleEvents?.map((log) => log.args.module).filter((module) => !known.has(module.toLowerCase())));
  for (const module of strangers) {
    const enabled = await rpc.readContract({ ...contract, functionName: 'isModule', args: [module] });
    plan.want(`Ledger module ${module}`, false, enabled, ledger, () =>
      encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [module, false] }),
    );
  }
}

/** What negative cash pays. */
async function planInterest(plan: ChainPlan, { Ledger: ledger, InterestModel: model }: HubAddresses): Promise<void> {
  const current = await plan.read(ledger, () =>
    plan.client.rpc.readContract({ address: ledger, abi: ledgerAbi, functionName: 'interestModel' }),
  );
  plan.want('Ledger interest model', model, current, ledger, () =>
    encodeFunctionData({ abi: ledgerAbi, functionName: 'setInterestModel', args: [model] }),
  );
}

/** How parked deposits go home. */
async function planReturns(plan: ChainPlan, { Gateway: gateway, Withdrawals }: HubAddresses): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: gateway, abi: iGatewayAbi } as const;
  const [withdrawals, delay] = await Promise.all([
    plan.read(gateway, () => rpc.readContract({ ...contract, functionName: 'withdrawals' })),
    plan.read(gateway, () => rpc.readContract({ ...contract, functionName: 'returnDelay' })),
  ]);
  plan.want('Gateway withdrawals', Withdrawals, withdrawals, gateway, () =>
    encodeFunctionData({ abi: iGatewayAbi, functionName: 'setWithdrawals', args: [Withdrawals] }),
  );
  const { returnDelaySeconds } = plan.chain;
  plan.want('Gateway return delay', returnDelaySeconds, delay, gateway, () =>
    encodeFunctionData({ abi: iGatewayAbi, functionName: 'setReturnDelay', args: [returnDelaySeconds] }),
  );
}

/** What the hub knows of every chain's assets: standing and caps, how much may flow in, how much out. */
async function planAssets(
  plan: ChainPlan,
  { Ledger: ledger, Withdrawals: withdrawals, Margin }: HubAddresses,
  sinceBlock: bigint,
): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: ledger, abi: ledgerAbi } as const;
  const assets = plan.desired.chains.flatMap((chain) =>
    chain.assets.map((asset, i) => ({ chain, asset, key: [chain.eid, i + 1] as const })),
  );
  const configured = await Promise.all(
    assets.map(async ({ key }) => {
      const assetId = (await plan.read(ledger, () => rpc.readContract({ ...contract, functionName: 'assetIdOf', args: key }))) ?? 0;
      return assetId === 0 ? undefined : rpc.readContract({ ...contract, functionName: 'configOf', args: [assetId] });
    }),
  );
  // A stranger there could stop every withdrawal, or let everything leave.
  const marginCheck = await plan.read(withdrawals, () =>
    rpc.readContract({ address: withdrawals, abi: iWithdrawalsAbi, functionName: 'marginCheck' }),
  );
  plan.want('Withdrawals margin check', Margin, marginCheck, withdrawals, () =>
    encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'setMarginCheck', args: [Margin] }),
  );
  const ledgerCheck = await plan.read(ledger, () => rpc.readContract({ ...contract, functionName: 'marginCheck' }));
  plan.want('Ledger margin check', Margin, ledgerCheck, ledger, () =>
    encodeFunctionData({ abi: ledgerAbi, functionName: 'setMarginCheck', args: [Margin] }),
  );
  // Each change of a bucket is an event; the last one tells how it is.
  const outflowEvents = await plan.read(withdrawals, () =>
    logsSince(rpc, { address: withdrawals, event: getAbiItem({ abi: iWithdrawalsAbi, name: 'OutflowSet' }) }, sinceBlock),
  );
  const outflows = new Map(outflowEvents?.map(({ args }) => [`${args.eid}:${args.asset}`, [args.capacity, args.perSecond] as const]));
  for (const [i, { chain, asset, key }] of assets.entries()) {
    const wanted = {
      standing: STANDING[asset.standing],
      decimals: asset.decimals,
      cap: asset.hubCap,
      inflowCapacity: asset.inflowCapacity,
      inflowPerSecond: asset.inflowPerSecond,
    };
    plan.want(`Ledger ${chain.name} ${asset.symbol}`, wanted, configured[i], ledger, () =>
      encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args: [...key, wanted] }),
    );
    const { capacity, perSecond } = asset.outflow.hub;
    plan.want(`Withdrawals outflow of ${chain.name} ${asset.symbol}`, [capacity, perSecond], outflows.get(key.join(':')), withdrawals, () =>
      encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'setOutflow', args: [...key, capacity, perSecond] }),
    );
    const minimum = await plan.read(withdrawals, () =>
      rpc.readContract({ address: withdrawals, abi: iWithdrawalsAbi, functionName: 'minimumOf', args: key }),
    );
    // After the bucket: the contract bounds it by the capacity.
    plan.want(`Withdrawals smallest leg of ${chain.name} ${asset.symbol}`, asset.minWithdrawal, minimum ?? 0n, withdrawals, () =>
      encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'setMinimum', args: [...key, asset.minWithdrawal] }),
    );
  }
}
