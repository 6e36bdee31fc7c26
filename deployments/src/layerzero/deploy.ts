import type { Eid } from '@lockstep/shared';
import { encodeAbiParameters, encodeFunctionData, getContractAddress, type Address, type Hex, type LocalAccount } from 'viem';
import type { ChainClient } from '../chain/client.js';
import { sendAll, settledNonce, type Call } from '../chain/send.js';
import { constructorParameters, endpointAbi, executorAbi, initializeAbi, ulnAbi, workerAbi } from './abi.js';
import { creationCode, type LayerZeroContract } from './artifacts.js';
import { DVN_VERIFY_GAS, GAS_PER_BYTE, GAS_PRICE, NATIVE_DECIMALS_RATE, NATIVE_PRICE_USD, PRICE_DENOMINATOR, priceEid } from './prices.js';
import type { LayerZero } from './stack.js';

/** What a local chain's LayerZero stack is made of. */
export interface LayerZeroOptions {
  readonly eid: Eid;
  /** Every other chain of the network. */
  readonly remoteEids: readonly Eid[];
  /** Deploys and owns the stack. Used for nothing else: its nonces make every address known in advance. */
  readonly owner: LocalAccount;
  /** The second operator's DVN: who attests, and who may submit. Quorum = number of signers. */
  readonly dvn: { readonly signers: readonly Address[]; readonly admin: Address };
  /** Empty transactions before the first contract, so that addresses differ from chain to chain. */
  readonly nonceOffset?: number;
}

const LZ_RECEIVE_BASE_GAS = 100_000n;
const DEFAULT_CONFIRMATIONS = 1n;
const MAX_MESSAGE_SIZE = 10_000;
const TREASURY_GAS_LIMIT = 100_000n;
const ZERO = '0x0000000000000000000000000000000000000000';

const CREATION_GAS: Record<LayerZeroContract, bigint> = {
  EndpointV2: 7_000_000n,
  EndpointV2View: 1_500_000n,
  SendUln302: 6_500_000n,
  ReceiveUln302: 3_500_000n,
  ReceiveUln302View: 2_200_000n,
  DVN: 6_000_000n,
  DVNFeeLib: 3_000_000n,
  Executor: 5_600_000n,
  ExecutorFeeLib: 2_400_000n,
  PriceFeed: 2_600_000n,
  Treasury: 1_500_000n,
};
const CALL_GAS = 200_000n;
const CALL_GAS_PER_REMOTE = 200_000n;

/**
 * Deploys the real LayerZero V2 contracts on a local chain and returns their addresses. Started again after an interruption it
 * continues at the first missing transaction; on a finished chain it sends nothing.
 * @throws Error if the owner's key was used for something else, or a transaction reverts
 */
export async function deployLayerZero(client: ChainClient, options: LayerZeroOptions): Promise<LayerZero> {
  const { calls, stack } = layerZeroCalls(options);
  const done = await settledNonce(client, options.owner.address);
  if (done < calls.length) await sendAll(client, options.owner, calls.slice(done));
  await checkStack(client, options.eid, stack);
  return stack;
}

async function checkStack(client: ChainClient, eid: Eid, stack: LayerZero): Promise<void> {
  const code = await client.rpc.getCode({ address: stack.endpoint });
  if (code === undefined) {
    throw new Error(`no LayerZero endpoint at ${stack.endpoint} on ${client.chain}; expected one: its owner's key sent other transactions`);
  }
  const actual = await client.rpc.readContract({ address: stack.endpoint, abi: endpointAbi, functionName: 'eid' });
  if (actual !== eid) throw new Error(`endpoint ${stack.endpoint} on ${client.chain} has eid ${actual}; expected ${eid}`);
}

/** The ordered transactions that build one chain's stack, and the addresses that come out of them. */
export function layerZeroCalls(options: LayerZeroOptions): { readonly calls: readonly Call[]; readonly stack: LayerZero } {
  const { eid, remoteEids, owner, dvn } = options;
  const calls: Call[] = [];
  const remotes = BigInt(remoteEids.length);

  for (let i = 0; i < (options.nonceOffset ?? 0); i++) calls.push({ label: 'nonce offset', to: owner.address, data: '0x', gas: 30_000n });
  const create = (name: LayerZeroContract, args: Hex = '0x'): Address => {
    const address = getContractAddress({ from: owner.address, nonce: BigInt(calls.length) });
    const data: Hex = `${creationCode(name)}${args.slice(2)}` as const;
    calls.push({ label: `create ${name}`, data, gas: CREATION_GAS[name] });
    return address;
  };
  const call = (label: string, to: Address, data: Hex): void => {
    calls.push({ label, to, data, gas: CALL_GAS + CALL_GAS_PER_REMOTE * remotes });
  };

  const endpoint = create('EndpointV2', encodeAbiParameters(constructorParameters.EndpointV2, [eid, owner.address]));
  const treasury = create('Treasury');
  const sendUln302 = create('SendUln302', encodeAbiParameters(constructorParameters.SendUln302, [endpoint, TREASURY_GAS_LIMIT, 0n]));
  const receiveUln302 = create('ReceiveUln302', encodeAbiParameters(constructorParameters.ReceiveUln302, [endpoint]));
  const priceFeed = create('PriceFeed');
  const dvnFeeLib = create('DVNFeeLib', encodeAbiParameters(constructorParameters.DVNFeeLib, [eid, NATIVE_DECIMALS_RATE]));
  const executorFeeLib = create('ExecutorFeeLib', encodeAbiParameters(constructorParameters.ExecutorFeeLib, [eid, NATIVE_DECIMALS_RATE]));
  const dvnVid = priceEid(eid);
  const dvnAddress = create(
    'DVN',
    encodeAbiParameters(constructorParameters.DVN, [
      eid,
      dvnVid,
      [sendUln302],
      priceFeed,
      [...dvn.signers],
      BigInt(dvn.signers.length),
      [owner.address, dvn.admin],
    ]),
  );
  const executor = create('Executor');
  const receiveUln302View = create('ReceiveUln302View');
  const endpointView = create('EndpointV2View');

  const one = (address: Address): Hex => encodeFunctionData({ abi: initializeAbi, functionName: 'initialize', args: [address] });
  for (const lib of [sendUln302, receiveUln302])
    call('registerLibrary', endpoint, encodeFunctionData({ abi: endpointAbi, functionName: 'registerLibrary', args: [lib] }));
  call('setTreasury', sendUln302, encodeFunctionData({ abi: ulnAbi, functionName: 'setTreasury', args: [treasury] }));
  call('PriceFeed.initialize', priceFeed, one(owner.address));
  call(
    'Executor.initialize',
    executor,
    encodeFunctionData({
      abi: executorAbi,
      functionName: 'initialize',
      args: [endpoint, ZERO, [sendUln302], priceFeed, owner.address, [owner.address]],
    }),
  );
  call(
    'ReceiveUln302View.initialize',
    receiveUln302View,
    encodeFunctionData({ abi: initializeAbi, functionName: 'initialize', args: [endpoint, receiveUln302] }),
  );
  call('EndpointV2View.initialize', endpointView, one(endpoint));
  for (const [worker, lib] of [
    [dvnAddress, dvnFeeLib],
    [executor, executorFeeLib],
  ] as const)
    call('setWorkerFeeLib', worker, encodeFunctionData({ abi: workerAbi, functionName: 'setWorkerFeeLib', args: [lib] }));
  const nativePrice = encodeFunctionData({ abi: workerAbi, functionName: 'setNativeTokenPriceUSD', args: [NATIVE_PRICE_USD] });
  call('setNativeTokenPriceUSD', priceFeed, nativePrice);
  const price = { priceRatio: PRICE_DENOMINATOR, gasPriceInUnit: GAS_PRICE, gasPerByte: GAS_PER_BYTE };
  call(
    'setPrice',
    priceFeed,
    encodeFunctionData({
      abi: workerAbi,
      functionName: 'setPrice',
      args: [remoteEids.map((remote) => ({ eid: priceEid(remote), price }))],
    }),
  );
  call(
    'DVN.setDstConfig',
    dvnAddress,
    encodeFunctionData({
      abi: workerAbi,
      functionName: 'setDstConfig',
      args: [remoteEids.map((dstEid) => ({ dstEid, gas: DVN_VERIFY_GAS, multiplierBps: 0, floorMarginUSD: 0n }))],
    }),
  );
  call(
    'Executor.setDstConfig',
    executor,
    encodeFunctionData({
      abi: executorAbi,
      functionName: 'setDstConfig',
      args: [
        remoteEids.map((dstEid) => ({
          dstEid,
          lzReceiveBaseGas: LZ_RECEIVE_BASE_GAS,
          lzComposeBaseGas: LZ_RECEIVE_BASE_GAS,
          multiplierBps: 0,
          floorMarginUSD: 0n,
          nativeCap: 0n,
        })),
      ],
    }),
  );
  // LayerZero's own defaults: one DVN. Lockstep's paths never rest on them, and `verify` proves it.
  const config = {
    confirmations: DEFAULT_CONFIRMATIONS,
    requiredDVNCount: 1,
    optionalDVNCount: 0,
    optionalDVNThreshold: 0,
    requiredDVNs: [dvnAddress],
    optionalDVNs: [],
  };
  const ulnDefaults = encodeFunctionData({
    abi: ulnAbi,
    functionName: 'setDefaultUlnConfigs',
    args: [remoteEids.map((remote) => ({ eid: remote, config }))],
  });
  for (const lib of [sendUln302, receiveUln302]) call('setDefaultUlnConfigs', lib, ulnDefaults);
  call(
    'setDefaultExecutorConfigs',
    sendUln302,
    encodeFunctionData({
      abi: ulnAbi,
      functionName: 'setDefaultExecutorConfigs',
      args: [remoteEids.map((remote) => ({ eid: remote, config: { maxMessageSize: MAX_MESSAGE_SIZE, executor } }))],
    }),
  );
  for (const remote of remoteEids) {
    call(
      'setDefaultSendLibrary',
      endpoint,
      encodeFunctionData({ abi: endpointAbi, functionName: 'setDefaultSendLibrary', args: [remote, sendUln302] }),
    );
    call(
      'setDefaultReceiveLibrary',
      endpoint,
      encodeFunctionData({ abi: endpointAbi, functionName: 'setDefaultReceiveLibrary', args: [remote, receiveUln302, 0n] }),
    );
  }
  return { calls, stack: { endpoint, sendUln302, receiveUln302, receiveUln302View, endpointView, dvn: dvnAddress, dvnVid } };
}
