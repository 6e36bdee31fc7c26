import type { Hex, PublicClient } from 'viem';
import { blockNumber, type BlockNumber } from '@lockstep/shared';
import type { Header, Log, LogFilter } from './block.js';
import { countLogsInReceipts, readHeaderByNumber, readHeaderByTag, readLogsOfBlock, readLogsOfRange } from './rpc.js';

/** What the head tracker reads of a chain. */
export interface ChainSource {
  chainId(): Promise<number>;
  head(): Promise<Header>;
  /** the block behind a finality tag; @throws if the provider does not know the tag */
  tagged(tag: 'safe' | 'finalized'): Promise<Header>;
  /** @throws BlockUnknownError if the provider has no such block */
  header(number: BlockNumber): Promise<Header>;
  logsOfBlock(blockHash: Hex, filter: LogFilter): Promise<readonly Log[]>;
  logsOfRange(from: BlockNumber, to: BlockNumber, filter: LogFilter): Promise<readonly Log[]>;
  /** how many logs of the block the filter wants, by its receipts */
  countInReceipts(blockHash: Hex, filter: LogFilter): Promise<number>;
}

/** A chain read through JSON-RPC. */
export function rpcSource(client: PublicClient): ChainSource {
  return {
    chainId: () => client.getChainId(),
    head: () => readHeaderByTag(client, 'latest'),
    tagged: (tag) => readHeaderByTag(client, tag),
    header: (number) => readHeaderByNumber(client, number),
    logsOfBlock: (blockHash, filter) => readLogsOfBlock(client, blockHash, filter),
    logsOfRange: (from, to, filter) => readLogsOfRange(client, from, to, filter),
    countInReceipts: (blockHash, filter) => countLogsInReceipts(client, blockHash, filter),
  };
}

/** Block numbers `from` … `to`, both included. */
export function heights(from: BlockNumber, to: BlockNumber): readonly BlockNumber[] {
  return Array.from({ length: Number(to - from) + 1 }, (_, index) => blockNumber(from + BigInt(index)));
}
