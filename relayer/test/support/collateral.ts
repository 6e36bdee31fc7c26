import { collateralRulesAbi, ledgerAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { concatHex, encodeFunctionData, numberToHex } from 'viem';
import type { HubMarkets } from '../exchange/hub-chain.js';
import { E18 } from '../exchange/world.js';

/** Index of the asset on its chain, and its id on the hub, where it is the first one. */
export const [ASSET, ASSET_ID] = [3, 1];
const [COLLATERAL, DECIMALS] = [1, 18];

export interface TestCollateral {
  /** Credits some of it, one by default. @param enables as an owner's own deposit does; else it stays idle */
  credit(account: AccountId, enables: boolean, amount?: bigint): Promise<void>;
}

/**
 * Lists a collateral of 18 decimals: one is worth what its underlying costs, by default the markets', less a twentieth for maintenance and another
 * initially. One more on the same hub takes the next index and id.
 */
export async function listCollateral(hub: HubMarkets, eid: number, underlying = 1): Promise<TestCollateral> {
  const [asset, assetId] = [ASSET + underlying - 1, ASSET_ID + underlying - 1];
  const { Ledger, CollateralRules } = hub.contracts;
  const open = { cap: 2n ** 100n, inflowCapacity: 2n ** 100n, inflowPerSecond: 2n ** 87n };
  const listed = [eid, asset, { standing: COLLATERAL, decimals: DECIMALS, ...open }] as const;
  await hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'configureAsset', args: listed }));
  const tiers = [{ from: 0n, maintenance: 50_000_000, initialExtra: 50_000_000 }];
  await hub.send(CollateralRules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setClass', args: [0, tiers] }));
  const rule = { underlying, decimals: DECIMALS, class: 0, eid };
  await hub.send(CollateralRules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setAssetRule', args: [assetId, rule] }));
  return {
    credit(account, enables, amount = E18) {
      const word = numberToHex((1n << 152n) | ((enables ? 1n : 0n) << 144n) | (BigInt(asset) << 128n) | amount, { size: 32 });
      return hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'credit', args: [eid, concatHex([account, word])] }));
    },
  };
}
