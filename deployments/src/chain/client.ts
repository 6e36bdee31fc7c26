import {
  createPublicClient,
  defineChain,
  http,
  type Account,
  type Chain,
  type LocalAccount,
  type PublicClient,
  type Transport,
} from 'viem';

/** One chain to read from and, with an account, to send to. */
export interface ChainClient {
  /** Name of the chain in the desired state, e.g. `hub`. */
  readonly chain: string;
  readonly chainId: number;
  readonly rpc: PublicClient<Transport, Chain>;
  /** Signs deployments and governance calls; absent: read only. */
  readonly account: LocalAccount | undefined;
}

export interface ConnectOptions {
  readonly chain: string;
  readonly chainId: number;
  readonly rpcUrl: string;
  readonly account?: LocalAccount | undefined;
}

/** Opens a client. Nothing is sent before the first read; call `checkChainId` before trusting the URL. */
export function connect(options: ConnectOptions): ChainClient {
  const chain = defineChain({
    id: options.chainId,
    name: options.chain,
    nativeCurrency: { name: 'Native coin', symbol: 'NATIVE', decimals: 18 },
    rpcUrls: { default: { http: [options.rpcUrl] } },
  });
  const rpc = createPublicClient({
    chain,
    transport: http(options.rpcUrl, { batch: { batchSize: 100 }, timeout: 30_000 }),
    cacheTime: 0,
  });
  return { chain: options.chain, chainId: options.chainId, rpc, account: options.account };
}

/** @throws Error if the URL serves another chain than expected */
export async function checkChainId(client: ChainClient): Promise<void> {
  const actual = await client.rpc.getChainId();
  if (actual !== client.chainId) throw new Error(`RPC of ${client.chain} serves chain id ${actual}; expected ${client.chainId}`);
}

/** The account that signs. @throws Error if the client is read only */
export function signerOf(client: ChainClient): LocalAccount & Account {
  if (client.account === undefined) throw new Error(`no key for ${client.chain}; expected an account that may deploy and configure`);
  return client.account;
}
