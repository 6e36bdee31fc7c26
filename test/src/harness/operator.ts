import { accessManagerAbi, bytecode, iBatchExecutorAbi, iMessengerAbi, lockstepDVNAbi, testTokenAbi } from '@lockstep/contracts';
import { decodePacket, deliveryStream, hashPacket, leafOf, type Packet } from '@lockstep/shared';
import { encodeFunctionData, encodePacked, keccak256, padHex, parseAbi, type Address, type Hex, type TransactionReceipt } from 'viem';
import { roles, type KeyedAccount } from './accounts.js';
import type { Flow } from './flow.js';
import { revertReason } from './revert.js';
import type { Stack, StackChain } from './stack.js';

const endpointAbi = parseAbi(['event PacketSent(bytes encodedPayload, bytes options, address sendLibrary)']);
const receiveUlnAbi = parseAbi([
  'function verify(bytes packetHeader, bytes32 payloadHash, uint64 confirmations)',
  'function commitVerification(bytes packetHeader, bytes32 payloadHash)',
]);
const layerzeroDvnAbi = parseAbi([
  'struct ExecuteParam { uint32 vid; address target; bytes callData; uint256 expiration; bytes signatures; }',
  'function execute(ExecuteParam[] params)',
  'function vid() view returns (uint32)',
]);

/** How far the verifiers waited; at least what the paths require. */
const CONFIRMATIONS = 64n;
const FOREVER = 2n ** 40n;
const RECEIVE_GAS = 400_000n;
const CALL_GAS = 12_000_000n;

/** A call to make. */
export interface Call {
  readonly to: Hex;
  readonly data: Hex;
  readonly value?: bigint;
}

/**
 * Does by hand, one step at a time and in any order, what the relayer does: flush, verify, commit and execute, deliver, split.
 * Everything but the two verifiers' signatures is open to any stranger, and is done with a stranger's key here.
 */
export class Operator {
  constructor(
    private readonly stack: Stack,
    private readonly flow: Flow,
    private readonly key: KeyedAccount = roles.stranger,
  ) {}

  /** Sends a checkpoint for everything appended towards the hub. */
  async flush(chain: StackChain): Promise<TransactionReceipt> {
    const { hub } = this.stack;
    const fee = await chain.client.readContract({
      address: chain.messenger,
      abi: iMessengerAbi,
      functionName: 'quoteFlush',
      args: [hub.eid],
    });
    const args = [hub.eid, this.key.account.address] as const;
    return this.send(chain, {
      to: chain.messenger,
      data: encodeFunctionData({ abi: iMessengerAbi, functionName: 'flush', args }),
      value: fee,
    });
  }

  /** Repeats the current head. */
  async resend(chain: StackChain): Promise<TransactionReceipt> {
    const { hub } = this.stack;
    const fee = await chain.client.readContract({
      address: chain.messenger,
      abi: iMessengerAbi,
      functionName: 'quoteFlush',
      args: [hub.eid],
    });
    const args = [hub.eid, this.key.account.address] as const;
    return this.send(chain, {
      to: chain.messenger,
      data: encodeFunctionData({ abi: iMessengerAbi, functionName: 'resend', args }),
      value: fee,
    });
  }

  /** Every packet `chain` sent to the hub, by nonce. */
  async packets(chain: StackChain): Promise<Packet[]> {
    const events = await chain.client.getContractEvents({
      address: chain.endpoint,
      abi: endpointAbi,
      eventName: 'PacketSent',
      fromBlock: chain.deployedAt,
      strict: true,
    });
    return events
      .map(({ args }) => decodePacket(args.encodedPayload))
      .filter((p) => p.dstEid === this.stack.hub.eid)
      .sort((a, b) => Number(a.nonce - b.nonce));
  }

  /** Both required verifiers attest the packet on the hub. */
  async verify(packet: Packet): Promise<void> {
    const { hub } = this.stack;
    const { header, payloadHash } = hashPacket(packet);
    const attestations = [{ packetHeader: header, payloadHash, confirmations: CONFIRMATIONS }];
    const dvn = { address: hub.lockstepDvn, abi: lockstepDVNAbi } as const;
    const digest = await hub.client.readContract({ ...dvn, functionName: 'digest', args: [attestations, FOREVER] });
    const signature = await roles.lockstepDvnSigner.account.sign({ hash: digest });
    await this.send(hub, {
      to: hub.lockstepDvn,
      data: encodeFunctionData({ abi: lockstepDVNAbi, functionName: 'attest', args: [attestations, FOREVER, signature] }),
    });

    const callData = encodeFunctionData({ abi: receiveUlnAbi, functionName: 'verify', args: [header, payloadHash, CONFIRMATIONS] });
    const vid = await hub.client.readContract({ address: hub.layerzeroDvn, abi: layerzeroDvnAbi, functionName: 'vid' });
    const hash = keccak256(encodePacked(['uint32', 'address', 'uint256', 'bytes'], [vid, hub.receiveUln, FOREVER, callData]));
    const signatures = await roles.layerzeroDvnSigner.account.signMessage({ message: { raw: hash } });
    const param = { vid, target: hub.receiveUln, callData, expiration: FOREVER, signatures };
    const data = encodeFunctionData({ abi: layerzeroDvnAbi, functionName: 'execute', args: [[param]] });
    await this.send(hub, { to: hub.layerzeroDvn, data }, roles.layerzeroDvnAdmin);
  }

  /** Commits a verified packet without executing it. */
  async commit(packet: Packet): Promise<void> {
    const { header, payloadHash } = hashPacket(packet);
    const data = encodeFunctionData({ abi: receiveUlnAbi, functionName: 'commitVerification', args: [header, payloadHash] });
    await this.send(this.stack.hub, { to: this.stack.hub.receiveUln, data });
  }

  /** Commits and executes packets in the order given, in one transaction. */
  async execute(packets: readonly Packet[]): Promise<TransactionReceipt> {
    const items = packets.map((p) => ({
      packetHeader: hashPacket(p).header,
      origin: { srcEid: p.srcEid, sender: padHex(p.sender, { size: 32 }), nonce: p.nonce },
      receiver: p.receiver,
      guid: p.guid,
      message: p.message,
      gasLimit: RECEIVE_GAS,
    }));
    const data = encodeFunctionData({ abi: iBatchExecutorAbi, functionName: 'commitAndExecute', args: [items] });
    return this.send(this.stack.hub, { to: this.stack.hub.batchExecutor, data });
  }

  /** Hands the hub the entries after the consumed one, up to `last`. */
  async deliver(chain: StackChain, last: bigint): Promise<TransactionReceipt> {
    const { consumed } = await this.flow.position(chain);
    const stream = deliveryStream(await this.flow.entries(chain, consumed + 1n, last));
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'deliver', args: [chain.eid, stream] });
    return this.send(this.stack.hub, { to: this.stack.hub.messenger, data });
  }

  /** Proves the head at `to` from the verified one at `from`. */
  async split(chain: StackChain, from: bigint, to: bigint): Promise<TransactionReceipt> {
    const entries = await this.flow.entries(chain, to + 1n, from);
    const args = [chain.eid, from, to, await this.flow.head(chain, to), entries.map(leafOf)] as const;
    return this.send(this.stack.hub, {
      to: this.stack.hub.messenger,
      data: encodeFunctionData({ abi: iMessengerAbi, functionName: 'split', args }),
    });
  }

  /** Skips a nonce that will never be verified. */
  async skipStalled(chain: StackChain, nonce: bigint, committedNonce: bigint): Promise<TransactionReceipt> {
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'skipStalled', args: [chain.eid, nonce, committedNonce] });
    return this.send(this.stack.hub, { to: this.stack.hub.messenger, data });
  }

  /** A new test token, which no vault lists yet. */
  async deployToken(chain: StackChain, name: string, symbol: string, decimals: number): Promise<Address> {
    const hash = await chain.client.deployContract({
      account: this.key.account,
      abi: testTokenAbi,
      bytecode: bytecode.TestToken.creation,
      args: [name, symbol, decimals],
    });
    const { contractAddress } = await chain.client.waitForTransactionReceipt({ hash, timeout: 60_000 });
    if (!contractAddress) throw new Error(`the token ${symbol} was not deployed on ${chain.name}`);
    return contractAddress;
  }

  /** A call with this operator's key, or another. @throws with the reason if it reverts */
  async send(chain: StackChain, call: Call, key: KeyedAccount = this.key): Promise<TransactionReceipt> {
    const hash = await chain.client.sendTransaction({
      account: key.account,
      to: call.to,
      data: call.data,
      value: call.value ?? 0n,
      gas: CALL_GAS,
    });
    const receipt = await chain.client.waitForTransactionReceipt({ hash, timeout: 60_000 });
    if (receipt.status !== 'success') throw new Error(`${hash} on ${chain.name} reverted: ${await revertReason(chain, hash)}`);
    return receipt;
  }

  /** A governed call through the chain's AccessManager. */
  async govern(chain: StackChain, target: Address, data: Hex): Promise<TransactionReceipt> {
    const call = encodeFunctionData({ abi: accessManagerAbi, functionName: 'execute', args: [target, data] });
    return this.send(chain, { to: chain.accessManager, data: call }, roles.deployer);
  }
}
