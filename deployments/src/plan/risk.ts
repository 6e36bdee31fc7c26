import { collateralRulesAbi, crossEngineAbi, feedsAbi, ledgerAbi, marginAbi, marketsAbi, portfolioEngineAbi } from '@lockstep/contracts';
import { encodeFunctionData, getAbiItem, zeroAddress, type Address } from 'viem';
import { logsSince } from '../chain/logs.js';
import type { DesiredUnderlying } from '../desired/risk.js';
import { hubAddresses, type HubAddresses } from './addresses.js';
import type { ChainPlan } from './chain-plan.js';

/** Indices of SpotMode, Standing and ChainState. */
const SIGNED = 1;
const MODES = ['cross', 'isolated', 'portfolio'] as const;
const STANDING = { Closed: 0, Open: 1, ReduceOnly: 2 } as const;
const CHAIN_STATE = { Degraded: 1, Quarantined: 2, WrittenDown: 3 } as const;

/**
 * Who signs prices, what is traded, and what collateral is worth.
 * @param sinceBlock first block that can hold an event of these contracts
 */
export async function planRisk(plan: ChainPlan, sinceBlock: bigint): Promise<void> {
  const hub = hubAddresses(plan);
  if (hub === undefined) return;
  await planFeeds(plan, hub);
  await planMarkets(plan, hub);
  await planCollateral(plan, hub, sinceBlock);
  await planEngines(plan, hub, sinceBlock);
  await planMargin(plan, hub, sinceBlock);
}

async function planFeeds(plan: ChainPlan, { Feeds: feeds }: HubAddresses): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: feeds, abi: feedsAbi } as const;
  const { signers, threshold, settlementThreshold } = plan.desired.risk.feeds;
  const current = await plan.read(feeds, () =>
    Promise.all([
      rpc.readContract({ ...contract, functionName: 'signers' }),
      rpc.readContract({ ...contract, functionName: 'threshold' }),
      rpc.readContract({ ...contract, functionName: 'settlementThreshold' }),
    ]),
  );
  // The constructor sets them: only deployed feeds can differ.
  if (current !== undefined)
    plan.want('Feeds signers', [signers, threshold, settlementThreshold], current, feeds, () =>
      encodeFunctionData({ abi: feedsAbi, functionName: 'setSigners', args: [signers, threshold, settlementThreshold] }),
    );
  for (const { symbol, number, bounds } of plan.desired.risk.underlyings) {
    const known = await plan.read(feeds, () => rpc.readContract({ ...contract, functionName: 'underlyingOf', args: [number] }));
    plan.want(`Feeds underlying ${symbol}`, [SIGNED, zeroAddress, bounds], known, feeds, () =>
      encodeFunctionData({ abi: feedsAbi, functionName: 'setUnderlying', args: [number, SIGNED, zeroAddress, bounds] }),
    );
  }
}

/** Who trades for accounts, which engine judges which mode. */
async function planMargin(plan: ChainPlan, hub: HubAddresses, sinceBlock: bigint): Promise<void> {
  const { Markets: markets, Margin: margin, Exchange, Handover, Levy } = hub;
  const { rpc } = plan.client;
  const modules = new Map(
    Object.entries({ Margin: margin, Exchange, Handover, Levy }).map(([name, address]) => [address.toLowerCase(), { name, address }]),
  );
  const events = await plan.read(markets, () =>
    logsSince(rpc, { address: markets, event: getAbiItem({ abi: marketsAbi, name: 'ModuleSet' }) }, sinceBlock),
  );
  const strangers = new Set(events?.map(({ args }) => args.module).filter((module) => !modules.has(module.toLowerCase())));
  for (const { name, address } of [...modules.values(), ...[...strangers].map((address) => ({ name: address, address }))]) {
    const wanted = modules.has(address.toLowerCase());
    const enabled = await plan.read(markets, () =>
      rpc.readContract({ address: markets, abi: marketsAbi, functionName: 'isModule', args: [address] }),
    );
    plan.want(`Markets module ${name}`, wanted, enabled ?? false, markets, () =>
      encodeFunctionData({ abi: marketsAbi, functionName: 'setModule', args: [address, wanted] }),
    );
  }
  for (const [mode, engine] of [hub.CrossEngine, hub.IsolatedEngine, hub.PortfolioEngine].entries()) {
    const current = await plan.read(margin, () =>
      rpc.readContract({ address: margin, abi: marginAbi, functionName: 'riskEngineOf', args: [mode] }),
    );
    plan.want(`Margin engine of ${MODES[mode]}`, engine, current, margin, () =>
      encodeFunctionData({ abi: marginAbi, functionName: 'setEngine', args: [mode, engine] }),
    );
  }
  const { reduceBand } = plan.desired.risk;
  const band = await plan.read(margin, () => rpc.readContract({ address: margin, abi: marginAbi, functionName: 'reduceBand' }));
  plan.want('Margin reduce band', reduceBand, band, margin, () =>
    encodeFunctionData({ abi: marginAbi, functionName: 'setReduceBand', args: [reduceBand] }),
  );
}

async function planMarkets(plan: ChainPlan, { Markets: markets }: HubAddresses): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: markets, abi: marketsAbi } as const;
  for (const { symbol, number, standing, perpetual, option } of plan.desired.risk.underlyings) {
    const known = await plan.read(markets, () => rpc.readContract({ ...contract, functionName: 'underlyingOf', args: [number] }));
    plan.want(`Markets underlying ${symbol}`, [STANDING[standing], perpetual, option], known, markets, () =>
      encodeFunctionData({ abi: marketsAbi, functionName: 'setUnderlying', args: [number, STANDING[standing], perpetual, option] }),
    );
  }
}

async function planCollateral(
  plan: ChainPlan,
  { CollateralRules: rules, Ledger: ledger }: HubAddresses,
  sinceBlock: bigint,
): Promise<void> {
  const { rpc } = plan.client;
  const contract = { address: rules, abi: collateralRulesAbi } as const;
  const { classes, collateral, chains, states } = plan.desired.risk;
  for (const [number, tiers] of classes.entries()) {
    const known = await plan.read(rules, () => rpc.readContract({ ...contract, functionName: 'classOf', args: [number] }));
    plan.want(`CollateralRules class ${number}`, tiers, known, rules, () =>
      encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setClass', args: [number, tiers] }),
    );
  }
  const listed = (await plan.read(ledger, () => rpc.readContract({ address: ledger, abi: ledgerAbi, functionName: 'assetCount' }))) ?? 0;
  let next = 0;
  for (const chain of plan.desired.chains)
    for (const [i, { symbol, decimals }] of chain.assets.entries()) {
      next++;
      const known = await plan.read(ledger, () =>
        rpc.readContract({ address: ledger, abi: ledgerAbi, functionName: 'assetIdOf', args: [chain.eid, i + 1] }),
      );
      // The ledger numbers assets as it lists them. Of an empty one that is the order of this plan; else the next plan comes back to it.
      const assetId = known === undefined || known === 0 ? (listed === 0 ? next : 0) : known;
      const priced = collateral[symbol];
      if (priced === undefined || assetId === 0) continue;
      const rule = { underlying: priced.underlying, decimals, class: priced.class, eid: chain.eid };
      const current = await plan.read(rules, () => rpc.readContract({ ...contract, functionName: 'assetRuleOf', args: [assetId] }));
      plan.want(`CollateralRules ${chain.name} ${symbol}`, [true, rule], current, rules, () =>
        encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setAssetRule', args: [assetId, rule] }),
      );
    }
  // Rates have no view: the last event tells how they are.
  const chainEvents = await plan.read(rules, () =>
    logsSince(rpc, { address: rules, event: getAbiItem({ abi: collateralRulesAbi, name: 'ChainRatesSet' }) }, sinceBlock),
  );
  const byChain = new Map(chainEvents?.map(({ args }) => [args.eid, args.rates] as const));
  for (const { name, eid } of plan.desired.chains) {
    const rates = chains[name] ?? NO_RATES;
    plan.want(`CollateralRules rates of ${name}`, rates, byChain.get(eid) ?? NO_RATES, rules, () =>
      encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setChainRates', args: [eid, rates] }),
    );
  }
  const stateEvents = await plan.read(rules, () =>
    logsSince(rpc, { address: rules, event: getAbiItem({ abi: collateralRulesAbi, name: 'StateRatesSet' }) }, sinceBlock),
  );
  const byState = new Map(stateEvents?.map(({ args }) => [args.state, args.rates] as const));
  for (const state of ['Degraded', 'Quarantined', 'WrittenDown'] as const) {
    const number = CHAIN_STATE[state];
    plan.want(`CollateralRules rates when ${state}`, states[state], byState.get(number) ?? NO_RATES, rules, () =>
      encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setStateRates', args: [number, states[state]] }),
    );
  }
}

const NO_RATES = { maintenance: 0, initialExtra: 0 };

async function planEngines(plan: ChainPlan, hub: HubAddresses, sinceBlock: bigint): Promise<void> {
  const { rpc } = plan.client;
  const { standard, underlyings } = plan.desired.risk;
  for (const name of ['CrossEngine', 'IsolatedEngine'] as const) {
    const engine = hub[name];
    const [rules, bounds] = await Promise.all([
      plan.read(engine, () =>
        logsSince(rpc, { address: engine, event: getAbiItem({ abi: crossEngineAbi, name: 'RulesSet' }) }, sinceBlock),
      ),
      plan.read(engine, () =>
        logsSince(rpc, { address: engine, event: getAbiItem({ abi: crossEngineAbi, name: 'OpenInterestBoundsSet' }) }, sinceBlock),
      ),
    ]);
    // The constructor sets them: only a deployed engine can differ.
    const last = rules?.at(-1)?.args;
    if (last !== undefined)
      plan.want(`${name} rules`, [standard.perpetual, standard.option], [last.tiers, last.option], engine, () =>
        encodeFunctionData({ abi: crossEngineAbi, functionName: 'setRules', args: [standard.perpetual, standard.option] }),
      );
    const byNumber = new Map(bounds?.map(({ args }) => [args.underlying, [args.lower, args.upper]] as const));
    for (const { symbol, number, openInterest } of underlyings) {
      const { lower, upper } = openInterest;
      plan.want(`${name} open interest of ${symbol}`, [lower, upper], byNumber.get(number) ?? [0n, 0n], engine, () =>
        encodeFunctionData({ abi: crossEngineAbi, functionName: 'setOpenInterestBounds', args: [number, lower, upper] }),
      );
    }
  }
  await planGroups(plan, hub.PortfolioEngine, underlyings, sinceBlock);
}

async function planGroups(plan: ChainPlan, engine: Address, underlyings: readonly DesiredUnderlying[], sinceBlock: bigint): Promise<void> {
  const events = await plan.read(engine, () =>
    logsSince(plan.client.rpc, { address: engine, event: getAbiItem({ abi: portfolioEngineAbi, name: 'GroupSet' }) }, sinceBlock),
  );
  const byNumber = new Map(events?.map(({ args }) => [args.underlying, [args.group, args.correlation]] as const));
  for (const { symbol, number, group } of underlyings)
    plan.want(`PortfolioEngine group of ${symbol}`, [group.id, group.correlation], byNumber.get(number) ?? [0, 0], engine, () =>
      encodeFunctionData({ abi: portfolioEngineAbi, functionName: 'setGroup', args: [number, group.id, group.correlation] }),
    );
}
