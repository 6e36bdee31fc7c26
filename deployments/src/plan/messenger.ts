import { batchExecutorAbi, iMessengerAbi, lockstepDVNAbi } from '@lockstep/contracts';
import { EntryKind } from '@lockstep/shared';
import { encodeFunctionData, padHex, zeroAddress, type Address } from 'viem';
import type { ChainAddresses } from './addresses.js';
import type { ChainPlan } from './chain-plan.js';
import { oappAbi } from './oapp.js';

/** Kinds that have writers and handlers; VOID and CLOSED are the Messenger's own. */
const KINDS = (['Deposited', 'WithdrawRequested', 'DelegateSet', 'Receipts', 'Release'] as const).map((name) => ({
  name,
  byte: EntryKind[name],
}));
type Kind = (typeof KINDS)[number]['name'];

/** Who appends entries of a kind here, and who applies them; null: nobody. */
function partiesOf(kind: Kind, { CollateralVault, Gateway, Withdrawals, Delegates }: ChainAddresses['contracts']): Parties {
  switch (kind) {
    case 'Deposited':
      return { writer: CollateralVault, handler: Gateway ?? null };
    case 'WithdrawRequested':
    case 'Receipts':
      return { writer: CollateralVault, handler: Withdrawals ?? null };
    case 'DelegateSet':
      return { writer: CollateralVault, handler: Delegates ?? null };
    case 'Release':
      return { writer: Withdrawals ?? null, handler: CollateralVault };
  }
}

interface Parties {
  readonly writer: Address | null;
  readonly handler: Address | null;
}

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
  const { Messenger: messenger } = plan.own.contracts;
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
  // A writer or handler that nobody asked for could forge or swallow entries.
  for (const kind of KINDS) {
    const [writer, handler] = await Promise.all([
      read(() => rpc.readContract({ ...contract, functionName: 'writerOf', args: [kind.byte] })),
      read(() => rpc.readContract({ ...contract, functionName: 'handlerOf', args: [kind.byte] })),
    ]);
    const parties = partiesOf(kind.name, plan.own.contracts);
    const wantedWriter = parties.writer ?? zeroAddress;
    plan.want(`Messenger writer of ${kind.name}`, wantedWriter, writer ?? zeroAddress, messenger, () =>
      encodeFunctionData({ abi: iMessengerAbi, functionName: 'setWriter', args: [kind.byte, wantedWriter] }),
    );
    const wantedHandler = parties.handler ?? zeroAddress;
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
