const FIRST_MS = 1_000;
const LAST_MS = 60_000;

/**
 * When things that failed a moment ago are due again: 1 s, doubled per failure, at most a minute. Forgets what it is not asked about.
 * What was never tried comes first, then what is due the longest, so that no crowd of hopeless ones keeps others from their turn.
 */
export class Backoff {
  readonly #failures = new Map<string, { readonly count: number; readonly notBefore: number }>();

  /** @param now milliseconds. @returns those of `keys` that may be tried */
  due(keys: readonly string[], now: number): string[] {
    const asked = new Set(keys);
    for (const key of this.#failures.keys()) if (!asked.has(key)) this.#failures.delete(key);
    const dueAt = (key: string): number => this.#failures.get(key)?.notBefore ?? 0;
    return keys.filter((key) => dueAt(key) <= now).sort((a, b) => dueAt(a) - dueAt(b));
  }

  failed(key: string, now: number): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.set(key, { count, notBefore: now + Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(count - 1, 10)) });
  }

  passed(key: string): void {
    this.#failures.delete(key);
  }
}
