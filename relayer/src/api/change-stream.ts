import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { positionText, type Change, type ChangeFeed, type FeedPosition } from './change-feed.js';

/** A comment that keeps proxies from closing a silent stream. */
const ALIVE_MS = 15_000;

/** What a stream tells, and how often it looks. */
export interface StreamOptions {
  readonly feed: ChangeFeed;
  /** told before the first change */
  readonly first?: readonly MessageEvent[];
  readonly from: FeedPosition;
  readonly pollMs: number;
  /** events for a batch of changes; ids are given to them here */
  readonly tell: (changes: readonly Change[]) => Promise<readonly (MessageEvent & { readonly position: FeedPosition })[]>;
}

/** Changes as server-sent events, until the listener goes. Each event's id is a position from which a listener may go on. */
export function changeStream(options: StreamOptions): Observable<MessageEvent> {
  return new Observable((listener) => {
    const gone = new AbortController();
    follow(options, gone.signal, (event) => listener.next(event)).catch((error: unknown) => listener.error(error));
    return () => gone.abort();
  });
}

async function follow(
  { feed, first, from, pollMs, tell }: StreamOptions,
  gone: AbortSignal,
  send: (event: MessageEvent) => void,
): Promise<void> {
  let position = from;
  let quietSince = performance.now();
  for (const event of first ?? []) send({ ...event, id: positionText(position) });
  while (!gone.aborted) {
    const changes = await feed.after(position);
    for (const { position: at, ...event } of await tell(changes)) {
      send({ ...event, id: positionText(at) });
      quietSince = performance.now();
    }
    position = changes.at(-1)?.position ?? position;
    if (performance.now() - quietSince > ALIVE_MS) {
      // Its id is the position: who comes back after a long silence starts where the stream was.
      send({ id: positionText(position), type: 'alive', data: {} });
      quietSince = performance.now();
    }
    if (changes.length === 0) await pause(pollMs, gone);
  }
}

const pause = (ms: number, gone: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      gone.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    gone.addEventListener('abort', done);
  });
