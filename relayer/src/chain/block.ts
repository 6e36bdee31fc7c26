import type { Address, Hex } from 'viem';
import type { BlockNumber, UnixSeconds } from '@lockstep/shared';

/** A block by everything that links it. */
export interface BlockRef {
  readonly number: BlockNumber;
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly timestamp: UnixSeconds;
}

/** A block with the filter over its logs, as read from a provider. */
export interface Header extends BlockRef {
  readonly logsBloom: Hex;
}

/** One event, tied to the block it was read in. */
export interface Log {
  readonly address: Address;
  /** topics[0] is the event's signature */
  readonly topics: readonly Hex[];
  readonly data: Hex;
  readonly blockNumber: BlockNumber;
  readonly blockHash: Hex;
  readonly transactionHash: Hex;
  readonly transactionIndex: number;
  readonly logIndex: number;
}

/** Which events somebody wants: from any of `addresses`, with any of `topics` as signature. An empty list of addresses wants none. */
export interface LogFilter {
  readonly addresses: readonly Address[];
  readonly topics: readonly Hex[];
}
