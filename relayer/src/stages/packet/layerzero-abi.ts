import { parseAbi } from 'viem';

/** The parts of LayerZero V2 that a worker talks to. */
export const endpointAbi = parseAbi([
  'event PacketSent(bytes encodedPayload, bytes options, address sendLibrary)',
  'function inboundPayloadHash(address receiver, uint32 srcEid, bytes32 sender, uint64 nonce) view returns (bytes32)',
  'function lazyInboundNonce(address receiver, uint32 srcEid, bytes32 sender) view returns (uint64)',
  'function inboundNonce(address receiver, uint32 srcEid, bytes32 sender) view returns (uint64)',
]);

export const receiveUlnAbi = parseAbi([
  'struct UlnConfig { uint64 confirmations; uint8 requiredDVNCount; uint8 optionalDVNCount; uint8 optionalDVNThreshold; address[] requiredDVNs; address[] optionalDVNs; }',
  'function getUlnConfig(address oapp, uint32 remoteEid) view returns (UlnConfig)',
  'function hashLookup(bytes32 headerHash, bytes32 payloadHash, address dvn) view returns (bool submitted, uint64 confirmations)',
  'function verify(bytes packetHeader, bytes32 payloadHash, uint64 confirmations)',
]);

export const receiveUlnViewAbi = parseAbi(['function verifiable(bytes packetHeader, bytes32 payloadHash) view returns (uint8)']);

export const layerzeroDvnAbi = parseAbi([
  'struct ExecuteParam { uint32 vid; address target; bytes callData; uint256 expiration; bytes signatures; }',
  'function vid() view returns (uint32)',
  'function quorum() view returns (uint64)',
  'function execute(ExecuteParam[] params)',
]);
