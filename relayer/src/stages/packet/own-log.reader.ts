import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iCollateralVaultAbi, iMessengerAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { blockNumber, sequence, type BlockNumber, type Claim, type OwnEntry, type Sequence } from '@lockstep/shared';
import { decodeEventLog, decodeFunctionResult, encodeFunctionData } from 'viem';
import { DataSource } from 'typeorm';
import type { Log } from '../../chain/block.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { readHeaderByTag, readLogsOfRange } from '../../chain/rpc.js';
import { signedTopics, topicsOf } from '../facts.js';
import { messengerOf, type Route } from '../paths.js';
import { endpointAbi } from './layerzero-abi.js';
import type { OpenPacket } from './packet.repository.js';

/** Blocks asked for in one question; providers must agree on the whole answer. */
const WINDOW = 1_000n;

/**
 * The verifier's own eyes: everything it signs for is read here, from a quorum of providers, never from what was indexed. The index only
 * says where to look; a wrong hint makes entries missing, and then nothing is signed.
 */
@Injectable()
export class OwnLogReader {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Whether a quorum has the packet, in this block, at least `confirmations` deep and final by the chain's policy. @throws QuorumError */
  async isSettled(source: ChainContext, open: OpenPacket, confirmations: bigint): Promise<boolean> {
    const { quorum } = source;
    const head = await quorum.head();
    if (head < open.block + confirmations) return false;
    if (!(await this.#isFinal(source, open.block, head))) return false;
    const block = await quorum.block(open.block);
    if (block.hash !== open.blockHash) return false;
    const logs = await quorum.logs(open.blockHash, {
      addresses: [source.layerzero('endpoint')],
      topics: topicsOf(endpointAbi, ['PacketSent']),
    });
    return logs.some((log) => {
      const { args } = decodeEventLog({ abi: endpointAbi, eventName: 'PacketSent', data: log.data, topics: signedTopics(log) });
      return args.encodedPayload.toLowerCase() === open.encoded.toLowerCase();
    });
  }

  /** Own entries of a route after `after` and up to the packet's checkpoint, ascending. @throws QuorumError */
  async entries({ source, destination }: Route, after: Sequence, open: OpenPacket): Promise<OwnEntry[]> {
    if (open.checkpoint.sequence <= after) return [];
    const from = await this.#blockOf(source, destination.eid, after + 1n);
    if (from === null) return [];
    return (await this.#appended(source, destination.eid, from, open.block)).filter((entry) => entry.sequence > after);
  }

  async #appended(source: ChainContext, dstEid: number, from: bigint, to: bigint): Promise<OwnEntry[]> {
    const filter = { addresses: [messengerOf(source)], topics: topicsOf(iMessengerAbi, ['EntryAppended']) };
    const entries: OwnEntry[] = [];
    for (let start = from; start <= to; start += WINDOW) {
      const end = start + WINDOW - 1n < to ? start + WINDOW - 1n : to;
      const logs = await source.quorum.agree(
        `entries of blocks ${start} … ${end}`,
        (client) => readLogsOfRange(client, blockNumber(start), blockNumber(end), filter),
        digestOf,
      );
      for (const log of logs) {
        const { args } = decodeEventLog({ abi: iMessengerAbi, eventName: 'EntryAppended', data: log.data, topics: signedTopics(log) });
        if (args.dstEid === dstEid) entries.push({ sequence: sequence(args.sequence), bytes: args.entry, head: args.head });
      }
    }
    return entries;
  }

  /** What the source's vault ever took in, per asset, as of the packet's block. @throws QuorumError */
  async deposited(source: ChainContext, assets: readonly number[], open: OpenPacket): Promise<Claim[]> {
    const vault = source.contract('CollateralVault');
    return Promise.all(
      assets.map(async (asset) => {
        const data = encodeFunctionData({ abi: iCollateralVaultAbi, functionName: 'assetOf', args: [asset] });
        const answer = await source.quorum.call(vault, data, open.blockHash);
        return { asset, amount: decodeFunctionResult({ abi: iCollateralVaultAbi, functionName: 'assetOf', data: answer }).deposited };
      }),
    );
  }

  /** deposited − cancelled of a vault, per asset, at the newest block that a quorum has. @throws QuorumError */
  async received(chain: ChainContext, assets: readonly number[]): Promise<Claim[]> {
    const vault = chain.contract('CollateralVault');
    const { hash } = await chain.quorum.block(await chain.quorum.head());
    return Promise.all(
      assets.map(async (asset) => {
        const data = encodeFunctionData({ abi: iCollateralVaultAbi, functionName: 'assetOf', args: [asset] });
        const answer = await chain.quorum.call(vault, data, hash);
        const { deposited, cancelled } = decodeFunctionResult({ abi: iCollateralVaultAbi, functionName: 'assetOf', data: answer });
        return { asset, amount: deposited - cancelled };
      }),
    );
  }

  /**
   * How far the hub has consumed a vault's log, and the orders that its receipts cover, at the newest final block of the hub.
   * @throws QuorumError
   */
  async consumed({ source, destination }: Route): Promise<{ readonly sequence: Sequence; readonly receiptedUpTo: Sequence }> {
    const [row] = await this.dataSource.query<{ final_number: string }[]>('select final_number from cursors where chain_id = $1', [
      destination.chainId,
    ]);
    const { hash } = await destination.quorum.block(blockNumber(BigInt(row?.final_number ?? 0)));
    const inbox = encodeFunctionData({ abi: iMessengerAbi, functionName: 'inbox', args: [source.eid] });
    const receipted = encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'receiptedUpTo', args: [source.eid] });
    const [at, through] = await Promise.all([
      destination.quorum.call(messengerOf(destination), inbox, hash),
      destination.quorum.call(destination.contract('Withdrawals'), receipted, hash),
    ]);
    return {
      sequence: sequence(decodeFunctionResult({ abi: iMessengerAbi, functionName: 'inbox', data: at }).consumed),
      receiptedUpTo: sequence(decodeFunctionResult({ abi: iWithdrawalsAbi, functionName: 'receiptedUpTo', data: through })),
    };
  }

  /** Entries that a log has at the newest block that a quorum of its chain has. @throws QuorumError */
  async length({ source, destination }: Route): Promise<Sequence> {
    const { hash } = await source.quorum.block(await source.quorum.head());
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'outbox', args: [destination.eid] });
    const answer = await source.quorum.call(messengerOf(source), data, hash);
    return sequence(decodeFunctionResult({ abi: iMessengerAbi, functionName: 'outbox', data: answer }).sequence);
  }

  /** Own entries of a route from one sequence to another, ascending; those that the index cannot place are missing. @throws QuorumError */
  async entriesBetween({ source, destination }: Route, first: Sequence, last: Sequence): Promise<OwnEntry[]> {
    const [from, to] = [await this.#blockOf(source, destination.eid, first), await this.#blockOf(source, destination.eid, last)];
    if (from === null || to === null) return [];
    return (await this.#appended(source, destination.eid, from, to)).filter((entry) => entry.sequence >= first && entry.sequence <= last);
  }

  async #isFinal(source: ChainContext, block: BlockNumber, head: BlockNumber): Promise<boolean> {
    const policy = source.config.finality;
    switch (policy.kind) {
      case 'blocks':
        return head >= block + BigInt(policy.blocks);
      case 'tag':
        return this.#agreed(
          source,
          `block ${block} is ${policy.tag}`,
          async (client) => (await readHeaderByTag(client, policy.tag)).number >= block,
        );
      case 'seconds': {
        const { timestamp } = await source.quorum.block(block);
        return this.#agreed(source, `block ${block} is ${policy.seconds} s old`, async (client) => {
          const tip = await readHeaderByTag(client, 'latest');
          return tip.timestamp >= timestamp + BigInt(policy.seconds);
        });
      }
    }
  }

  #agreed(source: ChainContext, question: string, ask: (client: ChainContext['client']) => Promise<boolean>): Promise<boolean> {
    return source.quorum.agree(question, ask, String);
  }

  async #blockOf(source: ChainContext, dstEid: number, at: bigint): Promise<bigint | null> {
    const [row] = await this.dataSource.query<{ block_number: string }[]>(
      `select block_number from log_entries where src_eid = $1 and dst_eid = $2 and sequence = $3 and state <> 'orphaned'`,
      [source.eid, dstEid, at.toString()],
    );
    return row === undefined ? null : BigInt(row.block_number);
  }
}

function digestOf(logs: readonly Log[]): string {
  return JSON.stringify(logs.map((log) => [log.blockHash, log.logIndex, log.transactionHash, log.address, log.topics, log.data]));
}
