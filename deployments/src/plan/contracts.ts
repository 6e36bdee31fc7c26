import { batchExecutorAbi, collateralVaultAbi, ledgerAbi, iMessengerAbi, lockstepDVNAbi } from '@lockstep/contracts';
import { EntryKind } from '@lockstep/shared';
import { encodeFunctionData, getAbiItem, padHex, zeroAddress, type Address } from 'viem';
import { hubOf, type DesiredAsset } from '../desired/schema.js';
import type { ChainPlan } from './chain-plan.js';
import { oappAbi } from './oapp.js';

/** Indices of the ledger's AssetStanding and the vault's AssetStatus. */
const STANDING = { Collateral: 1, Settlement: 2 } as const;
const ASSET_OPEN = 1;

/** Kinds that have writers and handlers; VOID and CLOSED are the Messenger's own. */
const KINDS = Object.entries(EntryKind)
  .filter(([name]) => name !== 'Void' && name !== 'Closed')
  .map(([name, byte]) => ({ name, byte }));

/** Our own workers: signers of the DVN, prices of both, for every destination. */
export async function planWorkers(plan: ChainPlan): Promise<void> {
  const { rpc } = plan.client;
  const { LockstepDVN: dvn, BatchExecutor: executor } = plan.own.contracts;
  const { signers, threshold } = plan.chain.lockstepDvn;
  const [currentSigners, currentThreshold] = await Promise.all([
    plan.read(dvn, () => rpc.readContract({ address: dvn, abi: lockstepDVNAbi, functionName: 'signers' })),
    plan.read(dvn, () => rpc.readContract({ address: dvn, abi: lockstepDVNAbi, functionName: 'threshold' })),
  ]);
  // The constructor sets them: only a deployed DVN can differ.
  if (currentSigners !== undefined)
    plan.want('LockstepDVN signers', { signers, threshold }, { signers: currentSigners, threshold: currentThreshold }, dvn, () =>
      encodeFunctionData({ abi: lockstepDVNAbi, functionName: 'setSigners', args: [signers, threshold] }),
    );
  for (const { route, remote, outgoing } of plan.routes()) {
    if (!outgoing) continue;
    const [dvnFee, executorFee] = await Promise.all([
      plan.read(dvn, () => rpc.readContract({ address: dvn, abi: lockstepDVNAbi, functionName: 'feeOf', args: [remote.eid] })),
      plan.read(executor, () => rpc.readContract({ address: executor, abi: batchExecutorAbi, functionName: 'feeOf', args: [remote.eid] })),
    ]);
    plan.want(`LockstepDVN fee towards ${remote.name}`, route.fees.dvn, dvnFee, dvn, () =>
      encodeFunctionData({ abi: lockstepDVNAbi, functionName: 'setFee', args: [remote.eid, route.fees.dvn] }),
    );
    const { executorBase, executorPerGas } = route.fees;
    plan.want(`BatchExecutor fee towards ${remote.name}`, [executorBase, executorPerGas], executorFee, executor, () =>
      encodeFunctionData({ abi: batchExecutorAbi, functionName: 'setFee', args: [remote.eid, executorBase, executorPerGas] }),
    );
  }
}

/** Peers, receive gas, writers, handlers and flush policy. */
export async function planMessenger(plan: ChainPlan): Promise<void> {
  const { rpc } = plan.client;
  const { Messenger: messenger, CollateralVault: vault, Gateway: gateway } = plan.own.contracts;
  const read = <T>(value: () => Promise<T>): Promise<T | undefined> => plan.read(messenger, value);
  const contract = { address: messenger, abi: iMessengerAbi } as const;

  const peers = plan
    .remotes()
    .map((remote) => ({ eid: remote.eid, name: remote.name, peer: plan.addressesOn(remote.name).contracts.Messenger }));
  // LayerZero cannot send to its own chain: the hub's own path ends at the same messenger.
  if (plan.chain.role === 'hub') peers.push({ eid: plan.chain.eid, name: plan.chain.name, peer: messenger });
  for (const { eid, name, peer } of peers) {
    const current = await read(() => rpc.readContract({ address: messenger, abi: oappAbi, functionName: 'peers', args: [eid] }));
    const wanted = padHex(peer, { size: 32 });
    plan.want(`Messenger peer of ${name}`, wanted, current, messenger, () =>
      encodeFunctionData({ abi: oappAbi, functionName: 'setPeer', args: [eid, wanted] }),
    );
  }
  for (const { route, remote, outgoing } of plan.routes()) {
    if (!outgoing) continue;
    const current = await read(() => rpc.readContract({ ...contract, functionName: 'receiveGas', args: [remote.eid] }));
    plan.want(`Messenger receive gas towards ${remote.name}`, route.receiveGas, current, messenger, () =>
      encodeFunctionData({ abi: iMessengerAbi, functionName: 'setReceiveGas', args: [remote.eid, route.receiveGas] }),
    );
  }
  // A writer or handler that nobody asked for could forge or swallow entries: every other kind must have none.
  for (const kind of KINDS) {
    const [writer, handler] = await Promise.all([
      read(() => rpc.readContract({ ...contract, functionName: 'writerOf', args: [kind.byte] })),
      read(() => rpc.readContract({ ...contract, functionName: 'handlerOf', args: [kind.byte] })),
    ]);
    const wantedWriter = kind.name === 'Deposited' ? vault : zeroAddress;
    plan.want(`Messenger writer of ${kind.name}`, wantedWriter, writer ?? zeroAddress, messenger, () =>
      encodeFunctionData({ abi: iMessengerAbi, functionName: 'setWriter', args: [kind.byte, wantedWriter] }),
    );
    const wantedHandler = kind.name === 'Deposited' ? (gateway ?? zeroAddress) : zeroAddress;
    plan.want(`Messenger handler of ${kind.name}`, wantedHandler, handler ?? zeroAddress, messenger, () =>
      encodeFunctionData({ abi: iMessengerAbi, functionName: 'setHandler', args: [kind.byte, wantedHandler] }),
    );
  }
  const [entryFee, minReimbursed] = await Promise.all([
    read(() => rpc.readContract({ ...contract, functionName: 'entryFee' })),
    read(() => rpc.readContract({ ...contract, functionName: 'minReimbursedEntries' })),
  ]);
  const { flush } = plan.chain;
  plan.want(
    'Messenger flush policy',
    [flush.entryFee, flush.minReimbursedEntries],
    entryFee === undefined ? [0n, 0n] : [entryFee, minReimbursed],
    messenger,
    () => encodeFunctionData({ abi: iMessengerAbi, functionName: 'setFlushPolicy', args: [flush.entryFee, flush.minReimbursedEntries] }),
  );
}

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
  if (index !== wantedIndex) return;
  const listed = await rpc.readContract({ ...contract, functionName: 'assetOf', args: [index] });
  plan.want(`CollateralVault limits of ${asset.symbol}`, [asset.minDeposit, asset.vaultCap], [listed.minDeposit, listed.cap], vault, () =>
    encodeFunctionData({ abi: collateralVaultAbi, functionName: 'setAssetLimits', args: [index, asset.minDeposit, asset.vaultCap] }),
  );
  plan.want(`CollateralVault status of ${asset.symbol}`, ASSET_OPEN, listed.status, vault, () =>
    encodeFunctionData({ abi: collateralVaultAbi, functionName: 'openAsset', args: [index] }),
  );
}

/**
 * The hub's modules and what it knows of every chain's assets.
 * @param sinceBlock first block that can hold an event of this ledger
 */
export async function planHub(plan: ChainPlan, sinceBlock: bigint): Promise<void> {
  const { Ledger: ledger, Gateway: gateway } = plan.own.contracts;
  if (plan.chain.name !== hubOf(plan.desired).name || ledger === undefined || gateway === undefined) return;
  const { rpc } = plan.client;
  const contract = { address: ledger, abi: ledgerAbi } as const;
  const isModule = await plan.read(ledger, () => rpc.readContract({ ...contract, functionName: 'isModule', args: [gateway] }));
  plan.want('Ledger module Gateway', true, isModule ?? false, ledger, () =>
    encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [gateway, true] }),
  );
  const moduleEvents = await plan.read(ledger, () =>
    rpc.getLogs({ address: ledger, event: getAbiItem({ abi: ledgerAbi, name: 'ModuleSet' }), fromBlock: sinceBlock, strict: true }),
  );
  const strangers = new Set(moduleEvents?.map((log) => log.args.module).filter((module) => module !== gateway));
  for (const module of strangers) {
    const enabled = await rpc.readContract({ ...contract, functionName: 'isModule', args: [module] });
    plan.want(`Ledger module ${module}`, false, enabled, ledger, () =>
      encodeFunctionData({ abi: ledgerAbi, functionName: 'setModule', args: [module, false] }),
    );
  }
  const assets = plan.desired.chains.flatMap((chain) =>
    chain.assets.map((asset, i) => ({ chain, asset, key: [chain.eid, i + 1] as const })),
  );
  const configured = await Promise.all(
    assets.map(async ({ key }) => {
      const assetId = (await plan.read(ledger, () => rpc.readContract({ ...contract, functionName: 'assetIdOf', args: key }))) ?? 0;
      return assetId === 0 ? undefined : rpc.readContract({ ...contract, functionName: 'configOf', args: [assetId] });
    }),
  );
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
  }
}
