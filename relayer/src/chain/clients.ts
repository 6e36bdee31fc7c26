import { createPublicClient, fallback, http, type PublicClient } from 'viem';
import type { ChainConfig } from '../config/relayer-config.js';

/** Clients of one chain: every provider alone, and all of them behind one falling back from the first to the last. */
export interface ChainClients {
  readonly providers: readonly PublicClient[];
  readonly client: PublicClient;
}

/** Requests of one turn of the event loop travel as one JSON-RPC batch; an answer above `maxResponseBytes` is refused, not buffered. */
export function createChainClients(config: ChainConfig): ChainClients {
  const transports = config.rpcUrls.map((url, index) =>
    http(url, {
      key: `provider-${index}`,
      batch: { batchSize: 100, wait: 0 },
      timeout: config.requestTimeoutMs,
      maxResponseBodySize: config.maxResponseBytes,
      retryCount: 0,
    }),
  );
  const [only] = transports;
  if (!only) throw new RangeError(`chain ${config.chain} has no RPC URL; expected at least one`);
  const options = { cacheTime: 0, pollingInterval: config.pollMs } as const;
  return {
    providers: transports.map((transport) => createPublicClient({ transport, ...options })),
    client: createPublicClient({ transport: transports.length === 1 ? only : fallback(transports, { retryCount: 0 }), ...options }),
  };
}
