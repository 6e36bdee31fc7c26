import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { batchExecutorAbi, collateralVaultAbi, ledgerAbi, lockstepDVNAbi, messengerAbi, testTokenAbi } from '@lockstep/contracts';
import { decodePacket, deliveryStream, encodeAccount, hashPacket, type Packet, type PacketHashes } from '@lockstep/shared';
import { concatHex, encodeFunctionData, encodePacked, keccak256, padHex, parseAbi, parseEventLogs, type Hex } from 'viem';
import { liveChainOf, sendAll, type ChainClient, type LiveChain, type LocalNetwork } from '../src/index.js';
import { devAccount } from './anvil.js';
import { KEYS, TestChains } from './local-network.js';

const endpointEvents = parseAbi(['event PacketSent(bytes encodedPayload, bytes options, address sendLibrary)']);
const dvnAbi = parseAbi([
  'struct ExecuteParam { uint32 vid; address target; bytes callData; uint256 expiration; bytes signatures; }',
  'function execute(ExecuteParam[] params)',
]);
const receiveUlnAbi = parseAbi(['function verify(bytes packetHeader, bytes32 payloadHash, uint64 confirmations)']);
const EXECUTED = 0;
const ALREADY_EXECUTED = 1;
const RECEIVE_GAS = 200_000n;
const CONFIRMATIONS = 1n;
const AMOUNT = 5_000_000n;
const user = devAccount(3);
const account = encodeAccount({ owner: user.address, home: 0, subaccount: 0n });

describe('a packet over the real LayerZero contracts', () => {
  let chains: TestChains;
  let network: LocalNetwork;
  let executed: ReturnType<typeof itemOf>;

  beforeAll(async () => {
    chains = await TestChains.start(2);
    network = await chains.deploy();
  });
  afterAll(() => chains.stop());

  describe('given a deposit that was flushed on a spoke', () => {
    it('when both DVNs attest and the executor runs, the hub credits the account', async () => {
      const [hub, spoke] = [liveChainOf(network.live, 'hub'), liveChainOf(network.live, 'spoke-a')];
      const [onHub, onSpoke] = [clientOf('hub'), clientOf('spoke-a')];

      const entry = await deposit(onSpoke, spoke);
      const packet = await flush(onSpoke, spoke, hub);
      const hashes = hashPacket(packet);
      await attestAsLockstep(onHub, hub, hashes);
      await attestAsLayerZero(onHub, hub, hashes);

      executed = itemOf(packet, hashes);
      const { result } = await onHub.rpc.simulateContract({ ...executionOf(hub), args: [[executed]], account: user.address });
      expect(result).toEqual([EXECUTED]);
      await send(onHub, hub.contracts.BatchExecutor.address, encodeFunctionData({ ...executionOf(hub), args: [[executed]] }));

      const deliver = encodeFunctionData({ abi: messengerAbi, functionName: 'deliver', args: [spoke.eid, deliveryStream([entry])] });
      await send(onHub, hub.contracts.Messenger.address, deliver);
      const cash = await onHub.rpc.readContract({
        address: network.live.hub.contracts.Ledger.address,
        abi: ledgerAbi,
        functionName: 'cashOf',
        args: [account],
      });
      expect(cash).toBe(AMOUNT * 10n ** 12n);
    });

    it('when the executor is given it again, it is skipped and the inbox stands', async () => {
      const [hub, spoke] = [liveChainOf(network.live, 'hub'), liveChainOf(network.live, 'spoke-a')];
      const { rpc } = clientOf('hub');
      const { result } = await rpc.simulateContract({ ...executionOf(hub), args: [[executed]], account: user.address });
      expect(result).toEqual([ALREADY_EXECUTED]);
      const messenger = { address: hub.contracts.Messenger.address, abi: messengerAbi } as const;
      const inbox = await rpc.readContract({ ...messenger, functionName: 'inbox', args: [spoke.eid] });
      expect(inbox).toMatchObject({ consumed: 1n, verified: 1n, quarantined: false });
    });
  });

  function clientOf(chain: string): ChainClient {
    const found = network.clients.find((client) => client.chain === chain);
    if (found === undefined) throw new Error(`no client ${chain}`);
    return found;
  }
});

function executionOf(hub: LiveChain) {
  return { address: hub.contracts.BatchExecutor.address, abi: batchExecutorAbi, functionName: 'commitAndExecute' } as const;
}

function itemOf(packet: Packet, { header }: PacketHashes) {
  return {
    packetHeader: header,
    origin: { srcEid: packet.srcEid, sender: padHex(packet.sender, { size: 32 }), nonce: packet.nonce },
    receiver: packet.receiver,
    guid: packet.guid,
    message: packet.message,
    gasLimit: RECEIVE_GAS,
  };
}

async function send(client: ChainClient, to: Hex, data: Hex, value = 0n) {
  const [receipt] = await sendAll(client, user, [{ label: 'test call', to, data, value }]);
  if (receipt === undefined) throw new Error('no receipt');
  return receipt;
}

async function deposit(client: ChainClient, spoke: LiveChain): Promise<Hex> {
  const usdc = spoke.assets.find((asset) => asset.symbol === 'USDC');
  if (usdc === undefined) throw new Error('no USDC');
  const vault = spoke.contracts.CollateralVault.address;
  await send(client, usdc.token, encodeFunctionData({ abi: testTokenAbi, functionName: 'mint', args: [user.address, AMOUNT] }));
  await send(client, usdc.token, encodeFunctionData({ abi: testTokenAbi, functionName: 'approve', args: [vault, AMOUNT] }));
  const params = { account, asset: usdc.index, amount: AMOUNT, refund: user.address, express: false };
  const receipt = await send(client, vault, encodeFunctionData({ abi: collateralVaultAbi, functionName: 'deposit', args: [params] }));
  const [appended] = parseEventLogs({ abi: messengerAbi, eventName: 'EntryAppended', logs: receipt.logs });
  if (appended === undefined) throw new Error('no EntryAppended');
  return appended.args.entry;
}

async function flush(client: ChainClient, spoke: LiveChain, hub: LiveChain): Promise<Packet> {
  const messenger = { address: spoke.contracts.Messenger.address, abi: messengerAbi } as const;
  const fee = await client.rpc.readContract({ ...messenger, functionName: 'quoteFlush', args: [hub.eid] });
  expect(fee).toBeGreaterThan(0n);
  const data = encodeFunctionData({ abi: messengerAbi, functionName: 'flush', args: [hub.eid, user.address] });
  const receipt = await send(client, messenger.address, data, fee);
  const [sent] = parseEventLogs({ abi: endpointEvents, eventName: 'PacketSent', logs: receipt.logs });
  if (sent === undefined) throw new Error('no PacketSent');
  return decodePacket(sent.args.encodedPayload);
}

async function attestAsLockstep(client: ChainClient, hub: LiveChain, { header, payloadHash }: PacketHashes): Promise<void> {
  const dvn = hub.contracts.LockstepDVN.address;
  const attestations = [{ packetHeader: header, payloadHash, confirmations: CONFIRMATIONS }];
  const expiration = (await client.rpc.getBlock()).timestamp + 600n;
  const signers = [devAccount(5), devAccount(6)].sort((a, b) => (a.address.toLowerCase() < b.address.toLowerCase() ? -1 : 1));
  const signatures = await Promise.all(
    signers.map((signer) =>
      signer.signTypedData({
        domain: { name: 'LockstepDVN', version: '1', chainId: hub.chainId, verifyingContract: dvn },
        types: {
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
        },
        primaryType: 'Attest',
        message: { receiveLib: hub.layerzero.receiveUln302, attestations, expiration },
      }),
    ),
  );
  const args = [attestations, expiration, concatHex(signatures)] as const;
  await send(client, dvn, encodeFunctionData({ abi: lockstepDVNAbi, functionName: 'attest', args }));
}

async function attestAsLayerZero(client: ChainClient, hub: LiveChain, { header, payloadHash }: PacketHashes): Promise<void> {
  const { dvn, dvnVid: vid, receiveUln302: target } = hub.layerzero;
  const callData = encodeFunctionData({ abi: receiveUlnAbi, functionName: 'verify', args: [header, payloadHash, CONFIRMATIONS] });
  const expiration = (await client.rpc.getBlock()).timestamp + 600n;
  const hash = keccak256(encodePacked(['uint32', 'address', 'uint256', 'bytes'], [vid, target, expiration, callData]));
  const signatures = await devAccount(8).signMessage({ message: { raw: hash } });
  const data = encodeFunctionData({ abi: dvnAbi, functionName: 'execute', args: [[{ vid, target, callData, expiration, signatures }]] });
  expect(KEYS.layerzeroDvnAdmin).toBe(devAccount(7).address);
  await sendAll(client, devAccount(7), [{ label: 'DVN.execute', to: dvn, data }]);
}
