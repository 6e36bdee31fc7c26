import { getAddress, isHex, type Address, type Hex, type PublicClient } from 'viem';
import { z } from 'zod/v4';
import { blockNumber, unixSeconds, type BlockNumber } from '@lockstep/shared';
import type { Header, Log, LogFilter } from './block.js';

/** A provider does not have a block it was asked for: it lags, or the block is no longer on its chain. */
export class BlockUnknownError extends Error {
  override readonly name = 'BlockUnknownError';
}

/** A provider's answers contradict each other. The step is dropped and asked again; nothing is skipped. */
export class InconsistentAnswerError extends Error {
  override readonly name = 'InconsistentAnswerError';
}

const hex = z.custom<Hex>((value) => isHex(value), { error: 'expected hex' });
const quantity = hex.transform((value) => BigInt(value));

const rpcBlock = z.object({ number: quantity, hash: hex, parentHash: hex, timestamp: quantity, logsBloom: hex });
const rpcLog = z.object({
  address: hex,
  topics: z.array(hex),
  data: hex,
  blockNumber: quantity,
  blockHash: hex,
  transactionHash: hex,
  transactionIndex: quantity,
  logIndex: quantity,
});

function toHeader(raw: unknown, what: string): Header {
  if (raw === null || raw === undefined) throw new BlockUnknownError(`the provider has no block ${what}`);
  const block = rpcBlock.parse(raw);
  return {
    number: blockNumber(block.number),
    hash: block.hash,
    parentHash: block.parentHash,
    timestamp: unixSeconds(block.timestamp),
    logsBloom: block.logsBloom,
  };
}

/** @throws BlockUnknownError if the provider has no such block */
export async function readHeaderByNumber(client: PublicClient, number: BlockNumber): Promise<Header> {
  const header = toHeader(await client.request({ method: 'eth_getBlockByNumber', params: [toQuantity(number), false] }), String(number));
  if (header.number !== number) throw new InconsistentAnswerError(`asked for block ${number}, the provider gave block ${header.number}`);
  return header;
}

/** @throws BlockUnknownError if the provider knows no block behind the tag (yet); RpcRequestError if it does not know the tag */
export async function readHeaderByTag(client: PublicClient, tag: 'latest' | 'safe' | 'finalized'): Promise<Header> {
  return toHeader(await client.request({ method: 'eth_getBlockByNumber', params: [tag, false] }), tag);
}

/** Logs of exactly one block. Asked by hash, so a lagging or forked provider fails instead of answering an empty list. */
export async function readLogsOfBlock(client: PublicClient, blockHash: Hex, filter: LogFilter): Promise<readonly Log[]> {
  if (filter.addresses.length === 0) return [];
  const logs = toLogs(await client.request({ method: 'eth_getLogs', params: [{ ...asParams(filter), blockHash }] }));
  for (const log of logs)
    if (log.blockHash !== blockHash) throw new InconsistentAnswerError(`asked for logs of block ${blockHash}, got one of ${log.blockHash}`);
  return logs;
}

const rpcReceipts = z.array(z.object({ logs: z.array(rpcLog.pick({ address: true, topics: true, blockHash: true })) }));

/**
 * How many logs of a block the filter wants, counted in its receipts: a second witness to eth_getLogs, from another index of the provider.
 * @throws BlockUnknownError if the provider has no such block
 */
export async function countLogsInReceipts(client: PublicClient, blockHash: Hex, filter: LogFilter): Promise<number> {
  const raw = await client.request<{ Method: 'eth_getBlockReceipts'; Parameters: [Hex]; ReturnType: unknown }>({
    method: 'eth_getBlockReceipts',
    params: [blockHash],
  });
  if (raw === null) throw new BlockUnknownError(`the provider has no receipts of block ${blockHash}`);
  const logs = rpcReceipts.parse(raw).flatMap((receipt) => receipt.logs);
  const foreign = logs.find((log) => log.blockHash !== blockHash);
  if (foreign) throw new InconsistentAnswerError(`asked for receipts of block ${blockHash}, got a log of ${foreign.blockHash}`);
  const addresses = new Set(filter.addresses.map((address) => address.toLowerCase()));
  const topics = new Set(filter.topics.map((topic) => topic.toLowerCase()));
  return logs.filter(
    ({ address, topics: [topic] }) =>
      addresses.has(address.toLowerCase()) && (topics.size === 0 || (topic !== undefined && topics.has(topic.toLowerCase()))),
  ).length;
}

/** Logs of `from` … `to`, both included. The caller checks them against the headers. */
export async function readLogsOfRange(
  client: PublicClient,
  from: BlockNumber,
  to: BlockNumber,
  filter: LogFilter,
): Promise<readonly Log[]> {
  if (filter.addresses.length === 0) return [];
  return toLogs(
    await client.request({
      method: 'eth_getLogs',
      params: [{ ...asParams(filter), fromBlock: toQuantity(from), toBlock: toQuantity(to) }],
    }),
  );
}

function asParams(filter: LogFilter): { address: Address[]; topics: [Hex[]] | [] } {
  return { address: [...filter.addresses], topics: filter.topics.length === 0 ? [] : [[...filter.topics]] };
}

function toLogs(raw: unknown): readonly Log[] {
  return z
    .array(rpcLog)
    .parse(raw)
    .map((log) => ({
      address: getAddress(log.address),
      topics: log.topics,
      data: log.data,
      blockNumber: blockNumber(log.blockNumber),
      blockHash: log.blockHash,
      transactionHash: log.transactionHash,
      transactionIndex: Number(log.transactionIndex),
      logIndex: Number(log.logIndex),
    }))
    .sort((a, b) => (a.blockNumber === b.blockNumber ? a.logIndex - b.logIndex : a.blockNumber < b.blockNumber ? -1 : 1));
}

function toQuantity(value: bigint): Hex {
  return `0x${value.toString(16)}`;
}
