import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { sequence, type Eid, type SignedHead } from '@lockstep/shared';
import type { Address, Hex } from 'viem';
import { DataSource, type EntityManager } from 'typeorm';
import { Intents } from '../intents.js';
import type { ObservedPacket } from './packet.observer.js';

/** Memory of a verifier: the head it signed last per path, and through which transactions. */
@Injectable()
export class SignedHeads {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly intents: Intents,
  ) {}

  /**
   * Head signed last for a path. A governed rebase at the destination that came after it replaces it: governance has said, on chain and
   * in public, which branch goes on.
   */
  async last(dvn: Address, srcEid: Eid, dstEid: Eid): Promise<SignedHead | null> {
    const [row] = await this.dataSource.query<{ sequence: string; head: Hex }[]>(
      `select sequence, head from (
         select sequence, head, signed_at as at from signed_heads where dvn = $1 and src_eid = $2 and dst_eid = $3
         union all
         (select sequence, head, recorded_at as at from path_events
          where eid = $3 and peer_eid = $2 and kind = 'rebased' and state = 'final' order by id desc limit 1)
       ) known order by at desc limit 1`,
      [dvn.toLowerCase(), srcEid, dstEid],
    );
    return row === undefined ? null : { sequence: sequence(BigInt(row.sequence)), head: row.head };
  }

  /** Those packets for which no attestation of this verifier is on its way. */
  async withoutOpenAttestation(dvn: Address, items: readonly ObservedPacket[]): Promise<ObservedPacket[]> {
    const open = new Map<string, boolean>();
    const free: ObservedPacket[] = [];
    for (const item of items) {
      const [row] = await this.dataSource.query<{ intent_key: string }[]>(
        'select intent_key from attestations where dvn = $1 and guid = $2 and payload_hash = $3',
        [dvn.toLowerCase(), item.open.packet.guid, item.open.hashes.payloadHash],
      );
      if (row !== undefined && !open.has(row.intent_key))
        open.set(row.intent_key, await this.intents.isOpen(this.dataSource.manager, row.intent_key));
      if (row === undefined || open.get(row.intent_key) !== true) free.push(item);
    }
    return free;
  }

  async remember(
    tx: EntityManager,
    dvn: Address,
    intentKey: string,
    signed: readonly { item: ObservedPacket; signed: SignedHead }[],
  ): Promise<void> {
    for (const { item, signed: head } of signed) {
      const { packet, hashes, checkpoint } = item.open;
      await tx.query(
        `insert into attestations (dvn, guid, payload_hash, dst_eid, sequence, head, intent_key) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (dvn, guid, payload_hash) do update set intent_key = excluded.intent_key, signed_at = now()`,
        [dvn.toLowerCase(), packet.guid, hashes.payloadHash, packet.dstEid, checkpoint.sequence.toString(), checkpoint.head, intentKey],
      );
      await tx.query(
        `insert into signed_heads (dvn, src_eid, dst_eid, sequence, head, because) values ($1, $2, $3, $4, $5, $6)
         on conflict (dvn, src_eid, dst_eid) do update
         set sequence = excluded.sequence, head = excluded.head, because = excluded.because, signed_at = now()`,
        [dvn.toLowerCase(), packet.srcEid, packet.dstEid, head.sequence.toString(), head.head, `packet ${packet.guid}`],
      );
    }
  }
}
