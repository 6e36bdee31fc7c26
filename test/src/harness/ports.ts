import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Systems give higher ones to connections: one of those might have it when a process that was killed starts again. */
const [FIRST, LAST] = [10_000, 32_000];
const TRIES = 100;

/** A TCP port on 127.0.0.1 that was free a moment ago, and that nobody gets who does not ask for it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST, LAST);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port of ${TRIES} between ${FIRST} and ${LAST} is free`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
