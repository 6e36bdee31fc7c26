import { createPublicClient, http, type PublicClient } from 'viem';
import type { ChainConfig } from '../config/relayer-config.js';
import type { Clock } from './clock.js';
import { ProviderPool } from './provider-pool.js';

/** Clients of one chain: every provider alone, and all of them behind one that falls back from the first to the last. */
export interface ChainClients {
  readonly providers: readonly PublicClient[];
  readonly client: PublicClient;
  readonly pool: ProviderPool;
}

/** Requests of one turn of the event loop travel as one JSON-RPC batch; an answer above `maxResponseBytes` is refused, not buffered. */
export function createChainClients(config: ChainConfig, clock: Clock): ChainClients {
  const options = { cacheTime: 0, pollingInterval: config.pollMs } as const;
  const providers = config.rpcUrls.map((url, index) =>
    createPublicClient({
      transport: http(url, {
        key: `provider-${index}`,
        batch: { batchSize: 100, wait: 0 },
        timeout: config.requestTimeoutMs,
        maxResponseBodySize: config.maxResponseBytes,
        retryCount: 0,
      }),
      ...options,
    }),
  );
  const pool = new ProviderPool(providers, clock);
  return { providers, pool, client: createPublicClient({ transport: pool.transport(), ...options }) };
}
