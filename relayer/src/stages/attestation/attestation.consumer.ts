import { Inject, Injectable } from '@nestjs/common';
import { iMessengerAbi } from '@lockstep/contracts';
import { decodeEventLog } from 'viem';
import type { EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from '../../chain/block.js';
import type { ChainConsumer } from '../../chain/chain-consumer.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { finalizeFacts, insertFacts, orphanFacts, placeOf, signedTopics, topicsOf, type FactRow, type FactTable } from '../facts.js';
import { messengerOf } from '../paths.js';

const CHECKPOINTS: FactTable = {
  table: 'checkpoints',
  eidColumn: 'src_eid',
  kind: 'checkpoint',
  subject: `jsonb_build_object('srcEid', src_eid, 'dstEid', dst_eid, 'sequence', sequence::text, 'guid', guid)`,
  identity: 'block_hash, log_index',
};

/** Records every checkpoint a log sent, whoever paid for it, as the batch of entries that no earlier one covered. */
@Injectable()
export class AttestationConsumer implements ChainConsumer {
  readonly name = 'attestation';

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  filters(chain: ChainContext): LogFilter {
    return { addresses: [messengerOf(chain)], topics: topicsOf(iMessengerAbi, ['Flushed']) };
  }

  async onBlock(tx: EntityManager, chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void> {
    const flushed = new Map<number, bigint>();
    const rows: FactRow[] = [];
    for (const log of logs) {
      const { args } = decodeEventLog({ abi: iMessengerAbi, eventName: 'Flushed', data: log.data, topics: signedTopics(log) });
      const before = flushed.get(args.dstEid) ?? (await lastFlushed(tx, chain, args.dstEid));
      flushed.set(args.dstEid, args.sequence > before ? args.sequence : before);
      rows.push({
        src_eid: chain.eid,
        dst_eid: args.dstEid,
        sequence: args.sequence,
        first_sequence: before + 1n,
        entries: Number(args.sequence > before ? args.sequence - before : 0n),
        head: args.head,
        ack_sequence: args.ackSequence,
        ack_head: args.ackHead,
        guid: args.guid,
        fee_wei: args.fee,
        ...placeOf(block, log),
      });
    }
    await insertFacts(tx, CHECKPOINTS, rows);
  }

  async onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    await orphanFacts(tx, CHECKPOINTS, chain.eid, firstRemoved);
  }

  async onFinal(tx: EntityManager, chain: ChainContext, upTo: BlockRef): Promise<void> {
    await finalizeFacts(tx, CHECKPOINTS, chain, upTo, BigInt(Math.floor(this.clock.now() / 1000)));
  }
}

/** Highest sequence a standing checkpoint covers, 0 if there is none. */
export async function lastFlushed(tx: EntityManager, chain: ChainContext, dstEid: number): Promise<bigint> {
  const [row] = await tx.query<{ flushed: string }[]>(
    `select coalesce(max(sequence), 0) as flushed from checkpoints where src_eid = $1 and dst_eid = $2 and state <> 'orphaned'`,
    [chain.eid, dstEid],
  );
  return BigInt(row?.flushed ?? 0);
}
