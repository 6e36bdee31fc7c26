import { numberToHex, type Hex } from 'viem';
import type { ChainClient } from './anvil.js';

/** How blocks come about. */
export type Mining =
  /** one block per transaction, at once */
  | { readonly kind: 'auto' }
  /** a block every so many milliseconds */
  | { readonly kind: 'interval'; readonly ms: number }
  /** only when asked */
  | { readonly kind: 'manual' };

/** The clock of one local chain. */
export class Miner {
  #timer: NodeJS.Timeout | undefined;
  #mining: Mining = { kind: 'auto' };

  constructor(private readonly client: ChainClient) {}

  get mining(): Mining {
    return this.#mining;
  }

  async auto(): Promise<void> {
    this.#stopTimer();
    await this.client.setIntervalMining({ interval: 0 });
    await this.client.setAutomine(true);
    this.#mining = { kind: 'auto' };
  }

  async manual(): Promise<void> {
    this.#stopTimer();
    this.#mining = { kind: 'manual' };
    await this.client.setAutomine(false);
    await this.client.setIntervalMining({ interval: 0 });
  }

  /** A block every `ms` milliseconds. Whole seconds are left to the node; fractions, which it cannot do, are timed here. */
  async interval(ms: number): Promise<void> {
    await this.manual();
    this.#mining = { kind: 'interval', ms };
    if (ms % 1000 === 0) return this.client.setIntervalMining({ interval: ms / 1000 });
    let busy = false;
    this.#timer = setInterval(() => {
      if (busy) return;
      busy = true;
      void this.client
        .mine({ blocks: 1 })
        .catch(() => undefined) // a stopping node; the next tick or the world's stop settles it
        .finally(() => (busy = false));
    }, ms);
  }

  async set(mining: Mining): Promise<void> {
    switch (mining.kind) {
      case 'auto':
        return this.auto();
      case 'manual':
        return this.manual();
      case 'interval':
        return this.interval(mining.ms);
    }
  }

  /** Mines `blocks` now. */
  async mine(blocks = 1): Promise<void> {
    await this.client.mine({ blocks });
  }

  /** Moves the chain's clock forward and mines a block there. */
  async increaseTime(seconds: number): Promise<void> {
    await this.client.increaseTime({ seconds });
    await this.mine();
  }

  /**
   * Replaces the last `depth` blocks by others of the same number. Their transactions are gone, not pending, unless they are
   * given again as signed bytes with the offset of the block that takes them.
   */
  async reorg(depth: number, transactions: readonly (readonly [rawTransaction: Hex, blockOffset: number])[] = []): Promise<void> {
    await this.client.request<{ Method: 'anvil_reorg'; Parameters: [number, (readonly [Hex, number])[]]; ReturnType: null }>({
      method: 'anvil_reorg',
      params: [depth, [...transactions]],
    });
  }

  /** Drops everything that waits in the pool. */
  async clearPool(): Promise<void> {
    await this.client.request<{ Method: 'anvil_dropAllTransactions'; Parameters: []; ReturnType: null }>({
      method: 'anvil_dropAllTransactions',
      params: [],
    });
  }

  /** Sets a sender's next nonce, so that addresses of created contracts differ between chains. */
  async setNonce(address: Hex, nonce: number): Promise<void> {
    await this.client.request<{ Method: 'anvil_setNonce'; Parameters: [Hex, Hex]; ReturnType: null }>({
      method: 'anvil_setNonce',
      params: [address, numberToHex(nonce)],
    });
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
