import { collateralRulesAbi, ledgerAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { concatHex, encodeFunctionData, numberToHex } from 'viem';
import type { HubMarkets } from '../exchange/hub-chain.js';
import { E18 } from '../exchange/world.js';

/** Index of the asset on its chain, and its id on the hub, where it is the first one. */
export const [ASSET, ASSET_ID] = [3, 1];
const [COLLATERAL, DECIMALS] = [1, 18];

/** A collateral on a hub that knows no other asset. */
export interface TestCollateral {
  /** Credits one of it. @param enables as an owner's own deposit does; else it stays idle */
  credit(account: AccountId, enables: boolean): Promise<void>;
}

/** Lists a collateral of 18 decimals: one is worth what the markets' underlying costs, less a twentieth for maintenance and another initially. */
export async function listCollateral(hub: HubMarkets, eid: number): Promise<TestCollateral> {
  const { Ledger, CollateralRules } = hub.contracts;
  const open = { cap: 2n ** 100n, inflowCapacity: 2n ** 100n, inflowPerSecond: 2n ** 87n };
  const listed = [eid, ASSET, { standing: COLLATERAL, decimals: DECIMALS, ...open }] as const;
  await hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args: listed }));
  const tiers = [{ from: 0n, maintenance: 50_000_000, initialExtra: 50_000_000 }];
  await hub.send(CollateralRules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setClass', args: [0, tiers] }));
  const rule = { underlying: 1, decimals: DECIMALS, class: 0, eid };
  await hub.send(CollateralRules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setAssetRule', args: [ASSET_ID, rule] }));
  return {
    credit(account, enables) {
      const word = numberToHex((1n << 152n) | ((enables ? 1n : 0n) << 144n) | (BigInt(ASSET) << 128n) | E18, { size: 32 });
      return hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'credit', args: [eid, concatHex([account, word])] }));
    },
  };
}
