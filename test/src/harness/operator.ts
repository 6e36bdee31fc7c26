import {
  accessManagerAbi,
  bytecode,
  iBatchExecutorAbi,
  iGatewayAbi,
  iMessengerAbi,
  lockstepDVNAbi,
  testTokenAbi,
} from '@lockstep/contracts';
import { decodePacket, deliveryStream, hashPacket, leafOf, type Packet } from '@lockstep/shared';
import {
  encodeFunctionData,
  encodePacked,
  keccak256,
  padHex,
  parseAbi,
  parseEventLogs,
  type Address,
  type Hex,
  type TransactionReceipt,
} from 'viem';
import { roles, type KeyedAccount } from './accounts.js';
import type { Flow } from './flow.js';
import { requireSuccess } from './revert.js';
import type { Deposit } from './user.js';
import { chainOfEid, type Stack, type StackChain } from './stack.js';

const endpointAbi = parseAbi([
  'event PacketSent(bytes encodedPayload, bytes options, address sendLibrary)',
  'function lazyInboundNonce(address receiver, uint32 srcEid, bytes32 sender) view returns (uint64)',
]);
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

  /** Sends a checkpoint for everything appended on the path. */
  async flush(from: StackChain, to: StackChain = this.stack.hub): Promise<TransactionReceipt> {
    return this.#checkpoint('flush', from, to);
  }

  /** Repeats the current head. */
  async resend(from: StackChain, to: StackChain = this.stack.hub): Promise<TransactionReceipt> {
    return this.#checkpoint('resend', from, to);
  }

  async #checkpoint(functionName: 'flush' | 'resend', from: StackChain, to: StackChain): Promise<TransactionReceipt> {
    const messenger = { address: from.messenger, abi: iMessengerAbi } as const;
    const value = await from.client.readContract({ ...messenger, functionName: 'quoteFlush', args: [to.eid] });
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName, args: [to.eid, this.key.account.address] });
    return this.send(from, { to: from.messenger, data, value });
  }

  /** Every packet of the path, by nonce. */
  async packets(from: StackChain, to: StackChain = this.stack.hub): Promise<Packet[]> {
    const events = await from.client.getContractEvents({
      address: from.endpoint,
      abi: endpointAbi,
      eventName: 'PacketSent',
      fromBlock: from.deployedAt,
      strict: true,
    });
    return events
      .map(({ args }) => decodePacket(args.encodedPayload))
      .filter((p) => p.dstEid === to.eid)
      .sort((a, b) => Number(a.nonce - b.nonce));
  }

  /** Does everything between an appended entry and its effect: flush, verify, execute, deliver. Nothing to do is no error. */
  async carry(from: StackChain, to: StackChain = this.stack.hub): Promise<void> {
    const { appended, flushed } = await this.flow.position(from, to);
    if (flushed < appended) await this.flush(from, to);
    if (from.eid !== to.eid && (await this.flow.position(from, to)).verified < appended) {
      // A later checkpoint covers what earlier ones said; but a commit waits for the nonces before it.
      const missing = (await this.#unexecuted(from, to)).filter((p) => p.sender.toLowerCase() === from.messenger.toLowerCase());
      for (const packet of missing) await this.verify(packet);
      if (missing.length > 0) await this.execute(missing);
    }
    const { consumed, verified } = await this.flow.position(from, to);
    if (consumed < verified) await this.deliver(from, verified, to);
  }

  async #unexecuted(from: StackChain, to: StackChain): Promise<Packet[]> {
    const executed = await to.client.readContract({
      address: to.endpoint,
      abi: endpointAbi,
      functionName: 'lazyInboundNonce',
      args: [to.messenger, from.eid, padHex(from.messenger, { size: 32 })],
    });
    return (await this.packets(from, to)).filter((p) => p.nonce > executed);
  }

  /** Both required verifiers attest the packet on its destination. */
  async verify(packet: Packet): Promise<void> {
    const chain = chainOfEid(this.stack, packet.dstEid);
    const { header, payloadHash } = hashPacket(packet);
    const attestations = [{ packetHeader: header, payloadHash, confirmations: CONFIRMATIONS }];
    const dvn = { address: chain.lockstepDvn, abi: lockstepDVNAbi } as const;
    const digest = await chain.client.readContract({ ...dvn, functionName: 'digest', args: [attestations, FOREVER] });
    const signature = await roles.lockstepDvnSigner.account.sign({ hash: digest });
    await this.send(chain, {
      to: chain.lockstepDvn,
      data: encodeFunctionData({ abi: lockstepDVNAbi, functionName: 'attest', args: [attestations, FOREVER, signature] }),
    });

    const callData = encodeFunctionData({ abi: receiveUlnAbi, functionName: 'verify', args: [header, payloadHash, CONFIRMATIONS] });
    const vid = await chain.client.readContract({ address: chain.layerzeroDvn, abi: layerzeroDvnAbi, functionName: 'vid' });
    const hash = keccak256(encodePacked(['uint32', 'address', 'uint256', 'bytes'], [vid, chain.receiveUln, FOREVER, callData]));
    const signatures = await roles.layerzeroDvnSigner.account.signMessage({ message: { raw: hash } });
    const param = { vid, target: chain.receiveUln, callData, expiration: FOREVER, signatures };
    const data = encodeFunctionData({ abi: layerzeroDvnAbi, functionName: 'execute', args: [[param]] });
    await this.send(chain, { to: chain.layerzeroDvn, data }, roles.layerzeroDvnAdmin);
  }

  /** Commits a verified packet without executing it. */
  async commit(packet: Packet): Promise<void> {
    const chain = chainOfEid(this.stack, packet.dstEid);
    const { header, payloadHash } = hashPacket(packet);
    const data = encodeFunctionData({ abi: receiveUlnAbi, functionName: 'commitVerification', args: [header, payloadHash] });
    await this.send(chain, { to: chain.receiveUln, data });
  }

  /** Commits and executes packets of one destination in the order given, in one transaction. @throws if there are none */
  async execute(packets: readonly Packet[]): Promise<TransactionReceipt> {
    const [first] = packets;
    if (!first) throw new Error('no packets to execute; expected at least one');
    const chain = chainOfEid(this.stack, first.dstEid);
    const items = packets.map((p) => ({
      packetHeader: hashPacket(p).header,
      origin: { srcEid: p.srcEid, sender: padHex(p.sender, { size: 32 }), nonce: p.nonce },
      receiver: p.receiver,
      guid: p.guid,
      message: p.message,
      gasLimit: RECEIVE_GAS,
    }));
    const data = encodeFunctionData({ abi: iBatchExecutorAbi, functionName: 'commitAndExecute', args: [items] });
    return this.send(chain, { to: chain.batchExecutor, data });
  }

  /** Hands a chain the entries after the consumed one, up to `last`. */
  async deliver(from: StackChain, last: bigint, to: StackChain = this.stack.hub): Promise<TransactionReceipt> {
    const { consumed } = await this.flow.position(from, to);
    const stream = deliveryStream(await this.flow.entries(from, consumed + 1n, last, to));
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'deliver', args: [from.eid, stream] });
    return this.send(to, { to: to.messenger, data });
  }

  /** Proves the head at `earlier` from the verified one at `verified`. */
  async split(from: StackChain, verified: bigint, earlier: bigint, to: StackChain = this.stack.hub): Promise<TransactionReceipt> {
    const entries = await this.flow.entries(from, earlier + 1n, verified, to);
    const args = [from.eid, verified, earlier, await this.flow.head(from, earlier, to), entries.map(leafOf)] as const;
    return this.send(to, { to: to.messenger, data: encodeFunctionData({ abi: iMessengerAbi, functionName: 'split', args }) });
  }

  /** Skips a nonce that will never be verified. */
  async skipStalled(chain: StackChain, nonce: bigint, committedNonce: bigint): Promise<TransactionReceipt> {
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'skipStalled', args: [chain.eid, nonce, committedNonce] });
    return this.send(this.stack.hub, { to: this.stack.hub.messenger, data });
  }

  /** Sends a parked deposit home. @returns the claim that pays it */
  async returnDeposit({ chain, sequence, entry }: Deposit): Promise<bigint> {
    const { hub } = this.stack;
    const data = encodeFunctionData({ abi: iGatewayAbi, functionName: 'returnDeposit', args: [chain.eid, sequence, entry] });
    const { logs } = await this.send(hub, { to: hub.gateway, data });
    const [returned] = parseEventLogs({ abi: iGatewayAbi, eventName: 'DepositReturned', logs });
    if (!returned) throw new Error(`deposit ${sequence} of ${chain.name} was not returned; expected DepositReturned`);
    return returned.args.claim;
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
    await requireSuccess(chain, receipt);
    return receipt;
  }

  /** A governed call through the chain's AccessManager. */
  async govern(chain: StackChain, target: Address, data: Hex): Promise<TransactionReceipt> {
    const call = encodeFunctionData({ abi: accessManagerAbi, functionName: 'execute', args: [target, data] });
    return this.send(chain, { to: chain.accessManager, data: call }, roles.deployer);
  }
}
