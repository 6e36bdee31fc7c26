import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  blockNumber,
  decodeCheckpoint,
  decodePacket,
  hashPacket,
  type BlockNumber,
  type Checkpoint,
  type Eid,
  type Packet,
  type PacketHashes,
} from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource, type EntityManager } from 'typeorm';

/** A packet that still needs work. */
export interface OpenPacket {
  readonly packet: Packet;
  readonly hashes: PacketHashes;
  readonly checkpoint: Checkpoint;
  readonly receiveGas: bigint;
  readonly block: BlockNumber;
  readonly blockHash: Hex;
  readonly encoded: Hex;
  /** final on its source chain, as indexed */
  readonly final: boolean;
  readonly workState: string;
  readonly ageSeconds: number;
  readonly executeKey: string | null;
}

interface PacketRow {
  readonly encoded: Hex;
  readonly receive_gas: string;
  readonly block_number: string;
  readonly block_hash: Hex;
  readonly state: 'pending' | 'final';
  readonly work_state: string;
  readonly age_seconds: string;
  readonly execute_key: string | null;
}

/** Most packets of one destination looked at in one beat; the rest wait their turn. */
const LIMIT = 200;

@Injectable()
export class PacketRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Packets towards a chain that are not done, by path and nonce. */
  async open(dstEid: Eid): Promise<OpenPacket[]> {
    const rows = await this.dataSource.query<PacketRow[]>(
      `select encoded, receive_gas, block_number, block_hash, state, work_state, execute_key, extract(epoch from now() - recorded_at) as age_seconds
       from packets where dst_eid = $1 and not done and state <> 'orphaned' order by src_eid, nonce limit ${LIMIT}`,
      [dstEid],
    );
    return rows.map((row) => {
      const packet = decodePacket(row.encoded);
      return {
        packet,
        hashes: hashPacket(packet),
        checkpoint: decodeCheckpoint(packet.message),
        receiveGas: BigInt(row.receive_gas),
        block: blockNumber(BigInt(row.block_number)),
        blockHash: row.block_hash,
        encoded: row.encoded,
        final: row.state === 'final',
        workState: row.work_state,
        ageSeconds: Number(row.age_seconds),
        executeKey: row.execute_key,
      };
    });
  }

  async recordState({ packet, hashes }: OpenPacket, workState: string, detail: string | null, done: boolean): Promise<void> {
    await this.dataSource.query(
      `update packets set work_state = $3, work_detail = $4, done = $5, checked_at = now() where guid = $1 and payload_hash = $2`,
      [packet.guid, hashes.payloadHash, workState, detail, done],
    );
  }

  async recordExecution(tx: EntityManager, packets: readonly OpenPacket[], executeKey: string): Promise<void> {
    await tx.query(`update packets set execute_key = $1 where (guid, payload_hash) in (select * from unnest($2::text[], $3::text[]))`, [
      executeKey,
      packets.map((p) => p.packet.guid),
      packets.map((p) => p.hashes.payloadHash),
    ]);
  }
}
