import { crossEngineAbi, handoverAbi, iStandardEngineAbi, liquidationAbi, marginAbi, shortfallsAbi } from '@lockstep/contracts';
import type { liquidation } from '@lockstep/shared';
import { parseEventLogs, zeroAddress, type Address, type PublicClient } from 'viem';
import { LogWalk } from '../../chain/log-walk.js';
import { unlessReverted } from '../../sender/revert-reason.js';

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
  readonly fund: Address;
  /** null: losses that nobody's equity covered are no levy's */
  readonly levy: Address | null;
  /** null: nobody's debts are too large */
  readonly shortfalls: Address | null;
}

/**
 * Everything from the address of Liquidation, which knows all but the auctions of debtors' collateral.
 * @param shortfalls null: there are none
 * @throws Error if there is no such contract
 */
export async function findHub(client: PublicClient, address: Address, shortfalls: Address | null = null): Promise<LiquidationHub> {
  if ((await client.getCode({ address })) === undefined) throw new Error(`${address} has no code; expected the hub's Liquidation`);
  const own = { address, abi: liquidationAbi } as const;
  const [margin, ledger, handover, withdrawals, fund, sink] = await Promise.all([
    client.readContract({ ...own, functionName: 'margin' }),
    client.readContract({ ...own, functionName: 'ledger' }),
    client.readContract({ ...own, functionName: 'handover' }),
    client.readContract({ ...own, functionName: 'withdrawals' }),
    client.readContract({ ...own, functionName: 'fund' }),
    client.readContract({ ...own, functionName: 'deficitSink' }),
  ]);
  const checks = { address: margin, abi: marginAbi } as const;
  const [markets, feeds, cross] = await Promise.all([
    client.readContract({ ...checks, functionName: 'markets' }),
    client.readContract({ ...checks, functionName: 'feeds' }),
    client.readContract({ ...checks, functionName: 'riskEngineOf', args: [0] }),
  ]);
  const rules = await client.readContract({ address: cross, abi: crossEngineAbi, functionName: 'collateralRules' });
  const levy = sink === zeroAddress ? null : sink;
  return { liquidation: address, margin, ledger, markets, feeds, rules, cross, handover, withdrawals, fund, levy, shortfalls };
}

/**
 * The auctions of debtors' collateral among those who may hand over what accounts hold, told by the events of that.
 * @param from block of the deployment
 * @returns null: there is none
 */
export async function findShortfalls(
  client: PublicClient,
  { liquidation, handover }: Pick<LiquidationHub, 'liquidation' | 'handover'>,
  from: bigint,
): Promise<Address | null> {
  const enabled = new Set<Address>();
  const walk = new LogWalk(from, async (fromBlock, toBlock) => {
    const logs = await client.getLogs({ address: handover, fromBlock, toBlock });
    for (const { args } of parseEventLogs({ abi: handoverAbi, eventName: 'AuctioneerSet', logs }))
      if (args.enabled) enabled.add(args.auctioneer);
      else enabled.delete(args.auctioneer);
    return logs.length;
  });
  await walk.advance(await client.getBlockNumber());
  enabled.delete(liquidation);
  for (const address of enabled) {
    const of = unlessReverted(client.readContract({ address, abi: shortfallsAbi, functionName: 'liquidation' }));
    const goal = unlessReverted(client.readContract({ address, abi: shortfallsAbi, functionName: 'goal' }));
    if ((await of) === liquidation && (await goal) !== null) return address;
  }
  return null;
}

/** Rates of the closed forms as the chain has them; haircuts are read with the collateral. */
export async function readRates(client: PublicClient, { cross }: LiquidationHub, parameters: liquidation.HubMarket['cross']) {
  const [, { perpetual, option }] = await client.readContract({
    ...{ address: cross, abi: iStandardEngineAbi, functionName: 'portfolioOf', args: [[0n]] },
  });
  return { ...parameters, perpetual: [...perpetual], option, openInterest: {} };
}

/** Terms of all auctions. @param blockNumber absent: the newest */
export async function readTerms(
  client: Pick<PublicClient, 'readContract'>,
  address: Address,
  blockNumber?: bigint,
): Promise<liquidation.AuctionTerms> {
  const { fastSeconds, slowSeconds, resumeSeconds, insolventSeconds, coolOff, ...rest } = await client.readContract({
    ...{ address, abi: liquidationAbi, functionName: 'termsOf', ...(blockNumber === undefined ? {} : { blockNumber }) },
  });
  return {
    ...rest,
    ...{ fastSeconds: BigInt(fastSeconds), slowSeconds: BigInt(slowSeconds), resumeSeconds: BigInt(resumeSeconds) },
    ...{ insolventSeconds: BigInt(insolventSeconds), coolOff: BigInt(coolOff) },
  };
}
