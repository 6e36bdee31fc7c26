import type { BlockNumber } from '@lockstep/shared';
import type { BlockRef, Header, Log, LogFilter } from './block.js';
import { Bloom, isFilled } from './bloom.js';
import { heights, type ChainSource } from './chain-source.js';
import { RangeSizer } from './range-sizer.js';
import { InconsistentAnswerError } from './rpc.js';

/** A block and those of its logs that were asked for. */
export interface BlockWithLogs {
  readonly block: BlockRef;
  readonly logs: readonly Log[];
}

/** Rough bytes of a log in an answer: its data and topics as hex, and the fixed fields. */
const LOG_OVERHEAD_BYTES = 500;

/** Reads blocks with logs so that nothing can be missing unnoticed: linked headers, logs tied to block hashes, filters cross-checked. */
export class ChainReader {
  readonly sizer: RangeSizer;
  /** whether this chain fills its blooms: known once one was not empty. An empty one then means "no logs" */
  #fillsBlooms = false;

  constructor(
    private readonly source: ChainSource,
    private readonly filter: LogFilter,
    limits: { readonly maxBlocks: number; readonly maxBytes: number },
  ) {
    // Half of what a provider may send at most: an answer near the limit is asked in two next time, before it is refused.
    this.sizer = new RangeSizer(limits.maxBlocks, limits.maxBytes / 2);
  }

  /**
   * The blocks after `parent` up to `to` at most, in order; fewer if the provider needs smaller pieces. Those up to `finalTo` are asked by
   * range, those above each by its hash.
   * @throws InconsistentAnswerError if the answers contradict each other; ParentMismatchError if the first does not follow `parent`
   */
  async after(parent: BlockRef, to: BlockNumber, finalTo: BlockNumber | null): Promise<readonly BlockWithLogs[]> {
    const first = parent.number + 1n;
    // One call reads either final blocks or unfinal ones, so that each way of asking stays simple.
    const allFinal = finalTo !== null && first <= finalTo;
    const end = allFinal && finalTo < to ? finalTo : to;
    const available = Number(end - parent.number);
    for (;;) {
      const count = Math.min(available, this.sizer.size);
      const numbers = heights(asHeight(first), asHeight(parent.number + BigInt(count)));
      try {
        const headers = await Promise.all(numbers.map((number) => this.source.header(number)));
        checkLinks(parent, headers);
        this.#fillsBlooms ||= headers.some(({ logsBloom }) => isFilled(logsBloom));
        const logs = allFinal ? await this.#byRange(headers) : await this.#byHash(headers);
        this.sizer.answered(
          count,
          logs.flat().reduce((sum, log) => sum + LOG_OVERHEAD_BYTES + log.data.length + log.topics.length * 70, 0),
        );
        return headers.map((header, index) => ({ block: refOf(header), logs: logs[index] ?? [] }));
      } catch (error) {
        if (error instanceof ParentMismatchError || error instanceof InconsistentAnswerError || !this.sizer.refused(count)) throw error;
      }
    }
  }

  async #byHash(headers: readonly Header[]): Promise<readonly (readonly Log[])[]> {
    return Promise.all(headers.map((header) => this.#logsOf(header)));
  }

  async #byRange(headers: readonly Header[]): Promise<readonly (readonly Log[])[]> {
    const [first, last] = [headers[0], headers.at(-1)];
    if (!first || !last) return [];
    const byHash = new Map<string, Log[]>(headers.map((header) => [header.hash, []]));
    for (const log of await this.source.logsOfRange(first.number, last.number, this.filter)) {
      const list = byHash.get(log.blockHash);
      if (!list)
        throw new InconsistentAnswerError(
          `logs of ${first.number} … ${last.number} include block ${log.blockHash}, which is not among their headers`,
        );
      list.push(log);
    }
    return Promise.all(
      headers.map((header) => {
        const logs = byHash.get(header.hash) ?? [];
        // The header says there may be some: an empty answer to a range proves nothing.
        const suspicious = logs.length === 0 && this.#mayHoldLogs(header);
        return suspicious ? this.#logsOf(header) : this.#witnessed(header, checked(header, logs, this.#fillsBlooms));
      }),
    );
  }

  async #logsOf(header: Header): Promise<readonly Log[]> {
    return this.#witnessed(header, checked(header, await this.source.logsOfBlock(header.hash, this.filter), this.#fillsBlooms));
  }

  #mayHoldLogs(header: Header): boolean {
    return isFilled(header.logsBloom) && new Bloom(header.logsBloom).mayMatch(this.filter);
  }

  /**
   * A provider whose log index lags answers with too few logs and no error, and what is passed over once is not read again. So where the
   * header admits logs of ours, the block's receipts must hold as many.
   */
  async #witnessed(header: Header, logs: readonly Log[]): Promise<readonly Log[]> {
    if (!this.#mayHoldLogs(header)) return logs;
    const count = await this.source.countInReceipts(header.hash, this.filter);
    if (count !== logs.length)
      throw new InconsistentAnswerError(
        `block ${header.hash} has ${count} logs of ours in its receipts; the provider listed ${logs.length}`,
      );
    return logs;
  }
}

/** The block after ours does not name ours as its parent: the provider is on another branch. */
export class ParentMismatchError extends Error {
  override readonly name = 'ParentMismatchError';
}

function checkLinks(parent: BlockRef, headers: readonly Header[]): void {
  let previous: BlockRef = parent;
  for (const header of headers) {
    if (header.parentHash !== previous.hash) {
      const said = `block ${header.number} ${header.hash} has parent ${header.parentHash}; expected ${previous.hash}`;
      throw previous === parent ? new ParentMismatchError(said) : new InconsistentAnswerError(said);
    }
    previous = header;
  }
}

function checked(header: Header, logs: readonly Log[], fillsBlooms: boolean): readonly Log[] {
  const bloom = fillsBlooms ? new Bloom(header.logsBloom) : null;
  let lastIndex = -1;
  for (const log of logs) {
    if (log.blockNumber !== header.number)
      throw new InconsistentAnswerError(`a log of block ${header.hash} says number ${log.blockNumber}; expected ${header.number}`);
    if (log.logIndex <= lastIndex) throw new InconsistentAnswerError(`block ${header.hash} lists log ${log.logIndex} twice`);
    if (bloom && !bloom.admits(log))
      throw new InconsistentAnswerError(`log ${log.logIndex} is not in the bloom filter of block ${header.hash}`);
    lastIndex = log.logIndex;
  }
  return logs;
}

export function refOf({ number, hash, parentHash, timestamp }: BlockRef): BlockRef {
  return { number, hash, parentHash, timestamp };
}

// CAST: one past a known height is one.
const asHeight = (value: bigint): BlockNumber => value as BlockNumber;
