import { Body, Controller, Delete, Get, Headers, HttpStatus, Param, Post, Query, Sse, UseFilters, type MessageEvent } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiBody,
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiForbiddenResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiQuery,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { Observable } from 'rxjs';
import type { z } from 'zod/v4';
import { Chains } from '../chain/chains.js';
import { IntakeService, type IntakeProblem, type IntakeResult } from '../stages/exchange/intake.service.js';
import { ChangeFeed, type Change, type FeedPosition } from './change-feed.js';
import { changeStream } from './change-stream.js';
import { bookParams, bookQuery, cancellation, newOrder, orderParams, ordersQuery, tradesQuery } from './order-params.js';
import { BookDto, CancelDto, ExchangeDto, NewOrderDto, OrderDto, TradeDto } from './order-views.js';
import type { BookView, ExchangeView, OrderView, TradeView } from './order-views.js';
import { OrderQueries, orderView } from './orders.queries.js';
import { ProblemException, ProblemFilter, ZodPipe, badParameters, notFound } from './problem.js';
import { ProblemDto } from './views.js';

const POLL_MS = 200;

/** Orders to be matched, the books they wait in, and what was traded. */
@ApiTags('exchange')
@ApiBadRequestResponse({ type: ProblemDto })
@ApiServiceUnavailableResponse({ type: ProblemDto, description: 'the hub has no exchange, or no provider answered' })
@UseFilters(ProblemFilter)
@Controller()
export class OrdersController {
  constructor(
    private readonly chains: Chains,
    private readonly intake: IntakeService,
    private readonly orders: OrderQueries,
    private readonly feed: ChangeFeed,
  ) {}

  @Get('exchange')
  @ApiOperation({ summary: 'What an order must fit, and the EIP-712 domain it is signed in' })
  @ApiOkResponse({ type: ExchangeDto })
  terms(): ExchangeView {
    this.#requireExchange();
    return this.orders.terms();
  }

  @Post('orders')
  @ApiOperation({ summary: 'Hand in a signed order. The same order again is answered with what became of it' })
  @ApiBody({ type: NewOrderDto })
  @ApiCreatedResponse({ type: OrderDto })
  @ApiForbiddenResponse({ type: ProblemDto, description: 'nobody who may trade for the account signed it' })
  @ApiConflictResponse({ type: ProblemDto, description: 'its nonce names another order, or too many wait' })
  async place(@Body(new ZodPipe(newOrder)) { signed, timeInForce }: z.output<typeof newOrder>): Promise<OrderView> {
    this.#requireExchange();
    return taken(await this.intake.take(signed, timeInForce));
  }

  @Get('orders/:hash')
  @ApiOperation({ summary: 'An order and what became of it' })
  @ApiParam({ name: 'hash' })
  @ApiOkResponse({ type: OrderDto })
  @ApiNotFoundResponse({ type: ProblemDto })
  async order(@Param(new ZodPipe(orderParams)) { hash }: z.output<typeof orderParams>): Promise<OrderView> {
    const found = await this.orders.order(hash);
    if (found === null) throw notFound(`no order ${hash} is known`);
    return found;
  }

  @Delete('orders/:hash')
  @ApiOperation({ summary: 'Take an order out of the book. Whoever holds it may still settle it, unless it is cancelled on the hub too' })
  @ApiParam({ name: 'hash' })
  @ApiBody({ type: CancelDto })
  @ApiOkResponse({ type: OrderDto, description: 'the order as it is; the matcher takes it out with its next step' })
  @ApiForbiddenResponse({ type: ProblemDto })
  @ApiNotFoundResponse({ type: ProblemDto })
  async cancel(
    @Param(new ZodPipe(orderParams)) { hash }: z.output<typeof orderParams>,
    @Body(new ZodPipe(cancellation)) { signer, signature }: z.output<typeof cancellation>,
  ): Promise<OrderView> {
    this.#requireExchange();
    return taken(await this.intake.cancel(hash, signer, signature));
  }

  @Get('orders')
  @ApiOperation({ summary: 'The orders of an account, newest first' })
  @ApiQuery({ name: 'account' })
  @ApiQuery({ name: 'state', required: false, description: 'live: those that may still trade; all' })
  @ApiQuery({ name: 'limit', required: false })
  @ApiOkResponse({ type: [OrderDto] })
  list(@Query(new ZodPipe(ordersQuery)) { account, state, limit }: z.output<typeof ordersQuery>): Promise<OrderView[]> {
    return this.orders.ofAccount(account, state, limit);
  }

  @Get('books')
  @ApiOperation({ summary: 'The books in which orders wait, each with its best prices' })
  @ApiOkResponse({ type: [BookDto] })
  books(): Promise<BookView[]> {
    return this.orders.books();
  }

  @Get('books/:instrument')
  @ApiOperation({ summary: 'Sizes by price of one instrument' })
  @ApiParam({ name: 'instrument', example: '256' })
  @ApiQuery({ name: 'levels', required: false })
  @ApiOkResponse({ type: BookDto })
  book(
    @Param(new ZodPipe(bookParams)) { instrument }: z.output<typeof bookParams>,
    @Query(new ZodPipe(bookQuery)) { levels }: z.output<typeof bookQuery>,
  ): Promise<BookView> {
    return this.orders.book(instrument, levels);
  }

  @Get('trades')
  @ApiOperation({ summary: 'Trades of an instrument or an account, newest first' })
  @ApiQuery({ name: 'instrument', required: false })
  @ApiQuery({ name: 'account', required: false })
  @ApiQuery({ name: 'limit', required: false })
  @ApiOkResponse({ type: [TradeDto] })
  trades(@Query(new ZodPipe(tradesQuery)) query: z.output<typeof tradesQuery>): Promise<TradeView[]> {
    return this.orders.trades(query);
  }

  @Sse('books/:instrument/events')
  @ApiOperation({ summary: 'The book now and after every change, and every trade, as server-sent events' })
  @ApiParam({ name: 'instrument', example: '256' })
  @ApiProduces('text/event-stream')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'go on after this event; without it, from now on' })
  events(
    @Param(new ZodPipe(bookParams)) { instrument }: z.output<typeof bookParams>,
    @Headers('last-event-id') last: string | undefined,
  ): Promise<Observable<MessageEvent>> {
    return changeStream({
      feed: this.feed,
      last,
      pollMs: POLL_MS,
      first: async () => [{ type: 'book', data: await this.orders.book(instrument) }],
      tell: (changes) => this.#tell(instrument, changes),
    });
  }

  /** Every trade as it is by now, and one book for all changes of it. */
  async #tell(
    instrument: z.output<typeof bookParams>['instrument'],
    changes: readonly Change[],
  ): Promise<(MessageEvent & { position: FeedPosition })[]> {
    const own = changes.filter(({ subject }) => subject['instrument'] === `${instrument}`);
    const last = own.at(-1);
    if (last === undefined) return [];
    const trades = own.filter(({ kind }) => kind === 'trade');
    const told = await Promise.all(
      trades.map(async ({ position, subject }) => ({
        position,
        type: 'trade',
        data: (await this.orders.trade(`${subject['trade']}`)) ?? {},
      })),
    );
    return [...told, { position: last.position, type: 'book', data: await this.orders.book(instrument) }];
  }

  #requireExchange(): void {
    if (this.chains.hub.exchange === null)
      throw new ProblemException(HttpStatus.SERVICE_UNAVAILABLE, 'No exchange', 'The hub of this network has no exchange contract.');
  }
}

function taken(result: IntakeResult): OrderView {
  if (result.kind === 'taken') return orderView(result.order);
  throw problemOf(result.problem);
}

function problemOf(problem: IntakeProblem): ProblemException {
  switch (problem.kind) {
    case 'invalid':
      return badParameters([{ parameter: problem.field, value: problem.value, expected: problem.expected }]);
    case 'unsigned':
      return new ProblemException(HttpStatus.FORBIDDEN, 'Not signed by whom it concerns', problem.detail);
    case 'conflict':
      return new ProblemException(HttpStatus.CONFLICT, 'In conflict with what is known', problem.detail);
    case 'unknown':
      return notFound(problem.detail);
  }
}
