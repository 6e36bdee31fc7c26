import type { DataSource } from 'typeorm';
import { createPublicClient, http, type PublicClient } from 'viem';
import type { ChainContext } from '../../src/chain/chain-context.js';
import { deployMarkets, type HubMarkets } from '../exchange/hub-chain.js';
import { startAnvil, type TestChain } from './anvil.js';
import { chainContext } from './chain.js';
import { migratedDatabase } from './database.js';
import { startPostgres } from './postgres.js';

/** Markets on a real chain, and a client that asks it many things at once. */
export async function startMarketsChain(chainId: number): Promise<{ chain: TestChain; hub: HubMarkets; client: PublicClient }> {
  const chain = await startAnvil(chainId, []);
  const hub = await deployMarkets(chain, chainId);
  return { chain, hub, client: createPublicClient({ transport: http(chain.url, { batch: true }), cacheTime: 0 }) };
}

/** Markets on a real chain, and a migrated database beside it. */
export interface TestMarkets {
  readonly chain: TestChain;
  readonly hub: HubMarkets;
  readonly database: DataSource;
  /** the database's URL */
  readonly url: string;
  /** the chain as the relayer knows it */
  readonly context: ChainContext;
  stop(): Promise<void>;
}

export async function startMarkets(chainId: number): Promise<TestMarkets> {
  const [chain, postgres] = await Promise.all([startAnvil(chainId, []), startPostgres()]);
  const hub = await deployMarkets(chain, chainId);
  const { database, url } = await migratedDatabase(postgres);
  return {
    ...{ chain, hub, database, url, context: chainContext(chainId, { rpcUrls: [chain.url] }, hub.contracts) },
    async stop() {
      await database.destroy();
      await chain.stop();
      await postgres.stop();
    },
  };
}
