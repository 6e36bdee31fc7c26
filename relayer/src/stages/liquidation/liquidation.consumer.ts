import { Inject, Injectable } from '@nestjs/common';
import { iHandoverAbi, iLevyAbi, iLiquidationAbi, iShortfallsAbi } from '@lockstep/contracts';
import { decodeEventLog, type Hex } from 'viem';
import type { EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from '../../chain/block.js';
import type { ChainConsumer } from '../../chain/chain-consumer.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { finalizeFacts, insertFacts, orphanFacts, placeOf, signedTopics, topicsOf, type FactRow, type FactTable } from '../facts.js';

const LIQUIDATION_EVENTS: FactTable = {
  table: 'liquidation_events',
  eidColumn: 'eid',
  kind: 'liquidation-event',
  subject: `jsonb_build_object('event', kind, family, number::text, 'account', account)`,
  identity: 'block_hash, log_index',
};
/** Who tells of auctions and levies; the names of what is told differ from one to the other. */
const TOLD = [
  {
    contract: 'Liquidation',
    abi: iLiquidationAbi,
    events: ['AuctionStarted', 'BidTaken', 'InsolventPaid', 'InsolvencyOpened', 'InsolvencyClosed', 'AuctionEnded'],
  },
  { contract: 'Shortfalls', abi: iShortfallsAbi, events: ['ShortfallStarted', 'ShortfallBidTaken', 'ShortfallEnded'] },
  { contract: 'Handover', abi: iHandoverAbi, events: ['AssetHandedOver', 'RouteChosen'] },
  { contract: 'Levy', abi: iLevyAbi, events: ['LevyOpened', 'Registered', 'LevyClosed', 'LevyPaid'] },
] as const;
const ABI = [...iLiquidationAbi, ...iShortfallsAbi, ...iHandoverAbi, ...iLevyAbi] as const;

/** Records what the hub told of auctions, of what they moved where, and of levies. */
@Injectable()
export class LiquidationConsumer implements ChainConsumer {
  readonly name = 'liquidation';

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  filters(chain: ChainContext): LogFilter {
    const addresses = chain.isHub ? TOLD.map(({ contract }) => chain.find(contract)).filter((address) => address !== null) : [];
    return { addresses, topics: TOLD.flatMap(({ abi, events }) => topicsOf(abi, events)) };
  }

  async onBlock(tx: EntityManager, chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void> {
    const rows = logs.map((log) => ({ eid: chain.eid, ...rowOf(log), ...placeOf(block, log) }));
    await insertFacts(tx, LIQUIDATION_EVENTS, rows);
  }

  async onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    await orphanFacts(tx, LIQUIDATION_EVENTS, chain.eid, firstRemoved);
  }

  async onFinal(tx: EntityManager, chain: ChainContext, upTo: BlockRef): Promise<void> {
    await finalizeFacts(tx, LIQUIDATION_EVENTS, chain, upTo, BigInt(Math.floor(this.clock.now() / 1000)));
  }
}

type Told = Pick<FactRow, 'family' | 'number' | 'kind' | 'account' | 'payload'>;

/** Bigints in the payload become decimal text. */
function rowOf(log: Log): Told {
  const { eventName, args } = decodeEventLog({ abi: ABI, data: log.data, topics: signedTopics(log) });
  const told = (family: 'liquidation' | 'levy', number: bigint, account: Hex | null, payload: object): Told => ({
    ...{ family, number, kind: eventName, account, payload },
  });
  switch (eventName) {
    case 'InsolvencyOpened':
    case 'InsolvencyClosed':
    case 'AuctionStarted':
    case 'BidTaken':
    case 'AuctionEnded':
    case 'ShortfallStarted':
    case 'ShortfallBidTaken':
    case 'ShortfallEnded': {
      const { id, account, ...payload } = args;
      return told('liquidation', id, account, payload);
    }
    case 'InsolventPaid': {
      const { id, ...payload } = args;
      return told('liquidation', id, null, payload);
    }
    case 'AssetHandedOver': {
      const { id, from, ...payload } = args;
      return told('liquidation', id, from, payload);
    }
    case 'RouteChosen': {
      const { id, bidder, ...payload } = args;
      return told('liquidation', id, null, { bidder, ...payload });
    }
    case 'Registered':
    case 'LevyPaid': {
      const { id, account, ...payload } = args;
      return told('levy', id, account, payload);
    }
    case 'LevyOpened':
    case 'LevyClosed': {
      const { id, ...payload } = args;
      return told('levy', id, null, payload);
    }
    default:
      throw new Error(`event ${eventName} was not asked for`);
  }
}
