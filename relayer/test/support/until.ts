import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 20;
const MOST_MS = 60_000;

/** Waits until something holds. @throws Error if it does not within a minute */
export async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + MOST_MS; !holds();) {
    if (Date.now() > end) throw new Error(`not within ${MOST_MS} ms: ${holds.toString()}`);
    await sleep(EVERY_MS);
  }
}
