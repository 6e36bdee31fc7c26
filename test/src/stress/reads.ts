import { createPublicClient, http, type ContractFunctionParameters, type PublicClient, type Transport } from 'viem';

/** What a node answers alike until its next block, whatever lies in its pool. */
const STEADY: ReadonlySet<string> = new Set([
  'eth_call',
  'eth_getBlockByNumber',
  'eth_getLogs',
  'eth_getCode',
  'eth_gasPrice',
  'eth_blockNumber',
]);

const isPlain = (value: unknown): boolean => ['string', 'number', 'bigint', 'boolean'].includes(typeof value);

/** Reads of a chain by several who ask the same: each question goes to the node once per block. */
export class SharedReads {
  readonly client: PublicClient;
  readonly #answers = new Map<string, Promise<unknown>>();

  constructor(rpcUrl: string) {
    const node = http(rpcUrl, { batch: { batchSize: 100, wait: 0 }, timeout: 60_000, retryCount: 0 });
    this.client = this.#decodedOnce(createPublicClient({ transport: this.#remembering(node), cacheTime: 0 }));
  }

  /** There is another block, or another chain. */
  forget(): void {
    this.#answers.clear();
  }

  /** Answers of contracts are decoded once too. */
  #decodedOnce(client: PublicClient): PublicClient {
    const read = (asked: ContractFunctionParameters & { readonly blockNumber?: bigint }): Promise<unknown> => {
      const { address, functionName, args = [], blockNumber } = asked;
      if (!args.every(isPlain)) return client.readContract(asked);
      const key = `${address} ${functionName} ${args.map(String).join(' ')} ${blockNumber}`;
      const known = this.#answers.get(key);
      if (known !== undefined) return known;
      const answer = client.readContract(asked);
      this.#answers.set(key, answer);
      return answer;
    };
    // CAST: decoded by the ABI and the name that were given, as there.
    return { ...client, readContract: read as PublicClient['readContract'] };
  }

  #remembering(node: Transport): Transport {
    return (options) => {
      const own = node(options);
      // CAST: answers pass as they came, whatever was asked for.
      const ask = own.request as (question: { readonly method: string; readonly params?: unknown }) => Promise<unknown>;
      const request = (question: { readonly method: string; readonly params?: unknown }): Promise<unknown> => {
        if (!STEADY.has(question.method)) return ask(question);
        const key = JSON.stringify([question.method, question.params]);
        const known = this.#answers.get(key);
        if (known !== undefined) return known;
        const answer = ask(question);
        this.#answers.set(key, answer);
        return answer;
      };
      // CAST: it asks what it is asked.
      return { ...own, request: request as typeof own.request };
    };
  }
}
