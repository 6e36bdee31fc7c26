import { RangeSizer } from './range-sizer.js';

/** Blocks read again at every step: what a shallow reorg changed is seen anew. */
const OVERLAP = 16n;
const MAX_RANGE = 10_000;
/** An answer of up to so many logs is fine. */
const TARGET_LOGS = 2_000;

/** Goes through the events of a chain once, in pieces that the provider takes. */
export class LogWalk {
  readonly #sizer = new RangeSizer(MAX_RANGE, TARGET_LOGS);
  #next: bigint;

  /**
   * @param from first block of interest
   * @param read takes in what happened in these blocks, the first and the last included. @returns how many logs that were
   */
  constructor(
    from: bigint,
    private readonly read: (fromBlock: bigint, toBlock: bigint) => Promise<number>,
  ) {
    this.#next = from;
  }

  /** Reads up to a block. @param progress told how far it is */
  async advance(to: bigint, progress: (done: bigint, to: bigint) => void = () => undefined): Promise<void> {
    let from = this.#next > OVERLAP ? this.#next - OVERLAP : 0n;
    while (from <= to) {
      const size = this.#sizer.size;
      const until = from + BigInt(size) - 1n < to ? from + BigInt(size) - 1n : to;
      const asked = Number(until - from) + 1;
      const count = await this.read(from, until).catch((error: unknown) => {
        if (!this.#sizer.refused(asked)) throw error;
        return null;
      });
      if (count === null) continue;
      this.#sizer.answered(asked, count);
      from = until + 1n;
      if (from > this.#next) this.#next = from;
      progress(until, to);
    }
  }
}
