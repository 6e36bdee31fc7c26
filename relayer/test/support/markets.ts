import type { DataSource } from 'typeorm';
import { createPublicClient, http, type PublicClient } from 'viem';
import type { ChainContext } from '../../src/chain/chain-context.js';
import { deployMarkets, type HubMarkets } from '../exchange/hub-chain.js';
import { startAnvil, type TestChain } from './anvil.js';
import { chainContext } from './chain.js';
import { migratedDatabase } from './database.js';
import { startPostgres } from './postgres.js';

const DAY = 86_400;
const NOON = DAY / 2;

/**
 * Arguments of a local chain on which it is the next noon in UTC, four hours after options expire and twenty before: what is listed there,
 * and what ends meanwhile, does not hang on the hour of a run.
 */
export function atNoon(): readonly string[] {
  const seconds = Math.floor(Date.now() / 1000);
  const noon = (Math.floor((seconds - NOON) / DAY) + 1) * DAY + NOON;
  return ['--timestamp', String(noon)];
}

/** Markets on a real chain, and a client that asks it many things at once. */
export async function startMarketsChain(
  chainId: number,
  args: readonly string[] = [],
): Promise<{ chain: TestChain; hub: HubMarkets; client: PublicClient }> {
  const chain = await startAnvil(chainId, args);
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

export async function startMarkets(chainId: number, args: readonly string[] = []): Promise<TestMarkets> {
  const [chain, postgres] = await Promise.all([startAnvil(chainId, args), startPostgres()]);
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
