import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { CLOCK, type Clock } from '../chain/clock.js';
import { firstLine } from '../chain/error-fields.js';

const FRESH_MS = 3_000;
/** An answer of the API waits no longer than this for a provider. */
const PATIENCE_MS = 1_500;
const KEPT = 5_000;

/** What contracts say now, for answers of the API: kept for a moment, and never waited for long. Null: nobody answered. */
@Injectable()
export class OnChain {
  readonly #logger = new Logger(OnChain.name);
  readonly #known = new Map<string, { readonly at: number; readonly value: Promise<unknown> }>();

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    /** another one for tests, whose providers answer in the end, however busy the machine is */
    @Optional() private readonly patienceMs: number = PATIENCE_MS,
  ) {}

  /** @param key names the question; the same question within a few seconds gets the same answer */
  async ask<T>(key: string, read: () => Promise<T>): Promise<T | null> {
    const now = this.clock.now();
    const known = this.#known.get(key);
    if (known !== undefined && now - known.at < FRESH_MS) return (await known.value) as T | null; // CAST: one key, one kind of answer.
    if (this.#known.size > KEPT) this.#known.clear();
    const value = this.#answer(key, read);
    this.#known.set(key, { at: now, value });
    return value;
  }

  async #answer<T>(key: string, read: () => Promise<T>): Promise<T | null> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), this.patienceMs);
    });
    try {
      return await Promise.race([read(), patience]);
    } catch (error) {
      this.#logger.debug({ event: 'api.unanswered', key, because: firstLine(error) });
      return null;
    } finally {
      clearTimeout(timer);
    }
  }
}
