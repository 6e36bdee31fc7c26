import type { Address, Hex, PublicClient } from 'viem';
import type { BlockNumber } from '@lockstep/shared';
import type { Header, Log, LogFilter } from './block.js';
import { firstLine } from './error-fields.js';
import { readHeaderByNumber, readLogsOfBlock } from './rpc.js';

/** What one provider said to a question asked of all. */
export type ProviderAnswer =
  | { readonly provider: number; readonly kind: 'answer'; readonly digest: string }
  | { readonly provider: number; readonly kind: 'failed'; readonly message: string };

/** Fewer than the quorum gave one and the same answer. Nothing may be concluded, above all nothing signed. */
export class QuorumError extends Error {
  override readonly name = 'QuorumError';

  constructor(
    readonly question: string,
    readonly quorum: number,
    readonly answers: readonly ProviderAnswer[],
  ) {
    const said = answers.map((a) => `provider ${a.provider}: ${a.kind === 'answer' ? a.digest : `failed (${a.message})`}`).join('; ');
    super(`${question}: no ${quorum} providers agree; ${said}`);
  }
}

/** A provider whose answer differed from the agreed one. */
export interface Dissent {
  readonly question: string;
  readonly provider: number;
  readonly digest: string;
  readonly agreed: string;
}

/**
 * Reads a chain through independent providers and believes only what at least `quorum` of them (more than half) say alike. It never
 * falls back below the quorum: it throws {@link QuorumError}.
 */
export class QuorumReader {
  readonly #dissents: Dissent[] = [];

  constructor(
    private readonly providers: readonly PublicClient[],
    readonly quorum: number,
  ) {
    if (quorum > providers.length || quorum * 2 <= providers.length)
      throw new RangeError(`quorum is ${quorum} of ${providers.length} providers; expected more than half and at most all`);
  }

  /** The newest dissents, oldest first: which provider said something else than the quorum. */
  get dissents(): readonly Dissent[] {
    return this.#dissents;
  }

  /** Highest block that at least a quorum of providers has reached. @throws QuorumError */
  async head(): Promise<BlockNumber> {
    const answers = await this.#ask('head', (client) => client.getBlockNumber({ cacheTime: 0 }), String);
    const heights = answers.values.map(({ value }) => value).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
    const agreed = heights[this.quorum - 1];
    if (agreed === undefined) throw new QuorumError('head', this.quorum, answers.all);
    // CAST: a provider's block number is one.
    return agreed as BlockNumber;
  }

  /** The block at a height, its hash agreed. @throws QuorumError */
  block(number: BlockNumber): Promise<Header> {
    return this.agree(
      `block ${number}`,
      (client) => readHeaderByNumber(client, number),
      (header) => header.hash,
    );
  }

  /** The logs of a block, every field agreed. @throws QuorumError */
  logs(blockHash: Hex, filter: LogFilter): Promise<readonly Log[]> {
    return this.agree(`logs of block ${blockHash}`, (client) => readLogsOfBlock(client, blockHash, filter), digestOfLogs);
  }

  /** A contract's storage-dependent answer at a block, given by its hash. @throws QuorumError */
  call(to: Address, data: Hex, blockHash: Hex): Promise<Hex> {
    return this.agree(
      `call ${to} at ${blockHash}`,
      async (client) => await client.request({ method: 'eth_call', params: [{ to, data }, { blockHash }] }),
      (answer) => answer,
    );
  }

  /**
   * Asks every provider and returns what at least a quorum answered alike, as told by `digest`.
   * @throws QuorumError if there is no such answer
   */
  async agree<T>(question: string, ask: (client: PublicClient) => Promise<T>, digest: (answer: T) => string): Promise<T> {
    const { values, all } = await this.#ask(question, ask, digest);
    const agreed = values.find((one) => values.filter((other) => other.digest === one.digest).length >= this.quorum);
    if (!agreed) throw new QuorumError(question, this.quorum, all);
    for (const { provider, digest: said } of values)
      if (said !== agreed.digest) this.#dissents.push({ question, provider, digest: said, agreed: agreed.digest });
    this.#dissents.splice(0, Math.max(0, this.#dissents.length - MAX_DISSENTS));
    return agreed.value;
  }

  async #ask<T>(
    question: string,
    ask: (client: PublicClient) => Promise<T>,
    digest: (answer: T) => string,
  ): Promise<{ values: readonly { provider: number; value: T; digest: string }[]; all: readonly ProviderAnswer[] }> {
    const settled = await Promise.allSettled(this.providers.map((client) => ask(client)));
    const values: { provider: number; value: T; digest: string }[] = [];
    const all: ProviderAnswer[] = [];
    for (const [provider, outcome] of settled.entries()) {
      if (outcome.status === 'fulfilled') {
        const said = digest(outcome.value);
        values.push({ provider, value: outcome.value, digest: said });
        all.push({ provider, kind: 'answer', digest: said });
      } else {
        all.push({ provider, kind: 'failed', message: firstLine(outcome.reason) });
      }
    }
    if (values.length < this.quorum) throw new QuorumError(question, this.quorum, all);
    return { values, all };
  }
}

const MAX_DISSENTS = 100;

function digestOfLogs(logs: readonly Log[]): string {
  return JSON.stringify(logs.map((log) => [log.logIndex, log.transactionHash, log.address.toLowerCase(), log.topics, log.data]));
}
