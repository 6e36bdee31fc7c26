import { encodeAbiParameters, encodeFunctionData, type Address, type Hex } from 'viem';
import type { DesiredChain, DesiredRoute } from '../desired/schema.js';
import { CONFIG_TYPE, endpointAbi, executorConfigParameters, ulnAbi, ulnConfigParameters } from '../layerzero/abi.js';
import type { ChainPlan } from './chain-plan.js';

/** LayerZero reads 255 as "explicitly none"; 0 would mean "whatever the default is". */
const NO_OPTIONAL_DVNS = 255;

/** ULN configuration as it is pinned. */
interface UlnConfig {
  readonly confirmations: bigint;
  readonly requiredDVNCount: number;
  readonly optionalDVNCount: number;
  readonly optionalDVNThreshold: number;
  readonly requiredDVNs: readonly Address[];
  readonly optionalDVNs: readonly Address[];
}

/** The ULN configuration that a route pins at the end whose DVN contracts are given. */
function ulnConfigOf(route: DesiredRoute, dvns: readonly Address[]): UlnConfig {
  return {
    confirmations: route.confirmations,
    requiredDVNCount: dvns.length,
    optionalDVNCount: NO_OPTIONAL_DVNS,
    optionalDVNThreshold: 0,
    requiredDVNs: dvns,
    optionalDVNs: [],
  };
}

/** Pins libraries, ULN and executor of every route of the chain: nothing rests on LayerZero's changeable defaults. */
export async function planLayerZero(plan: ChainPlan): Promise<void> {
  await Promise.all(
    plan.routes().map(({ route, remote, outgoing }) => (outgoing ? planSend(plan, route, remote) : planReceive(plan, route, remote))),
  );
}

async function planSend(plan: ChainPlan, route: DesiredRoute, remote: DesiredChain): Promise<void> {
  const { rpc } = plan.client;
  const { endpoint, sendUln302: lib } = plan.chain.layerzero;
  const oapp = plan.own.contracts.Messenger;
  const args = [oapp, remote.eid] as const;
  const [current, isDefault, uln, executor] = await Promise.all([
    plan.read(endpoint, () => rpc.readContract({ address: endpoint, abi: endpointAbi, functionName: 'getSendLibrary', args })),
    plan.read(endpoint, () => rpc.readContract({ address: endpoint, abi: endpointAbi, functionName: 'isDefaultSendLibrary', args })),
    plan.read(lib, () => rpc.readContract({ address: lib, abi: ulnAbi, functionName: 'getAppUlnConfig', args })),
    plan.read(lib, () => rpc.readContract({ address: lib, abi: ulnAbi, functionName: 'executorConfigs', args })),
  ]);
  plan.want(`send library towards ${remote.name}`, lib, isDefault ? 'default' : current, endpoint, () =>
    encodeFunctionData({ abi: endpointAbi, functionName: 'setSendLibrary', args: [oapp, remote.eid, lib] }),
  );
  const wantedUln = ulnConfigOf(route, plan.dvnsOf(route.requiredDvns));
  plan.want(`send ULN towards ${remote.name}`, wantedUln, uln, endpoint, () =>
    setConfig(oapp, lib, remote.eid, CONFIG_TYPE.uln, ulnBytes(wantedUln)),
  );
  const wantedExecutor = { maxMessageSize: route.maxMessageSize, executor: plan.own.contracts.BatchExecutor };
  plan.want(
    `executor towards ${remote.name}`,
    wantedExecutor,
    executor && { maxMessageSize: executor[0], executor: executor[1] },
    endpoint,
    () => setConfig(oapp, lib, remote.eid, CONFIG_TYPE.executor, encodeAbiParameters(executorConfigParameters, [wantedExecutor])),
  );
}

async function planReceive(plan: ChainPlan, route: DesiredRoute, remote: DesiredChain): Promise<void> {
  const { rpc } = plan.client;
  const { endpoint, receiveUln302: lib } = plan.chain.layerzero;
  const oapp = plan.own.contracts.Messenger;
  const args = [oapp, remote.eid] as const;
  const [current, uln] = await Promise.all([
    plan.read(endpoint, () => rpc.readContract({ address: endpoint, abi: endpointAbi, functionName: 'getReceiveLibrary', args })),
    plan.read(lib, () => rpc.readContract({ address: lib, abi: ulnAbi, functionName: 'getAppUlnConfig', args })),
  ]);
  plan.want(`receive library from ${remote.name}`, lib, current?.[1] === true ? 'default' : current?.[0], endpoint, () =>
    encodeFunctionData({ abi: endpointAbi, functionName: 'setReceiveLibrary', args: [oapp, remote.eid, lib, 0n] }),
  );
  const wanted = ulnConfigOf(route, plan.dvnsOf(route.requiredDvns));
  plan.want(`receive ULN from ${remote.name}`, wanted, uln, endpoint, () =>
    setConfig(oapp, lib, remote.eid, CONFIG_TYPE.uln, ulnBytes(wanted)),
  );
}

function ulnBytes(config: UlnConfig): Hex {
  const { requiredDVNs, optionalDVNs, ...rest } = config;
  return encodeAbiParameters(ulnConfigParameters, [{ ...rest, requiredDVNs: [...requiredDVNs], optionalDVNs: [...optionalDVNs] }]);
}

function setConfig(oapp: Address, lib: Address, eid: number, configType: number, config: Hex): Hex {
  return encodeFunctionData({ abi: endpointAbi, functionName: 'setConfig', args: [oapp, lib, [{ eid, configType, config }]] });
}
