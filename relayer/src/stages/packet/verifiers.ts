import { Inject, Injectable } from '@nestjs/common';
import { iLockstepDVNAbi } from '@lockstep/contracts';
import { concatHex, encodeFunctionData, encodePacked, isAddressEqual, keccak256, type Address, type Hex } from 'viem';
import { privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';
import type { ChainContext } from '../../chain/chain-context.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import type { SenderKey } from '../../sender/intent.js';
import { layerzeroDvnAbi, receiveUlnAbi } from './layerzero-abi.js';

/** What a verifier says about one packet. */
export interface Attestation {
  readonly packetHeader: Hex;
  readonly payloadHash: Hex;
  readonly confirmations: bigint;
}

/** A signed statement, ready to be sent to the verifier's contract. */
export interface SignedBatch {
  readonly to: Address;
  readonly data: Hex;
  /** who may send it */
  readonly key: SenderKey;
}

const ATTEST_TYPES = {
  Attest: [
    { name: 'receiveLib', type: 'address' },
    { name: 'attestations', type: 'Attestation[]' },
    { name: 'expiration', type: 'uint64' },
  ],
  Attestation: [
    { name: 'packetHeader', type: 'bytes' },
    { name: 'payloadHash', type: 'bytes32' },
    { name: 'confirmations', type: 'uint64' },
  ],
} as const;

/**
 * The verifier contracts this operator signs for: our own LockstepDVN, and LayerZero's DVN where the configuration holds its keys (local
 * networks: on live ones the second required verifier belongs to somebody else).
 */
@Injectable()
export class Verifiers {
  readonly #lockstepSigners: readonly PrivateKeyAccount[];
  readonly #layerzeroSigners: readonly PrivateKeyAccount[] | null;
  readonly #quorums = new Map<string, Promise<{ threshold: number; allowed: readonly Address[] | null; vid: number }>>();

  constructor(@Inject(RELAYER_CONFIG) { keys }: RelayerConfig) {
    this.#lockstepSigners = ascending(keys.lockstepDvnSigners.map((key) => privateKeyToAccount(key.reveal())));
    this.#layerzeroSigners = keys.layerzeroDvn
      ? ascending(keys.layerzeroDvn.signers.map((key) => privateKeyToAccount(key.reveal())))
      : null;
  }

  /** Contracts on a destination that this operator attests through. */
  addresses(destination: ChainContext): Address[] {
    const own = destination.contract('LockstepDVN');
    return this.#layerzeroSigners === null ? [own] : [own, destination.layerzero('dvn')];
  }

  /**
   * Signs packets for one of {@link addresses}.
   * @param expiration unix seconds after which the signatures are void
   * @throws Error if this operator holds fewer signer keys than the contract asks for
   */
  async sign(destination: ChainContext, dvn: Address, attestations: readonly Attestation[], expiration: bigint): Promise<SignedBatch> {
    return isAddressEqual(dvn, destination.contract('LockstepDVN'))
      ? this.#signLockstep(destination, dvn, attestations, expiration)
      : this.#signLayerzero(destination, dvn, attestations, expiration);
  }

  async #signLockstep(
    destination: ChainContext,
    dvn: Address,
    attestations: readonly Attestation[],
    expiration: bigint,
  ): Promise<SignedBatch> {
    const { threshold, allowed } = await this.#quorum(destination, dvn, 'lockstep');
    const signers = pick(this.#lockstepSigners, threshold, allowed, dvn);
    const signatures = await Promise.all(
      signers.map((signer) =>
        signer.signTypedData({
          domain: { name: 'LockstepDVN', version: '1', chainId: destination.chainId, verifyingContract: dvn },
          types: ATTEST_TYPES,
          primaryType: 'Attest',
          message: { receiveLib: destination.layerzero('receiveUln302'), attestations: [...attestations], expiration },
        }),
      ),
    );
    return {
      to: dvn,
      key: 'submitter',
      data: encodeFunctionData({
        abi: iLockstepDVNAbi,
        functionName: 'attest',
        args: [[...attestations], expiration, concatHex(signatures)],
      }),
    };
  }

  /** One signed call of `ReceiveUln302.verify` per packet. The signed hash holds neither chain nor contract, so `vid` must be unique. */
  async #signLayerzero(
    destination: ChainContext,
    dvn: Address,
    attestations: readonly Attestation[],
    expiration: bigint,
  ): Promise<SignedBatch> {
    const { threshold, vid } = await this.#quorum(destination, dvn, 'layerzero');
    const signers = pick(this.#layerzeroSigners ?? [], threshold, null, dvn);
    const target = destination.layerzero('receiveUln302');
    const params = await Promise.all(
      attestations.map(async ({ packetHeader, payloadHash, confirmations }) => {
        const callData = encodeFunctionData({
          abi: receiveUlnAbi,
          functionName: 'verify',
          args: [packetHeader, payloadHash, confirmations],
        });
        const raw = keccak256(encodePacked(['uint32', 'address', 'uint256', 'bytes'], [vid, target, expiration, callData]));
        const signatures = await Promise.all(signers.map((signer) => signer.signMessage({ message: { raw } })));
        return { vid, target, callData, expiration, signatures: concatHex(signatures) };
      }),
    );
    return {
      to: dvn,
      key: 'layerzeroDvnAdmin',
      data: encodeFunctionData({ abi: layerzeroDvnAbi, functionName: 'execute', args: [params] }),
    };
  }

  #quorum(
    destination: ChainContext,
    dvn: Address,
    kind: 'lockstep' | 'layerzero',
  ): Promise<{ threshold: number; allowed: readonly Address[] | null; vid: number }> {
    const key = `${destination.chainId}:${dvn}`;
    const known = this.#quorums.get(key);
    if (known !== undefined) return known;
    const read = kind === 'lockstep' ? readLockstep(destination, dvn) : readLayerzero(destination, dvn);
    this.#quorums.set(key, read);
    read.catch(() => this.#quorums.delete(key));
    return read;
  }
}

async function readLockstep(
  { client }: ChainContext,
  address: Address,
): Promise<{ threshold: number; allowed: readonly Address[]; vid: number }> {
  const contract = { address, abi: iLockstepDVNAbi } as const;
  const [threshold, allowed] = await Promise.all([
    client.readContract({ ...contract, functionName: 'threshold' }),
    client.readContract({ ...contract, functionName: 'signers' }),
  ]);
  return { threshold, allowed, vid: 0 };
}

async function readLayerzero({ client }: ChainContext, address: Address): Promise<{ threshold: number; allowed: null; vid: number }> {
  const contract = { address, abi: layerzeroDvnAbi } as const;
  const [quorum, vid] = await Promise.all([
    client.readContract({ ...contract, functionName: 'quorum' }),
    client.readContract({ ...contract, functionName: 'vid' }),
  ]);
  return { threshold: Number(quorum), allowed: null, vid };
}

function pick(
  held: readonly PrivateKeyAccount[],
  threshold: number,
  allowed: readonly Address[] | null,
  dvn: Address,
): readonly PrivateKeyAccount[] {
  const usable = allowed === null ? held : held.filter(({ address }) => allowed.some((signer) => isAddressEqual(signer, address)));
  if (usable.length < threshold)
    throw new Error(`verifier ${dvn} wants ${threshold} signatures; ${usable.length} of its signers' keys are configured`);
  return usable.slice(0, threshold);
}

const ascending = (accounts: readonly PrivateKeyAccount[]): PrivateKeyAccount[] =>
  [...accounts].sort((a, b) => (a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1));

/** Signatures are void after this long; a transaction that takes longer is signed again. */
export const SIGNATURE_LIFETIME_SECONDS = 3_600n;
