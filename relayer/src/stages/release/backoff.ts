const FIRST_MS = 1_000;
const LAST_MS = 60_000;

/** When things that failed a moment ago are due again: 1 s, doubled per failure, at most a minute. Forgets what it is not asked about. */
export class Backoff {
  #failures = new Map<string, { readonly count: number; readonly notBefore: number }>();

  /** @param now milliseconds. @returns those of `keys` that may be tried */
  due(keys: readonly string[], now: number): string[] {
    this.#failures = new Map([...this.#failures].filter(([key]) => keys.includes(key)));
    return keys.filter((key) => (this.#failures.get(key)?.notBefore ?? 0) <= now);
  }

  failed(key: string, now: number): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.set(key, { count, notBefore: now + Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(count - 1, 10)) });
  }

  passed(key: string): void {
    this.#failures.delete(key);
  }
}
