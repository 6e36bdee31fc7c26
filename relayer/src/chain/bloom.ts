import { hexToBytes, keccak256, type Hex } from 'viem';
import type { Log, LogFilter } from './block.js';

const BLOOM_BYTES = 256;
const EMPTY = /^0x0*$/;

/** A block's filter over the addresses and topics of its logs: "no" is certain, "yes" is a maybe. */
export class Bloom {
  readonly #bits: Uint8Array;

  constructor(bloom: Hex) {
    this.#bits = hexToBytes(bloom);
  }

  has(value: Hex): boolean {
    if (this.#bits.length !== BLOOM_BYTES) return true;
    const hash = hexToBytes(keccak256(value));
    return [0, 2, 4].every((at) => {
      const bit = (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) & 2047;
      return ((this.#bits[BLOOM_BYTES - 1 - (bit >> 3)] ?? 0) & (1 << (bit & 7))) !== 0;
    });
  }

  /** False: the block surely holds no log the filter wants. */
  mayMatch(filter: LogFilter): boolean {
    return (
      filter.addresses.some((address) => this.has(address)) &&
      (filter.topics.length === 0 || filter.topics.some((topic) => this.has(topic)))
    );
  }

  /** False: a block with this bloom cannot hold this log. */
  admits(log: Log): boolean {
    return this.has(log.address) && log.topics.every((topic) => this.has(topic));
  }
}

/** Some chains do not fill the field; it then says nothing. */
export function isFilled(bloom: Hex): boolean {
  return !EMPTY.test(bloom);
}
