import { Inject, Injectable } from '@nestjs/common';
import { iGatewayAbi, iLedgerAbi, iMessengerAbi } from '@lockstep/contracts';
import { decodeEventLog, isAddressEqual } from 'viem';
import type { EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from '../../chain/block.js';
import type { ChainConsumer } from '../../chain/chain-consumer.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { finalizeFacts, insertFacts, orphanFacts, placeOf, signedTopics, topicsOf, type FactRow, type FactTable } from '../facts.js';
import { messengerOf } from '../paths.js';
import { HUB_GATEWAY_EVENTS, HUB_LEDGER_EVENTS, hubRows } from './hub-rows.js';

const identity = 'block_hash, log_index';
const VERIFIED_HEADS: FactTable = {
  table: 'verified_heads',
  eidColumn: 'dst_eid',
  kind: 'verified-head',
  subject: `jsonb_build_object('srcEid', src_eid, 'dstEid', dst_eid, 'sequence', sequence::text, 'origin', origin)`,
  identity,
};
const DELIVERIES: FactTable = {
  table: 'deliveries',
  eidColumn: 'dst_eid',
  kind: 'delivery',
  subject: `jsonb_build_object('srcEid', src_eid, 'dstEid', dst_eid, 'first', first_sequence::text, 'last', last_sequence::text)`,
  identity,
};
const DEPOSIT_OUTCOMES: FactTable = {
  table: 'deposit_outcomes',
  eidColumn: 'dst_eid',
  kind: 'deposit-outcome',
  subject: `jsonb_build_object('srcEid', src_eid, 'dstEid', dst_eid, 'sequence', sequence::text, 'outcome', outcome)`,
  identity,
};
const PATH_EVENTS: FactTable = {
  table: 'path_events',
  eidColumn: 'eid',
  kind: 'path-event',
  subject: `jsonb_build_object('eid', eid, 'peerEid', peer_eid, 'event', kind, 'sequence', sequence::text)`,
  identity,
};
const LEDGER_EVENTS: FactTable = {
  table: 'ledger_events',
  eidColumn: 'eid',
  kind: 'ledger-event',
  subject: `jsonb_build_object('event', kind, 'srcEid', src_eid, 'sequence', sequence::text, 'account', account)`,
  identity,
};
const TABLES = [VERIFIED_HEADS, DELIVERIES, DEPOSIT_OUTCOMES, PATH_EVENTS, LEDGER_EVENTS];

const MESSENGER_EVENTS = [
  'CheckpointReceived',
  'HeadSplit',
  'EntriesDelivered',
  'EntryVoided',
  'EntryUnhandled',
  'PathQuarantined',
  'PathRebased',
  'PathClosed',
  'StalledSkipped',
  'Acknowledged',
] as const;

/** Names of `IMessenger.Conflict`, by number. */
const CONFLICTS = ['AckHeadMismatch', 'AckAhead', 'TwoHeads', 'ConsumedHeadMismatch', 'Reported'] as const;

type Add = (table: FactTable, row: FactRow) => void;

/** Records what destinations verified and delivered, and on the hub what became of it. */
@Injectable()
export class LedgerConsumer implements ChainConsumer {
  readonly name = 'ledger';

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  filters(chain: ChainContext): LogFilter {
    const messenger = { addresses: [messengerOf(chain)], topics: topicsOf(iMessengerAbi, MESSENGER_EVENTS) };
    if (!chain.isHub) return messenger;
    return {
      addresses: [...messenger.addresses, chain.contract('Gateway'), chain.contract('Ledger')],
      topics: [...messenger.topics, ...topicsOf(iGatewayAbi, HUB_GATEWAY_EVENTS), ...topicsOf(iLedgerAbi, HUB_LEDGER_EVENTS)],
    };
  }

  async onBlock(tx: EntityManager, chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void> {
    if (logs.length === 0) return;
    const rows = new Map<FactTable, FactRow[]>(TABLES.map((table) => [table, []]));
    const add: Add = (table, row) => void rows.get(table)?.push(row);
    for (const log of logs) {
      if (isAddressEqual(log.address, messengerOf(chain))) addMessengerRow(chain, block, log, add);
      else {
        const { event, outcome } = hubRows(chain, block, log);
        add(LEDGER_EVENTS, event);
        if (outcome !== null) add(DEPOSIT_OUTCOMES, outcome);
      }
    }
    for (const [table, found] of rows) await insertFacts(tx, table, found);
  }

  async onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    for (const table of TABLES) await orphanFacts(tx, table, chain.eid, firstRemoved);
  }

  async onFinal(tx: EntityManager, chain: ChainContext, upTo: BlockRef): Promise<void> {
    const at = BigInt(Math.floor(this.clock.now() / 1000));
    for (const table of TABLES) await finalizeFacts(tx, table, chain, upTo, at);
  }
}

function addMessengerRow(chain: ChainContext, block: BlockRef, log: Log, add: Add): void {
  const { eventName, args } = decodeEventLog({ abi: iMessengerAbi, data: log.data, topics: signedTopics(log) });
  const place = placeOf(block, log);
  const into = { dst_eid: chain.eid, ...place };
  const path = { eid: chain.eid, ...place };
  switch (eventName) {
    case 'CheckpointReceived':
      return add(VERIFIED_HEADS, { src_eid: args.srcEid, sequence: args.sequence, head: args.head, origin: 'checkpoint', ...into });
    case 'HeadSplit':
      return add(VERIFIED_HEADS, { src_eid: args.srcEid, sequence: args.to, head: args.head, origin: 'split', ...into });
    case 'EntriesDelivered':
      return add(DELIVERIES, {
        src_eid: args.srcEid,
        first_sequence: args.firstSequence,
        last_sequence: args.lastSequence,
        head: args.head,
        ...into,
      });
    case 'EntryVoided':
      return add(DEPOSIT_OUTCOMES, { src_eid: args.srcEid, sequence: args.sequence, outcome: 'voided', reason: null, ...into });
    case 'EntryUnhandled': {
      const reason = `no handler for kind ${args.kind}`;
      return add(DEPOSIT_OUTCOMES, { src_eid: args.srcEid, sequence: args.sequence, outcome: 'unhandled', reason, ...into });
    }
    case 'PathQuarantined': {
      const detail = CONFLICTS[args.conflict] ?? `conflict ${args.conflict}`;
      return add(PATH_EVENTS, { peer_eid: args.eid, kind: 'quarantined', sequence: args.sequence, head: args.actual, detail, ...path });
    }
    case 'PathRebased':
      return add(PATH_EVENTS, { peer_eid: args.eid, kind: 'rebased', sequence: args.sequence, head: args.head, detail: null, ...path });
    case 'PathClosed':
      return add(PATH_EVENTS, { peer_eid: args.srcEid, kind: 'closed', sequence: args.sequence, head: null, detail: null, ...path });
    case 'StalledSkipped': {
      const detail = `nonce ${args.committedNonce} was committed`;
      return add(PATH_EVENTS, { peer_eid: args.srcEid, kind: 'nonce-skipped', sequence: args.nonce, head: null, detail, ...path });
    }
    case 'Acknowledged':
      return add(PATH_EVENTS, { peer_eid: args.dstEid, kind: 'acknowledged', sequence: args.sequence, head: null, detail: null, ...path });
    default:
      throw new Error(`messenger event ${eventName} was not asked for`);
  }
}
