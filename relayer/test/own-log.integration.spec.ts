import { beforeEach, describe, expect, it } from '@jest/globals';
import { iMessengerAbi } from '@lockstep/contracts';
import {
  decideSignature,
  encodeCheckpoint,
  encodePacket,
  fold,
  genesisHead,
  hashPacket,
  leafOf,
  packetGuid,
  sequence,
} from '@lockstep/shared';
import { createPublicClient, custom, numberToHex, zeroHash, type Hex, type PublicClient } from 'viem';
import type { DataSource } from 'typeorm';
import type { Log } from '../src/chain/block.js';
import { ChainContext } from '../src/chain/chain-context.js';
import { QuorumReader } from '../src/chain/quorum-reader.js';
import { insertFacts } from '../src/stages/facts.js';
import { OwnLogReader } from '../src/stages/packet/own-log.reader.js';
import type { OpenPacket } from '../src/stages/packet/packet.repository.js';
import { messengerOf, Paths, type Route } from '../src/stages/paths.js';
import { givenPostgres } from './support/database.js';
import { HUB, SPOKE, block, logOf, testChains } from './support/network.js';

const COUNT = 4;

/** A provider that has exactly these logs. */
function provider(logs: () => readonly Log[]): PublicClient {
  const quantity = (value: number | bigint): Hex => numberToHex(value);
  return createPublicClient({
    transport: custom(
      {
        request: ({ method }: { method: string }): Promise<unknown> => {
          if (method !== 'eth_getLogs') return Promise.reject(new Error(`the verifier asked for ${method}`));
          return Promise.resolve(
            logs().map((log) => ({
              ...log,
              blockNumber: quantity(log.blockNumber),
              transactionIndex: quantity(log.transactionIndex),
              logIndex: quantity(log.logIndex),
            })),
          );
        },
      },
      { retryCount: 0 },
    ),
  });
}

describe('given a verifier with three providers of its own', () => {
  const migratedDatabase = givenPostgres();
  let database: DataSource;
  let route: Route;
  let reader: OwnLogReader;
  let honest: Log[];
  let heads: Hex[];
  let said: [readonly Log[], readonly Log[], readonly Log[]];

  beforeEach(async () => {
    const made = await migratedDatabase();
    database = made.database;
    const found = new Paths(testChains(made.url)).find(SPOKE, HUB);
    if (found === undefined) throw new Error('the spoke has a path to the hub');
    const clients = [0, 1, 2].map((i) => provider(() => said[i] ?? []));
    const { config, live, client, pool } = found.source;
    route = { ...found, source: new ChainContext(config, live, client, clients, pool, new QuorumReader(clients, 2)) };
    reader = new OwnLogReader(database);
    heads = [genesisHead(route.path)];
    honest = Array.from({ length: COUNT }, (_, i) => appended(i + 1, numberToHex((3n << 32n) + BigInt(i), { size: 5 })));
    said = [honest, honest, honest];
    await hint(1);
  });

  function appended(at: number, entry: Hex): Log {
    const head = fold(heads[at - 1] ?? zeroHash, leafOf(entry));
    heads[at] = head;
    const place = { address: messengerOf(route.source), block: block(at), index: 0 };
    return logOf(iMessengerAbi, 'EntryAppended', { dstEid: HUB, sequence: BigInt(at), head, entry }, place);
  }

  /** The index says in which block an entry is; it is believed in nothing else. */
  async function hint(at: number): Promise<void> {
    const table = {
      table: 'log_entries',
      eidColumn: 'src_eid',
      kind: 'log-entry',
      subject: `'{}'::jsonb`,
      identity: 'block_hash, log_index',
    } as const;
    const { number, hash, timestamp } = block(at);
    const place = { block_number: number, block_hash: hash, block_time: timestamp, tx_hash: zeroHash, log_index: 0 };
    const row = { src_eid: SPOKE, dst_eid: HUB, sequence: BigInt(at), kind: 3, bytes: '0x03', leaf: zeroHash, head: zeroHash, ...place };
    await database.transaction((tx) => insertFacts(tx, table, [row]));
  }

  function packet(): OpenPacket {
    const checkpoint = { sequence: sequence(BigInt(COUNT)), head: heads[COUNT] ?? zeroHash, ackSequence: sequence(0n), ackHead: zeroHash };
    const header = { nonce: 1n, srcEid: SPOKE, sender: route.path.srcMessenger, dstEid: HUB, receiver: route.path.dstMessenger };
    const sent = { ...header, guid: packetGuid(header), message: encodeCheckpoint(checkpoint) };
    return {
      packet: sent,
      hashes: hashPacket(sent),
      checkpoint,
      receiveGas: 1n,
      block: block(COUNT).number,
      blockHash: block(COUNT).hash,
      encoded: encodePacket(sent),
      final: true,
      workState: 'seen',
      ageSeconds: 0,
      executeKey: null,
    };
  }
  const decide = async () => decideSignature(route.path, packet().checkpoint, null, await reader.entries(route, sequence(0n), packet()));

  it('signs what all of them say', async () => {
    expect(await decide()).toEqual({ kind: 'sign', signed: { sequence: BigInt(COUNT), head: heads[COUNT] } });
  });

  it('reads on from what was signed last', async () => {
    await hint(3);
    const entries = await reader.entries(route, sequence(2n), packet());
    expect(entries.map((e) => e.sequence)).toEqual([3n, 4n]);
  });

  it('signs nothing for entries the index does not place', async () => {
    expect(await reader.entries(route, sequence(2n), packet())).toEqual([]);
  });

  it('signs when one forges, and names it', async () => {
    const forged = honest.map((log, i) => (i === 2 ? { ...log, data: honest[0]?.data ?? '0x' } : log));
    said = [forged, honest, honest];
    expect((await decide()).kind).toBe('sign');
    expect(route.source.quorum.dissents.map((d) => d.provider)).toEqual([0]);
  });

  it('refuses when no two agree: it never falls back to fewer', async () => {
    said = [honest.slice(1), honest, honest.slice(2)];
    await expect(decide()).rejects.toThrow('no 2 providers agree');
  });

  it('refuses when two of them leave the same entry out', async () => {
    const holed = honest.filter((_, i) => i !== 1);
    said = [holed, holed, honest];
    expect(await decide()).toMatchObject({ kind: 'refuse', problem: { code: 'LOG_GAP', expected: 2n, found: 3n } });
  });

  it('refuses when two of them forge an entry: the chain of heads does not carry it', async () => {
    const entry = numberToHex(9n << 32n, { size: 5 });
    const args = { dstEid: HUB, sequence: 2n, head: heads[2] ?? zeroHash, entry };
    const forgedLog = logOf(iMessengerAbi, 'EntryAppended', args, { address: messengerOf(route.source), block: block(2), index: 0 });
    const forged = honest.map((log, i) => (i === 1 ? forgedLog : log));
    said = [forged, forged, honest];
    expect(await decide()).toMatchObject({ kind: 'refuse', problem: { code: 'HEAD_FOLD_MISMATCH', sequence: 2n } });
  });
});
