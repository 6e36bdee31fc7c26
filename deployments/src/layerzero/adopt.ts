import type { Eid } from '@lockstep/shared';
import {
  concatHex,
  encodeAbiParameters,
  encodeFunctionData,
  getContractAddress,
  parseAbi,
  zeroAddress,
  type Address,
  type Hex,
  type LocalAccount,
} from 'viem';
import type { ChainClient } from '../chain/client.js';
import { CREATE2_DEPLOYER } from '../chain/create2.js';
import { sendAll, type Call } from '../chain/send.js';
import { constructorParameters, endpointAbi, initializeAbi, workerAbi } from './abi.js';
import { creationCode, type LayerZeroContract } from './artifacts.js';
import { GAS_PER_BYTE, GAS_PRICE, DVN_VERIFY_GAS, NATIVE_DECIMALS_RATE, NATIVE_PRICE_USD, PRICE_DENOMINATOR, priceEid } from './prices.js';
import type { LayerZero } from './stack.js';

export interface AdoptOptions {
  readonly eid: Eid;
  /** Every other chain of the network. */
  readonly remoteEids: readonly Eid[];
  /** The chain's own EndpointV2. */
  readonly endpoint: Address;
  /** Pays for what is added; needs no rights at LayerZero. */
  readonly payer: LocalAccount;
  /** The second operator's DVN: on a fork nobody else attests. */
  readonly dvn: { readonly signers: readonly Address[]; readonly admin: Address };
}

const readAbi = parseAbi([
  'function dstConfig(uint32 dstEid) view returns (uint64 gas, uint16 multiplierBps, uint128 floorMarginUSD)',
  'function workerFeeLib() view returns (address)',
  'function nativeTokenPriceUSD() view returns (uint128)',
  'function endpoint() view returns (address)',
]);
const SALT: Hex = `0x${'00'.repeat(32)}`;
const CREATE_GAS = 8_000_000n;

/**
 * Uses the LayerZero of a chain that has one, e.g. a fork of a public chain: its endpoint, and the libraries the endpoint names for the
 * routes. Adds what LayerZero does not offer a stranger: views, and a second DVN with keys of our own. Idempotent.
 * @throws Error if there is no endpoint, it has another eid, or it does not serve a remote chain
 */
export async function adoptLayerZero(client: ChainClient, options: AdoptOptions): Promise<LayerZero> {
  const { endpoint, eid, remoteEids, dvn } = options;
  const { sendUln302, receiveUln302 } = await librariesOf(client, options);
  const pending: Call[] = [];
  const create = async (name: LayerZeroContract, args: Hex = '0x'): Promise<Address> => {
    const bytecode = concatHex([creationCode(name), args]);
    const address = getContractAddress({ opcode: 'CREATE2', from: CREATE2_DEPLOYER, salt: SALT, bytecode });
    if ((await client.rpc.getCode({ address })) === undefined)
      pending.push({ label: `create ${name}`, to: CREATE2_DEPLOYER, data: concatHex([SALT, bytecode]), gas: CREATE_GAS });
    return address;
  };
  // The views and the price feed have no constructor arguments to tell one stack from another: anybody may have initialised the shared
  // address, so each of ours carries a few bytes after its code that do.
  const mark = encodeAbiParameters([{ type: 'address' }, { type: 'address' }], [endpoint, options.payer.address]);
  const priceFeed = await create('PriceFeed', mark);
  const dvnFeeLib = await create('DVNFeeLib', encodeAbiParameters(constructorParameters.DVNFeeLib, [eid, NATIVE_DECIMALS_RATE]));
  const dvnVid = priceEid(eid);
  const dvnAddress = await create(
    'DVN',
    encodeAbiParameters(constructorParameters.DVN, [
      eid,
      dvnVid,
      [sendUln302],
      priceFeed,
      [...dvn.signers],
      BigInt(dvn.signers.length),
      [options.payer.address, dvn.admin],
    ]),
  );
  const receiveUln302View = await create('ReceiveUln302View', mark);
  const endpointView = await create('EndpointV2View', mark);
  await sendAll(client, options.payer, pending);

  const calls: Call[] = [];
  const call = (label: string, to: Address, data: Hex): void => void calls.push({ label, to, data });
  const read = { abi: readAbi } as const;
  const [feeLib, nativePrice, viewEndpoint, ulnViewEndpoint, ...configured] = await Promise.all([
    client.rpc.readContract({ ...read, address: dvnAddress, functionName: 'workerFeeLib' }),
    client.rpc.readContract({ ...read, address: priceFeed, functionName: 'nativeTokenPriceUSD' }),
    client.rpc.readContract({ ...read, address: endpointView, functionName: 'endpoint' }),
    client.rpc.readContract({ ...read, address: receiveUln302View, functionName: 'endpoint' }),
    ...remoteEids.map((remote) => client.rpc.readContract({ ...read, address: dvnAddress, functionName: 'dstConfig', args: [remote] })),
  ]);
  if (viewEndpoint === zeroAddress)
    call(
      'EndpointV2View.initialize',
      endpointView,
      encodeFunctionData({ abi: initializeAbi, functionName: 'initialize', args: [endpoint] }),
    );
  if (ulnViewEndpoint === zeroAddress)
    call(
      'ReceiveUln302View.initialize',
      receiveUln302View,
      encodeFunctionData({ abi: initializeAbi, functionName: 'initialize', args: [endpoint, receiveUln302] }),
    );
  if (feeLib !== dvnFeeLib)
    call('DVN.setWorkerFeeLib', dvnAddress, encodeFunctionData({ abi: workerAbi, functionName: 'setWorkerFeeLib', args: [dvnFeeLib] }));
  const unpriced = nativePrice === 0n;
  const missing = remoteEids.filter((_, i) => configured[i]?.[0] !== DVN_VERIFY_GAS);
  if (unpriced)
    call(
      'PriceFeed.initialize',
      priceFeed,
      encodeFunctionData({ abi: initializeAbi, functionName: 'initialize', args: [options.payer.address] }),
    );
  if (unpriced)
    call(
      'setNativeTokenPriceUSD',
      priceFeed,
      encodeFunctionData({ abi: workerAbi, functionName: 'setNativeTokenPriceUSD', args: [NATIVE_PRICE_USD] }),
    );
  if (missing.length > 0) {
    const price = { priceRatio: PRICE_DENOMINATOR, gasPriceInUnit: GAS_PRICE, gasPerByte: GAS_PER_BYTE };
    const prices = missing.map((remote) => ({ eid: priceEid(remote), price }));
    call('setPrice', priceFeed, encodeFunctionData({ abi: workerAbi, functionName: 'setPrice', args: [prices] }));
    const configs = missing.map((dstEid) => ({ dstEid, gas: DVN_VERIFY_GAS, multiplierBps: 0, floorMarginUSD: 0n }));
    call('DVN.setDstConfig', dvnAddress, encodeFunctionData({ abi: workerAbi, functionName: 'setDstConfig', args: [configs] }));
  }
  // One by one: each is estimated on what the one before it left.
  for (const next of calls) await sendAll(client, options.payer, [next]);
  return { endpoint, sendUln302, receiveUln302, receiveUln302View, endpointView, dvn: dvnAddress, dvnVid };
}

/** The libraries LayerZero uses for the routes by default; Lockstep pins them, so a later change there changes nothing here. */
async function librariesOf(
  client: ChainClient,
  { eid, endpoint, remoteEids }: AdoptOptions,
): Promise<Pick<LayerZero, 'sendUln302' | 'receiveUln302'>> {
  if ((await client.rpc.getCode({ address: endpoint })) === undefined)
    throw new Error(`no LayerZero endpoint at ${endpoint} on ${client.chain}; expected EndpointV2`);
  const contract = { address: endpoint, abi: endpointAbi } as const;
  const actual = await client.rpc.readContract({ ...contract, functionName: 'eid' });
  if (actual !== eid) throw new Error(`endpoint ${endpoint} on ${client.chain} has eid ${actual}; expected ${eid}`);
  const pairs = await Promise.all(
    remoteEids.map(async (remote) => ({
      remote,
      send: await client.rpc.readContract({ ...contract, functionName: 'defaultSendLibrary', args: [remote] }),
      receive: await client.rpc.readContract({ ...contract, functionName: 'defaultReceiveLibrary', args: [remote] }),
    })),
  );
  for (const { remote, send, receive } of pairs)
    if (send === zeroAddress || receive === zeroAddress)
      throw new Error(`LayerZero on ${client.chain} does not serve eid ${remote}; expected default libraries for it`);
  const [first] = pairs;
  if (first === undefined) throw new Error(`${client.chain} has no remote chain; expected at least one`);
  const other = pairs.find(({ send, receive }) => send !== first.send || receive !== first.receive);
  if (other !== undefined)
    throw new Error(
      `LayerZero on ${client.chain} uses other libraries towards eid ${other.remote} than towards ${first.remote}; expected the same`,
    );
  return { sendUln302: first.send, receiveUln302: first.receive };
}
