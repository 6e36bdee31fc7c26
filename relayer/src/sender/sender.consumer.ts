import type { EntityManager } from 'typeorm';
import type { BlockRef, LogFilter } from '../chain/block.js';
import type { ChainConsumer } from '../chain/chain-consumer.js';
import type { ChainContext } from '../chain/chain-context.js';

/**
 * Reopens transactions that were final when an operator accepts a reorg deeper than finality, so that the watcher looks at them again.
 * Shallower reorgs the watcher finds by itself.
 */
export class SenderConsumer implements ChainConsumer {
  readonly name = 'sender';

  filters(): LogFilter {
    return { addresses: [], topics: [] };
  }

  onBlock(): Promise<void> {
    return Promise.resolve();
  }

  async onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    await tx.query(
      `with reopened as (
         update tx_intents set state = 'signed', mined_hash = null, mined_block = null, mined_block_hash = null, gas_used = null, gas_price = null,
           updated_at = now()
         where chain_id = $1 and state in ('final', 'final-reverted') and mined_block >= $2 returning id)
       update tx_attempts set state = 'broadcast' where state = 'mined' and intent_id in (select id from reopened)`,
      [chain.chainId, firstRemoved.number.toString()],
    );
  }

  onFinal(): Promise<void> {
    return Promise.resolve();
  }
}
