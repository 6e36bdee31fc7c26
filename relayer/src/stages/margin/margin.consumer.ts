import { Inject, Injectable } from '@nestjs/common';
import { iMarketsAbi } from '@lockstep/contracts';
import { decodeEventLog } from 'viem';
import type { EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from '../../chain/block.js';
import type { ChainConsumer } from '../../chain/chain-consumer.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { finalizeFacts, insertFacts, orphanFacts, placeOf, signedTopics, topicsOf, type FactRow, type FactTable } from '../facts.js';

const POSITION_EVENTS: FactTable = {
  table: 'position_events',
  eidColumn: 'eid',
  kind: 'position-event',
  subject: `jsonb_build_object('event', kind, 'account', account, 'counterparty', counterparty)`,
  identity: 'block_hash, log_index',
};
/** Every event by which a position comes to an account that had none. */
const MARKETS_EVENTS = ['Traded', 'SliceTransferred'] as const;

/** Records who traded with whom on the hub: these accounts, and no others, can hold positions. */
@Injectable()
export class MarginConsumer implements ChainConsumer {
  readonly name = 'margin';

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  filters(chain: ChainContext): LogFilter {
    const markets = chain.isHub ? chain.find('Markets') : null;
    return { addresses: markets === null ? [] : [markets], topics: topicsOf(iMarketsAbi, MARKETS_EVENTS) };
  }

  async onBlock(tx: EntityManager, chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void> {
    const rows = logs.map((log) => rowOf(chain, block, log));
    await insertFacts(tx, POSITION_EVENTS, rows);
  }

  async onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    await orphanFacts(tx, POSITION_EVENTS, chain.eid, firstRemoved);
  }

  async onFinal(tx: EntityManager, chain: ChainContext, upTo: BlockRef): Promise<void> {
    await finalizeFacts(tx, POSITION_EVENTS, chain, upTo, BigInt(Math.floor(this.clock.now() / 1000)));
  }
}

function rowOf(chain: ChainContext, block: BlockRef, log: Log): FactRow {
  const { eventName, args } = decodeEventLog({ abi: iMarketsAbi, data: log.data, topics: signedTopics(log) });
  const place = { eid: chain.eid, ...placeOf(block, log) };
  switch (eventName) {
    case 'Traded': {
      const { buyer, seller, instrument, size, price } = args;
      return { kind: eventName, account: buyer, counterparty: seller, instrument, size, price, share: null, ...place };
    }
    case 'SliceTransferred': {
      const { from, to, share } = args;
      return { kind: eventName, account: to, counterparty: from, instrument: null, size: null, price: null, share, ...place };
    }
    default:
      throw new Error(`markets event ${eventName} was not asked for`);
  }
}
