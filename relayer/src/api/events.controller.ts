import { Controller, Headers, Query, Sse, UseFilters, type MessageEvent } from '@nestjs/common';
import { ApiBadRequestResponse, ApiHeader, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Observable } from 'rxjs';
import type { z } from 'zod/v4';
import { ChangeFeed, parsePosition, positionText, type FeedPosition } from './change-feed.js';
import { eventsQuery } from './params.js';
import { ProblemFilter, ZodPipe, badParameters } from './problem.js';
import { ProblemDto } from './views.js';

const POLL_MS = 1_000;
/** A comment that keeps proxies from closing a silent stream. */
const ALIVE_MS = 15_000;

type Kinds = z.output<typeof eventsQuery>['kind'];

/** Tells changes as they happen. */
@ApiTags('events')
@ApiBadRequestResponse({ type: ProblemDto })
@UseFilters(ProblemFilter)
@Controller('events')
export class EventsController {
  constructor(private readonly feed: ChangeFeed) {}

  @Sse()
  @ApiOperation({
    summary: 'Changes of deposits, withdrawals, requests and paths as server-sent events; a listener that comes back misses nothing',
  })
  @ApiProduces('text/event-stream')
  @ApiQuery({ name: 'kind', required: false, description: 'only these kinds, separated by commas' })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'go on after this event; without it, from now on' })
  async changes(
    @Query(new ZodPipe(eventsQuery)) { kind }: z.output<typeof eventsQuery>,
    @Headers('last-event-id') last: string | undefined,
  ): Promise<Observable<MessageEvent>> {
    const from = last === undefined ? await this.feed.end() : parsePosition(last);
    if (from === undefined)
      throw badParameters([{ parameter: 'Last-Event-ID', value: JSON.stringify(last), expected: 'the id of an event of this stream' }]);
    return new Observable((listener) => {
      const gone = new AbortController();
      this.#tell(from, kind, gone.signal, (event) => listener.next(event)).catch((error: unknown) => listener.error(error));
      return () => gone.abort();
    });
  }

  async #tell(from: FeedPosition, kinds: Kinds, gone: AbortSignal, tell: (event: MessageEvent) => void): Promise<void> {
    let position = from;
    let quietSince = performance.now();
    while (!gone.aborted) {
      const changes = await this.feed.after(position);
      for (const { position: at, kind, what, subject, at: time } of changes) {
        position = at;
        if (kinds !== undefined && !kinds.includes(kind)) continue;
        tell({ id: positionText(at), type: kind, data: { what, ...subject, at: time } });
        quietSince = performance.now();
      }
      if (performance.now() - quietSince > ALIVE_MS) {
        // Its id is the position: who comes back after a long silence starts where the stream was.
        tell({ id: positionText(position), type: 'alive', data: {} });
        quietSince = performance.now();
      }
      if (changes.length === 0) await pause(POLL_MS, gone);
    }
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
