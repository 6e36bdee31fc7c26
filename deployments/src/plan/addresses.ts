import { bytecode } from '@lockstep/contracts';
import {
  concatHex,
  encodeAbiParameters,
  getContractAddress,
  keccak256,
  parseAbiParameters,
  size,
  stringToHex,
  zeroAddress,
  type Address,
  type Hex,
} from 'viem';
import { CREATE2_DEPLOYER } from '../chain/create2.js';
import { hubOf, type Desired, type DesiredAsset, type DesiredChain } from '../desired/schema.js';
import type { ContractName, HubContractName } from '../live/live.js';

/** One contract as it should be deployed. */
export interface ContractSpec {
  /** Contract, or `Token <symbol>` of a local test token. */
  readonly name: ContractName | `Token ${string}`;
  readonly address: Address;
  /** Where this build with these arguments belongs; another address than `address` if another build was recorded there. */
  readonly computed: Address;
  readonly initCode: Hex;
  readonly args: readonly unknown[];
  /** Gas of the deployment: code deposit, hashing and a generous constructor. */
  readonly gas: bigint;
}

export type HubAddresses = Readonly<Record<HubContractName, Address>>;

/** Everything of one chain that calls are addressed to. */
export interface ChainAddresses {
  readonly specs: readonly ContractSpec[];
  readonly contracts: Readonly<Record<Exclude<ContractName, HubContractName>, Address>> & Partial<HubAddresses>;
  /** By position in the desired assets; zero address: the native coin. */
  readonly tokens: readonly Address[];
}

/** Addresses that an earlier deployment recorded; they win over computed ones. */
export type Pins = Partial<Record<ContractName, Address>>;

const DEPLOY_GAS_BASE = 2_000_000n;
const DEPLOY_GAS_PER_BYTE = 260n;

/** Where everything of a chain is or will be. Pure. */
export function addressesOf(desired: Desired, chain: DesiredChain, pins: Pins = {}): ChainAddresses {
  const salt = keccak256(stringToHex(`lockstep:${desired.network}:${chain.name}`));
  const specs: ContractSpec[] = [];
  const add = <N extends ContractSpec['name']>(name: N, code: Hex, args: readonly unknown[], encoded: Hex): Address => {
    const initCode = concatHex([code, encoded]);
    const pinned = isContractName(name) ? pins[name] : undefined;
    const computed = getContractAddress({ opcode: 'CREATE2', from: CREATE2_DEPLOYER, salt, bytecode: initCode });
    const address = pinned ?? computed;
    specs.push({ name, address, computed, initCode, args, gas: DEPLOY_GAS_BASE + DEPLOY_GAS_PER_BYTE * BigInt(size(initCode)) });
    return address;
  };
  const { endpoint, sendUln302, receiveUln302 } = chain.layerzero;
  const hubEid = hubOf(desired).eid;

  const one = parseAbiParameters('address');
  const authority = add(
    'AccessManager',
    creation('AccessManager'),
    [desired.access.deployer],
    encodeAbiParameters(one, [desired.access.deployer]),
  );
  const two = parseAbiParameters('address, address');
  const Messenger = add('Messenger', creation('Messenger'), [endpoint, authority], encodeAbiParameters(two, [endpoint, authority]));
  const CollateralVault = add(
    'CollateralVault',
    creation('CollateralVault'),
    [authority, Messenger, hubEid, chain.permit2],
    encodeAbiParameters(parseAbiParameters('address, address, uint32, address'), [authority, Messenger, hubEid, chain.permit2]),
  );
  const { signers, threshold } = chain.lockstepDvn;
  const LockstepDVN = add(
    'LockstepDVN',
    creation('LockstepDVN'),
    [sendUln302, receiveUln302, signers, threshold, authority],
    encodeAbiParameters(parseAbiParameters('address, address, address[], uint8, address'), [
      sendUln302,
      receiveUln302,
      signers,
      threshold,
      authority,
    ]),
  );
  const BatchExecutor = add(
    'BatchExecutor',
    creation('BatchExecutor'),
    [endpoint, sendUln302, receiveUln302, authority],
    encodeAbiParameters(parseAbiParameters('address, address, address, address'), [endpoint, sendUln302, receiveUln302, authority]),
  );
  const hub = chain.role === 'hub' ? hubContracts() : {};
  const tokens = chain.assets.map((asset) => tokenOf(asset));
  return { specs, contracts: { AccessManager: authority, Messenger, CollateralVault, LockstepDVN, BatchExecutor, ...hub }, tokens };

  function hubContracts(): HubAddresses {
    const Ledger = add(
      'Ledger',
      creation('Ledger'),
      [authority, hubEid],
      encodeAbiParameters(parseAbiParameters('address, uint32'), [authority, hubEid]),
    );
    const three = parseAbiParameters('address, address, address');
    const Gateway = add(
      'Gateway',
      creation('Gateway'),
      [authority, Messenger, Ledger],
      encodeAbiParameters(three, [authority, Messenger, Ledger]),
    );
    const Delegates = add(
      'Delegates',
      creation('Delegates'),
      [authority, Messenger, hubEid],
      encodeAbiParameters(parseAbiParameters('address, address, uint32'), [authority, Messenger, hubEid]),
    );
    const Withdrawals = add(
      'Withdrawals',
      creation('Withdrawals'),
      [authority, Messenger, Ledger, Delegates, Gateway],
      encodeAbiParameters(parseAbiParameters('address, address, address, address, address'), [
        authority,
        Messenger,
        Ledger,
        Delegates,
        Gateway,
      ]),
    );
    return { Ledger, Gateway, Delegates, Withdrawals };
  }

  function tokenOf(asset: DesiredAsset): Address {
    switch (asset.token.kind) {
      case 'native':
        return zeroAddress;
      case 'existing':
        return asset.token.address;
      case 'test': {
        const args = [`Test ${asset.symbol}`, asset.symbol, asset.decimals] as const;
        return add(
          `Token ${asset.symbol}`,
          creation('TestToken'),
          args,
          encodeAbiParameters(parseAbiParameters('string, string, uint8'), args),
        );
      }
    }
  }
}

function creation(name: string): Hex {
  const codes: Readonly<Record<string, { readonly creation: Hex }>> = bytecode;
  const code = codes[name];
  if (code === undefined) throw new Error(`contract ${name} is not in the build; expected it among ${Object.keys(codes).join(', ')}`);
  return code.creation;
}

function isContractName(name: ContractSpec['name']): name is ContractName {
  return !name.startsWith('Token ');
}
