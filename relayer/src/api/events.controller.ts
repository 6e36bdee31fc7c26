import { Controller, Headers, Query, Sse, UseFilters, type MessageEvent } from '@nestjs/common';
import { ApiBadRequestResponse, ApiHeader, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Observable } from 'rxjs';
import type { z } from 'zod/v4';
import { ChangeFeed } from './change-feed.js';
import { changeStream } from './change-stream.js';
import { eventsQuery } from './params.js';
import { ProblemFilter, ZodPipe } from './problem.js';
import { ProblemDto } from './views.js';

const POLL_MS = 1_000;

/** Tells changes as they happen. */
@ApiTags('events')
@ApiBadRequestResponse({ type: ProblemDto })
@UseFilters(ProblemFilter)
@Controller('events')
export class EventsController {
  constructor(private readonly feed: ChangeFeed) {}

  @Sse()
  @ApiOperation({
    summary:
      'Changes of deposits, withdrawals, requests, paths, orders and trades, and alarms, as server-sent events; a listener that comes back misses nothing',
  })
  @ApiProduces('text/event-stream')
  @ApiQuery({ name: 'kind', required: false, description: 'only these kinds, separated by commas' })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'go on after this event; without it, from now on' })
  changes(
    @Query(new ZodPipe(eventsQuery)) { kind }: z.output<typeof eventsQuery>,
    @Headers('last-event-id') last: string | undefined,
  ): Promise<Observable<MessageEvent>> {
    return changeStream({
      feed: this.feed,
      last,
      pollMs: POLL_MS,
      tell: (changes) =>
        Promise.resolve(
          changes
            .filter((change) => kind === undefined || kind.includes(change.kind))
            .map(({ position, kind: type, what, subject, at }) => ({ position, type, data: { what, ...subject, at } })),
        ),
    });
  }
}
