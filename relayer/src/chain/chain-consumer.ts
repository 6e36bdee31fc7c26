import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from './block.js';
import type { ChainContext } from './chain-context.js';

/**
 * A stage's reader of chain facts. Each call runs inside the one database transaction that also moves the chain's cursor: rows and cursor
 * commit together or not at all, so a call that throws is repeated later with the same arguments.
 */
export interface ChainConsumer {
  readonly name: string;
  /** Events this consumer wants from a chain. Asked once per chain at start. */
  filters(chain: ChainContext): LogFilter;
  /** Every block in order, also those without logs. `logs` are the wanted ones, by log index. */
  onBlock(tx: EntityManager, chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void>;
  /** Blocks `firstRemoved` and above left the chain. `removed` are ascending; `firstRemoved` is the first of them. */
  onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef, removed: readonly BlockRef[]): Promise<void>;
  /** Every block up to and including `upTo` is final. */
  onFinal(tx: EntityManager, chain: ChainContext, upTo: BlockRef): Promise<void>;
}

/** The consumers of this process, called in the order of their registration: `deposit`, `attestation`, `packet`, `ledger`, `margin`, `liquidation`, `release`. */
@Injectable()
export class ChainConsumers {
  readonly #consumers: ChainConsumer[] = [];

  /** Adds a consumer. Call it while modules are initialised: following starts after that. @throws Error on a second one of that name */
  register(consumer: ChainConsumer): void {
    if (this.#consumers.some(({ name }) => name === consumer.name)) throw new Error(`chain consumer ${consumer.name} is registered twice`);
    this.#consumers.push(consumer);
  }

  all(): readonly ChainConsumer[] {
    return this.#consumers;
  }
}
