import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import { parsePosition, positionText, type Change, type ChangeFeed, type FeedPosition } from './change-feed.js';
import { badParameters } from './problem.js';

/** A comment that keeps proxies from closing a silent stream. */
const ALIVE_MS = 15_000;

/** What a stream tells, and how often it looks. */
export interface StreamOptions {
  readonly feed: ChangeFeed;
  /** the listener's Last-Event-ID, from which it goes on; without it, from now on */
  readonly last: string | undefined;
  /** told before the first change, and as it is not before the stream's start */
  readonly first?: () => Promise<readonly MessageEvent[]>;
  readonly pollMs: number;
  /** events for a batch of changes; ids are given to them here */
  readonly tell: (changes: readonly Change[]) => Promise<readonly (MessageEvent & { readonly position: FeedPosition })[]>;
}

/**
 * Changes as server-sent events, until the listener goes. Each event's id is a position from which a listener may go on.
 * @throws ProblemException if `last` is no such id
 */
export async function changeStream(options: StreamOptions): Promise<Observable<MessageEvent>> {
  const { feed, last } = options;
  const from = last === undefined ? await feed.end() : parsePosition(last);
  if (from === undefined)
    throw badParameters([{ parameter: 'Last-Event-ID', value: JSON.stringify(last), expected: 'the id of an event of this stream' }]);
  const first = (await options.first?.()) ?? [];
  return new Observable((listener) => {
    const gone = new AbortController();
    follow({ ...options, from, first }, gone.signal, (event) => listener.next(event)).catch((error: unknown) => listener.error(error));
    return () => gone.abort();
  });
}

async function follow(
  {
    feed,
    first,
    from,
    pollMs,
    tell,
  }: Omit<StreamOptions, 'first'> & { readonly from: FeedPosition; readonly first: readonly MessageEvent[] },
  gone: AbortSignal,
  send: (event: MessageEvent) => void,
): Promise<void> {
  let position = from;
  let quietSince = performance.now();
  for (const event of first) send({ ...event, id: positionText(position) });
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
