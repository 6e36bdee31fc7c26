import { concatHex, getAddress, keccak256, numberToHex, padHex, size, sliceHex, type Address, type Hex } from 'viem';
import { eid, type Eid } from '../units.js';

/** A LayerZero V2 packet (PacketV1): header (81 bytes) ‖ guid ‖ message. */
export interface Packet {
  readonly nonce: bigint;
  readonly srcEid: Eid;
  readonly sender: Address;
  readonly dstEid: Eid;
  readonly receiver: Address;
  readonly guid: Hex;
  readonly message: Hex;
}

/** What workers sign and look up: the header and two hashes of a packet. */
export interface PacketHashes {
  readonly header: Hex;
  readonly headerHash: Hex;
  readonly payloadHash: Hex;
}

const HEADER_LENGTH = 81;
const GUID_END = 113;
const PACKET_VERSION = 1;

/** keccak256(nonce ‖ srcEid ‖ sender ‖ dstEid ‖ receiver). It does not cover the message: key work by (guid, payload hash). */
export function packetGuid(p: Omit<Packet, 'guid' | 'message'>): Hex {
  return keccak256(
    concatHex([
      numberToHex(p.nonce, { size: 8 }),
      numberToHex(p.srcEid, { size: 4 }),
      padHex(p.sender, { size: 32 }),
      numberToHex(p.dstEid, { size: 4 }),
      padHex(p.receiver, { size: 32 }),
    ]),
  );
}

export function encodePacket(p: Packet): Hex {
  return concatHex([packetHeader(p), p.guid, p.message]);
}

function packetHeader(p: Packet): Hex {
  return concatHex([
    numberToHex(PACKET_VERSION, { size: 1 }),
    numberToHex(p.nonce, { size: 8 }),
    numberToHex(p.srcEid, { size: 4 }),
    padHex(p.sender, { size: 32 }),
    numberToHex(p.dstEid, { size: 4 }),
    padHex(p.receiver, { size: 32 }),
  ]);
}

/** @throws RangeError if the bytes are no PacketV1 between EVM addresses */
export function decodePacket(encoded: Hex): Packet {
  if (size(encoded) < GUID_END) throw new RangeError(`packet has ${size(encoded)} bytes; expected at least ${GUID_END}`);
  const version = Number(sliceHex(encoded, 0, 1));
  if (version !== PACKET_VERSION) throw new RangeError(`packet version is ${version}; expected ${PACKET_VERSION}`);
  return {
    nonce: BigInt(sliceHex(encoded, 1, 9)),
    srcEid: eid(Number(sliceHex(encoded, 9, 13))),
    sender: addressOf(sliceHex(encoded, 13, 45)),
    dstEid: eid(Number(sliceHex(encoded, 45, 49))),
    receiver: addressOf(sliceHex(encoded, 49, 81)),
    guid: sliceHex(encoded, 81, GUID_END),
    message: size(encoded) === GUID_END ? '0x' : sliceHex(encoded, GUID_END),
  };
}

export function hashPacket(p: Packet): PacketHashes {
  const header = packetHeader(p);
  if (size(header) !== HEADER_LENGTH) throw new RangeError(`packet header has ${size(header)} bytes; expected ${HEADER_LENGTH}`);
  return { header, headerHash: keccak256(header), payloadHash: keccak256(concatHex([p.guid, p.message])) };
}

function addressOf(word: Hex): Address {
  if (!/^0x0{24}/.test(word)) throw new RangeError(`party ${word} is no EVM address`);
  return getAddress(sliceHex(word, 12, 32));
}
