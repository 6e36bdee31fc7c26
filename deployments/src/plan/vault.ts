import { collateralVaultAbi } from '@lockstep/contracts';
import { encodeFunctionData, zeroAddress, type Address } from 'viem';
import type { DesiredAsset } from '../desired/schema.js';
import type { ChainPlan } from './chain-plan.js';

/** Index of the vault's AssetStatus. */
const ASSET_OPEN = 1;

/** Listed assets with their limits, and the delay before a cancel. */
export async function planVault(plan: ChainPlan): Promise<void> {
  const { rpc } = plan.client;
  const vault = plan.own.contracts.CollateralVault;
  const contract = { address: vault, abi: collateralVaultAbi } as const;
  const cancelDelay = await plan.read(vault, () => rpc.readContract({ ...contract, functionName: 'cancelDelay' }));
  plan.want('CollateralVault cancel delay', plan.chain.cancelDelaySeconds, cancelDelay, vault, () =>
    encodeFunctionData({ abi: collateralVaultAbi, functionName: 'setCancelDelay', args: [plan.chain.cancelDelaySeconds] }),
  );
  for (const [i, asset] of plan.chain.assets.entries()) await planListing(plan, i + 1, asset, plan.own.tokens[i] ?? zeroAddress);
}

async function planListing(plan: ChainPlan, wantedIndex: number, asset: DesiredAsset, token: Address): Promise<void> {
  const { rpc } = plan.client;
  const vault = plan.own.contracts.CollateralVault;
  const contract = { address: vault, abi: collateralVaultAbi } as const;
  const index = (await plan.read(vault, () => rpc.readContract({ ...contract, functionName: 'assetIndexOf', args: [token] }))) ?? 0;
  plan.want(`CollateralVault index of ${asset.symbol}`, wantedIndex, index, vault, () =>
    encodeFunctionData({ abi: collateralVaultAbi, functionName: 'listAsset', args: [token, asset.minDeposit, asset.vaultCap] }),
  );
  if (index !== 0 && index !== wantedIndex) return;
  // In the same round as the listing: after the first round the deployer may have no rights left.
  const outflow = index === 0 ? undefined : await rpc.readContract({ ...contract, functionName: 'outflowOf', args: [index] });
  const { capacity, perSecond } = asset.outflow.vault;
  plan.want(`CollateralVault outflow of ${asset.symbol}`, [capacity, perSecond], outflow, vault, () =>
    encodeFunctionData({ abi: collateralVaultAbi, functionName: 'setOutflow', args: [wantedIndex, capacity, perSecond] }),
  );
  if (index === 0) return;
  const listed = await rpc.readContract({ ...contract, functionName: 'assetOf', args: [index] });
  plan.want(`CollateralVault limits of ${asset.symbol}`, [asset.minDeposit, asset.vaultCap], [listed.minDeposit, listed.cap], vault, () =>
    encodeFunctionData({ abi: collateralVaultAbi, functionName: 'setAssetLimits', args: [index, asset.minDeposit, asset.vaultCap] }),
  );
  plan.want(`CollateralVault status of ${asset.symbol}`, ASSET_OPEN, listed.status, vault, () =>
    encodeFunctionData({ abi: collateralVaultAbi, functionName: 'openAsset', args: [index] }),
  );
}
