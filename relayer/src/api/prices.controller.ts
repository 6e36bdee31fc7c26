import { Controller, Get, HttpStatus, Query, UseFilters } from '@nestjs/common';
import { ApiBadRequestResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod/v4';
import { Chains } from '../chain/chains.js';
import { pricesQuery } from './params.js';
import { PricesDto, type PricesView } from './price-views.js';
import { PriceQueries } from './prices.queries.js';
import { ProblemException, ProblemFilter, ZodPipe } from './problem.js';
import { ProblemDto } from './views.js';

/** Signed prices, for whoever calls the hub himself. */
@ApiTags('prices')
@ApiBadRequestResponse({ type: ProblemDto })
@ApiServiceUnavailableResponse({ type: ProblemDto, description: 'the hub has no feeds' })
@UseFilters(ProblemFilter)
@Controller('prices')
export class PricesController {
  constructor(
    private readonly chains: Chains,
    private readonly prices: PriceQueries,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The newest signed snapshots of the feeds, as the bytes that calls of the hub take' })
  @ApiQuery({ name: 'after', required: false, description: 'unix seconds: signed for a later time, as a withdrawal asked for then needs' })
  @ApiQuery({ name: 'underlying', required: false, description: 'the number Feeds knows it by; all without it' })
  @ApiOkResponse({ type: PricesDto })
  newest(@Query(new ZodPipe(pricesQuery)) { after, underlying }: z.output<typeof pricesQuery>): Promise<PricesView> {
    const feeds = this.chains.hub.find('Feeds');
    if (feeds === null)
      throw new ProblemException(HttpStatus.SERVICE_UNAVAILABLE, 'No feeds', 'The hub of this network has no contract Feeds.');
    return this.prices.newest(feeds, after ?? null, underlying ?? null);
  }
}
