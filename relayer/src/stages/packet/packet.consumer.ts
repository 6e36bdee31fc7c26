import { Inject, Injectable } from '@nestjs/common';
import { decodeCheckpoint, decodePacket, hashPacket, lzReceiveGas, type Packet } from '@lockstep/shared';
import { decodeEventLog, isAddressEqual } from 'viem';
import type { EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from '../../chain/block.js';
import type { ChainConsumer } from '../../chain/chain-consumer.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { finalizeFacts, insertFacts, orphanFacts, placeOf, signedTopics, topicsOf, type FactRow, type FactTable } from '../facts.js';
import { Paths } from '../paths.js';
import { endpointAbi } from './layerzero-abi.js';

const PACKETS: FactTable = {
  table: 'packets',
  eidColumn: 'src_eid',
  kind: 'packet',
  subject: `jsonb_build_object('srcEid', src_eid, 'dstEid', dst_eid, 'nonce', nonce::text, 'guid', guid, 'payloadHash', payload_hash, 'sequence', sequence::text)`,
  // The guid does not cover the message: after a reorg another payload may travel under the same guid.
  identity: 'guid, payload_hash',
};

/** Records the packets our messengers sent. */
@Injectable()
export class PacketConsumer implements ChainConsumer {
  readonly name = 'packet';

  constructor(
    private readonly paths: Paths,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  filters(chain: ChainContext): LogFilter {
    return { addresses: [chain.layerzero('endpoint')], topics: topicsOf(endpointAbi, ['PacketSent']) };
  }

  async onBlock(tx: EntityManager, chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void> {
    const rows: FactRow[] = [];
    for (const log of logs) {
      const { args } = decodeEventLog({ abi: endpointAbi, eventName: 'PacketSent', data: log.data, topics: signedTopics(log) });
      const packet = this.#ownPacket(() => decodePacket(args.encodedPayload));
      if (packet === null) continue;
      const checkpoint = decodeCheckpoint(packet.message);
      rows.push({
        guid: packet.guid,
        payload_hash: hashPacket(packet).payloadHash,
        src_eid: packet.srcEid,
        dst_eid: packet.dstEid,
        nonce: packet.nonce,
        encoded: args.encodedPayload,
        receive_gas: lzReceiveGas(args.options),
        sequence: checkpoint.sequence,
        head: checkpoint.head,
        ack_sequence: checkpoint.ackSequence,
        ack_head: checkpoint.ackHead,
        work_state: 'seen',
        done: false,
        ...placeOf(block, log),
      });
    }
    await insertFacts(tx, PACKETS, rows);
  }

  async onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    await orphanFacts(tx, PACKETS, chain.eid, firstRemoved);
  }

  async onFinal(tx: EntityManager, chain: ChainContext, upTo: BlockRef): Promise<void> {
    await finalizeFacts(tx, PACKETS, chain, upTo, BigInt(Math.floor(this.clock.now() / 1000)));
  }

  /** A packet of one of our routes; null for those of other applications, whatever bytes they hold. */
  #ownPacket(decode: () => Packet): Packet | null {
    let packet: Packet;
    try {
      packet = decode();
    } catch (cause) {
      if (cause instanceof RangeError) return null;
      throw cause;
    }
    const route = this.paths.find(packet.srcEid, packet.dstEid);
    if (route === undefined) return null;
    const ours = isAddressEqual(packet.sender, route.path.srcMessenger) && isAddressEqual(packet.receiver, route.path.dstMessenger);
    return ours ? packet : null;
  }
}
