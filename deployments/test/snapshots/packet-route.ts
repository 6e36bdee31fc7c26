import { batchExecutorAbi, iMessengerAbi, lockstepDVNAbi } from '@lockstep/contracts';
import { decodePacket, hashPacket } from '@lockstep/shared';
import {
  concatHex,
  encodeFunctionData,
  encodePacked,
  keccak256,
  pad,
  parseAbi,
  parseEventLogs,
  type Address,
  type Hex,
  type LocalAccount,
} from 'viem';
import type { LiveChain } from '../../src/live/live.js';
import type { SteadyChain } from './steady-chain.js';

const endpointEvents = parseAbi(['event PacketSent(bytes encodedPayload, bytes options, address sendLibrary)']);
const receiveLibraryAbi = parseAbi(['function verify(bytes packetHeader, bytes32 payloadHash, uint64 confirmations)']);
const layerZeroDvnAbi = parseAbi([
  'struct ExecuteParam { uint32 vid; address target; bytes callData; uint256 expiration; bytes signatures; }',
  'function execute(ExecuteParam[] params)',
]);

const CONFIRMATIONS = 1n;
const RECEIVE_GAS = 200_000n;
const NEVER = 2n ** 40n;

/** Destination gas of one checkpoint, by transaction. */
export interface PacketGas {
  readonly attest: bigint;
  readonly verify: bigint;
  readonly commitAndExecute: bigint;
}

/** Who works on the packets of a path. */
export interface PacketWorkers {
  readonly lockstepDvnSigner: LocalAccount;
  readonly layerZeroDvnSigner: LocalAccount;
  readonly layerZeroDvnAdmin: Address;
  readonly submitter: Address;
}

/** Carries checkpoints from a spoke to the hub as the two required DVNs and the executor do, one packet per transaction. */
export class PacketRoute {
  constructor(
    private readonly from: { readonly chain: SteadyChain; readonly live: LiveChain },
    private readonly to: { readonly chain: SteadyChain; readonly live: LiveChain },
    private readonly workers: PacketWorkers,
  ) {}

  /** Flushes the log, verifies the packet by both DVNs, commits and executes it. */
  async carry(): Promise<PacketGas> {
    const encoded = await this.#flush();
    const packet = decodePacket(encoded);
    const { header, payloadHash } = hashPacket(packet);
    const [attest, verify] = [await this.#attest(header, payloadHash), await this.#verify(header, payloadHash)];
    const item = {
      packetHeader: header,
      origin: { srcEid: packet.srcEid, sender: pad(packet.sender), nonce: packet.nonce },
      receiver: packet.receiver,
      guid: packet.guid,
      message: packet.message,
      gasLimit: RECEIVE_GAS,
    };
    const commitAndExecute = await this.#atHub(
      this.workers.submitter,
      this.to.live.contracts.BatchExecutor.address,
      encodeFunctionData({ abi: batchExecutorAbi, functionName: 'commitAndExecute', args: [[item]] }),
    );
    return { attest, verify, commitAndExecute };
  }

  async #flush(): Promise<Hex> {
    const messenger = this.from.live.contracts.Messenger.address;
    const fee = await this.from.chain.client.rpc.readContract({
      address: messenger,
      abi: iMessengerAbi,
      functionName: 'quoteFlush',
      args: [this.to.live.eid],
    });
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'flush', args: [this.to.live.eid, this.workers.submitter] });
    const [receipt] = await this.from.chain.send([{ from: this.workers.submitter, to: messenger, data, value: fee }]);
    const [sent] = parseEventLogs({ abi: endpointEvents, eventName: 'PacketSent', logs: receipt?.logs ?? [] });
    if (!sent) throw new Error('the flush sent no packet');
    return sent.args.encodedPayload;
  }

  async #attest(packetHeader: Hex, payloadHash: Hex): Promise<bigint> {
    const { address } = this.to.live.contracts.LockstepDVN;
    const attestations = [{ packetHeader, payloadHash, confirmations: CONFIRMATIONS }];
    const hash = await this.to.chain.client.rpc.readContract({
      address,
      abi: lockstepDVNAbi,
      functionName: 'digest',
      args: [attestations, NEVER],
    });
    const signature = await signHash(this.workers.lockstepDvnSigner, hash);
    const data = encodeFunctionData({ abi: lockstepDVNAbi, functionName: 'attest', args: [attestations, NEVER, signature] });
    return this.#atHub(this.workers.submitter, address, data);
  }

  async #verify(packetHeader: Hex, payloadHash: Hex): Promise<bigint> {
    const { dvn, dvnVid: vid, receiveUln302: target } = this.to.live.layerzero;
    const callData = encodeFunctionData({
      abi: receiveLibraryAbi,
      functionName: 'verify',
      args: [packetHeader, payloadHash, CONFIRMATIONS],
    });
    const hash = keccak256(encodePacked(['uint32', 'address', 'uint256', 'bytes'], [vid, target, NEVER, callData]));
    const signatures = await this.workers.layerZeroDvnSigner.signMessage({ message: { raw: hash } });
    const param = { vid, target, callData, expiration: NEVER, signatures: concatHex([signatures]) };
    return this.#atHub(
      this.workers.layerZeroDvnAdmin,
      dvn,
      encodeFunctionData({ abi: layerZeroDvnAbi, functionName: 'execute', args: [[param]] }),
    );
  }

  async #atHub(from: Address, to: Address, data: Hex): Promise<bigint> {
    const [receipt] = await this.to.chain.send([{ from, to, data }]);
    if (!receipt) throw new Error('nothing was sent');
    return receipt.gasUsed;
  }
}

async function signHash(signer: LocalAccount, hash: Hex): Promise<Hex> {
  if (!signer.sign) throw new Error(`${signer.address} cannot sign a hash`);
  return signer.sign({ hash });
}
