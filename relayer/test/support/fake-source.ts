import { keccak256, numberToHex, toHex, type Address, type Hex } from 'viem';
import { blockNumber, unixSeconds, type BlockNumber } from '@lockstep/shared';
import type { Header, Log, LogFilter } from '../../src/chain/block.js';
import type { ChainSource } from '../../src/chain/chain-source.js';
import { BlockUnknownError } from '../../src/chain/rpc.js';

export const EMITTER: Address = '0x00000000000000000000000000000000000E4177';
export const TOPIC: Hex = keccak256(toHex('Happened()'));

/** A chain in memory, one event in each block whose number is in `withLog`; blocks carry true bloom filters. */
export function fakeChain(
  length: number,
  withLog: readonly number[],
  salt = 'main',
): { readonly headers: Header[]; readonly logs: Map<Hex, Log[]> } {
  const headers: Header[] = [];
  const logs = new Map<Hex, Log[]>();
  for (let number = 0; number < length; number += 1) {
    const hash = keccak256(toHex(`${salt}/${number}`));
    const found: Log[] = withLog.includes(number)
      ? [
          {
            address: EMITTER,
            topics: [TOPIC],
            data: '0x',
            blockNumber: blockNumber(BigInt(number)),
            blockHash: hash,
            transactionHash: keccak256(hash),
            transactionIndex: 0,
            logIndex: 0,
          },
        ]
      : [];
    logs.set(hash, found);
    headers.push({
      number: blockNumber(BigInt(number)),
      hash,
      parentHash: headers.at(-1)?.hash ?? numberToHex(0, { size: 32 }),
      timestamp: unixSeconds(BigInt(1_000 + number * 12)),
      logsBloom: bloomOf(found.length > 0 ? [EMITTER, TOPIC] : []),
    });
  }
  return { headers, logs };
}

/** A provider of such a chain. Override a method to make it lie. */
export function fakeSource({ headers, logs }: ReturnType<typeof fakeChain>, over: Partial<ChainSource> = {}): ChainSource {
  const at = (number: BlockNumber): Header => {
    const header = headers[Number(number)];
    if (!header) throw new BlockUnknownError(`the provider has no block ${number}`);
    return header;
  };
  const last = (): Header => {
    const header = headers.at(-1);
    if (!header) throw new Error('an empty chain has no head');
    return header;
  };
  return {
    chainId: () => Promise.resolve(31_001),
    head: () => Promise.resolve(last()),
    tagged: () => Promise.resolve(last()),
    header: (number) => Promise.resolve().then(() => at(number)),
    logsOfBlock: (hash: Hex, _filter: LogFilter) => Promise.resolve(logs.get(hash) ?? []),
    countInReceipts: (hash) => Promise.resolve(logs.get(hash)?.length ?? 0),
    logsOfRange: (from, to) =>
      Promise.resolve(headers.filter(({ number }) => number >= from && number <= to).flatMap(({ hash }) => logs.get(hash) ?? [])),
    ...over,
  };
}

function bloomOf(values: readonly Hex[]): Hex {
  const bits = new Uint8Array(256);
  for (const value of values) {
    const hash = Buffer.from(keccak256(value).slice(2), 'hex');
    for (const at of [0, 2, 4]) {
      const bit = hash.readUInt16BE(at) & 2047;
      const index = 255 - (bit >> 3);
      bits[index] = (bits[index] ?? 0) | (1 << (bit & 7));
    }
  }
  return toHex(bits);
}
