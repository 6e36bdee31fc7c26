/** How long to wait, and how often to look, in milliseconds. */
export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** A condition did not come true in time; carries the last thing that was seen, so the reader knows how far it got. */
export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout';
  constructor(
    readonly what: string,
    readonly waitedMs: number,
    readonly lastSeen: string,
  ) {
    super(`waited ${(waitedMs / 1000).toFixed(1)} s for ${what}; last seen: ${lastSeen}`);
  }
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_EVERY_MS = 100;
const SHOWN = 800;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Asks `look` again and again until it returns something other than `undefined`, and returns that. An exception of `look`
 * counts as "not yet" and is reported if time runs out.
 * @param what a noun phrase for the error message, e.g. "deposit 3 of spoke-a to be credited"
 * @throws WaitTimeout with the last observation
 */
export async function eventually<T>(
  what: string,
  look: (note: (seen: unknown) => void) => Promise<T | undefined>,
  options: WaitOptions = {},
): Promise<T> {
  const started = Date.now();
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let lastSeen = 'nothing';
  const note = (seen: unknown): void => {
    lastSeen = render(seen);
  };
  for (;;) {
    try {
      const found = await look(note);
      if (found !== undefined) return found;
    } catch (error) {
      note(error);
    }
    const waited = Date.now() - started;
    if (waited >= timeoutMs) throw new WaitTimeout(what, waited, lastSeen);
    await sleep(Math.min(options.everyMs ?? DEFAULT_EVERY_MS, timeoutMs - waited));
  }
}

function render(seen: unknown): string {
  if (seen instanceof Error) return `${seen.name}: ${seen.message}`.slice(0, SHOWN);
  const text =
    typeof seen === 'string'
      ? seen
      : JSON.stringify(seen, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  return (text ?? String(seen)).slice(0, SHOWN);
}
