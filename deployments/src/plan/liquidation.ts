import { exchangeAbi, fundAbi, handoverAbi, levyAbi, liquidationAbi, marginAbi, routesAbi, shortfallsAbi } from '@lockstep/contracts';
import { encodeAccount } from '@lockstep/shared';
import { encodeFunctionData, getAbiItem, zeroAddress } from 'viem';
import { logsSince } from '../chain/logs.js';
import { hubOf } from '../desired/schema.js';
import { hubAddresses, type HubAddresses } from './addresses.js';
import type { ChainPlan } from './chain-plan.js';

/**
 * Who sells accounts below maintenance margin and on which terms, and the fund behind them.
 * @param sinceBlock first block that can hold an event of these contracts
 */
export async function planLiquidation(plan: ChainPlan, sinceBlock: bigint): Promise<void> {
  const hub = hubAddresses(plan);
  if (hub === undefined) return;
  await planFund(plan, hub);
  await planFees(plan, hub);
  await planAuctioneers(plan, hub, sinceBlock);
  await planRoutes(plan, hub);
  await planAuctions(plan, hub);
  await planLevy(plan, hub, sinceBlock);
}

async function planAuctions(plan: ChainPlan, { Liquidation: liquidation, Routes, Shortfalls: shortfalls }: HubAddresses): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: liquidation, abi: liquidationAbi } as const;
  const { terms, shortfall } = plan.desired.liquidation;
  const [current, routes, owed] = await Promise.all([
    plan.read(liquidation, () => rpc.readContract({ ...contract, functionName: 'termsOf' })),
    plan.read(liquidation, () => rpc.readContract({ ...contract, functionName: 'routes' })),
    plan.read(shortfalls, () => rpc.readContract({ address: shortfalls, abi: shortfallsAbi, functionName: 'termsOf' })),
  ]);
  plan.want('Liquidation terms', terms, current, liquidation, () =>
    encodeFunctionData({ abi: liquidationAbi, functionName: 'setTerms', args: [terms] }),
  );
  plan.want('Liquidation routes', Routes, routes, liquidation, () =>
    encodeFunctionData({ abi: liquidationAbi, functionName: 'setRoutes', args: [Routes] }),
  );
  plan.want('Shortfalls terms', shortfall, owed, shortfalls, () =>
    encodeFunctionData({ abi: shortfallsAbi, functionName: 'setTerms', args: [shortfall] }),
  );
}

/** What losses that neither equity nor the fund paid become: Liquidation reports them, Margin asks what levies may still take. */
async function planLevy(
  plan: ChainPlan,
  { Levy: levy, Liquidation: liquidation, Margin: margin }: HubAddresses,
  sinceBlock: bigint,
): Promise<void> {
  const { rpc } = plan.client;
  const [sink, asked, reporters] = await Promise.all([
    plan.read(liquidation, () => rpc.readContract({ address: liquidation, abi: liquidationAbi, functionName: 'deficitSink' })),
    plan.read(margin, () => rpc.readContract({ address: margin, abi: marginAbi, functionName: 'levy' })),
    // It has no view: the last event tells who reports.
    plan.read(levy, () => logsSince(rpc, { address: levy, event: getAbiItem({ abi: levyAbi, name: 'LiquidationSet' }) }, sinceBlock)),
  ]);
  plan.want('Levy liquidation', liquidation, reporters?.at(-1)?.args.liquidation ?? zeroAddress, levy, () =>
    encodeFunctionData({ abi: levyAbi, functionName: 'setLiquidation', args: [liquidation] }),
  );
  plan.want('Margin levy', levy, asked, margin, () => encodeFunctionData({ abi: marginAbi, functionName: 'setLevy', args: [levy] }));
  plan.want('Liquidation deficit sink', levy, sink, liquidation, () =>
    encodeFunctionData({ abi: liquidationAbi, functionName: 'setDeficitSink', args: [levy] }),
  );
}

/** Only these may take from an account. */
async function planAuctioneers(
  plan: ChainPlan,
  { Handover: handover, Liquidation, Shortfalls }: HubAddresses,
  sinceBlock: bigint,
): Promise<void> {
  const { rpc } = plan.client;
  const known = new Map(
    Object.entries({ Liquidation, Shortfalls }).map(([name, address]) => [address.toLowerCase(), { name, address }] as const),
  );
  const events = await plan.read(handover, () =>
    logsSince(rpc, { address: handover, event: getAbiItem({ abi: handoverAbi, name: 'AuctioneerSet' }) }, sinceBlock),
  );
  const strangers = new Set(events?.map(({ args }) => args.auctioneer).filter((address) => !known.has(address.toLowerCase())));
  for (const { name, address } of [...known.values(), ...[...strangers].map((address) => ({ name: address, address }))]) {
    const wanted = known.has(address.toLowerCase());
    const enabled = await plan.read(handover, () =>
      rpc.readContract({ address: handover, abi: handoverAbi, functionName: 'isAuctioneer', args: [address] }),
    );
    plan.want(`Handover auctioneer ${name}`, wanted, enabled ?? false, handover, () =>
      encodeFunctionData({ abi: handoverAbi, functionName: 'setAuctioneer', args: [address, wanted] }),
    );
  }
}

/** An account may be topped up from every chain of the network, the hub's own among them. */
async function planRoutes(plan: ChainPlan, { Routes: routes }: HubAddresses): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: routes, abi: routesAbi } as const;
  const eids = plan.desired.chains.map(({ eid }) => eid).sort((a, b) => a - b);
  const [known, grace] = await Promise.all([
    plan.read(routes, () => rpc.readContract({ ...contract, functionName: 'routes' })),
    plan.read(routes, () => rpc.readContract({ ...contract, functionName: 'grace' })),
  ]);
  plan.want('Routes of top-ups', eids, known, routes, () =>
    encodeFunctionData({ abi: routesAbi, functionName: 'setRoutes', args: [eids] }),
  );
  const { graceSeconds } = plan.desired.liquidation;
  plan.want('Routes grace', graceSeconds, grace, routes, () =>
    encodeFunctionData({ abi: routesAbi, functionName: 'setGrace', args: [graceSeconds] }),
  );
}

async function planFund(plan: ChainPlan, { Fund: fund, Liquidation, Levy }: HubAddresses): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: fund, abi: fundAbi } as const;
  const { exitDelaySeconds, tranches } = plan.desired.liquidation.fund;
  const [spender, losses, delay] = await Promise.all([
    plan.read(fund, () => rpc.readContract({ ...contract, functionName: 'liquidation' })),
    plan.read(fund, () => rpc.readContract({ ...contract, functionName: 'levy' })),
    plan.read(fund, () => rpc.readContract({ ...contract, functionName: 'exitDelay' })),
  ]);
  // Whoever stands there can empty the fund.
  plan.want('Fund liquidation', Liquidation, spender, fund, () =>
    encodeFunctionData({ abi: fundAbi, functionName: 'setLiquidation', args: [Liquidation] }),
  );
  plan.want('Fund levy', Levy, losses, fund, () => encodeFunctionData({ abi: fundAbi, functionName: 'setLevy', args: [Levy] }));
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
