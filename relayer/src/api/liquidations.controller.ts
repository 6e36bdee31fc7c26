import { Controller, Get, Param, Query, UseFilters } from '@nestjs/common';
import { ApiBadRequestResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod/v4';
import { LiquidationFiguresQueries } from './liquidation-figures.queries.js';
import {
  LevyDto,
  LiquidationDto,
  LiquidationFiguresDto,
  type LevyView,
  type LiquidationFiguresView,
  type LiquidationView,
} from './liquidation-views.js';
import { LiquidationQueries } from './liquidations.queries.js';
import { leviesQuery, liquidationParams, liquidationsQuery } from './params.js';
import { ProblemFilter, ZodPipe, notFound } from './problem.js';
import { ProblemDto } from './views.js';

const LISTED = 50;

/** What was sold of whom, on which chains, at what price, who was paid where, and what it cost others. */
@ApiTags('liquidations')
@ApiBadRequestResponse({ type: ProblemDto })
@UseFilters(ProblemFilter)
@Controller()
export class LiquidationsController {
  constructor(
    private readonly liquidations: LiquidationQueries,
    private readonly figures: LiquidationFiguresQueries,
  ) {}

  @Get('liquidations/now')
  @ApiOperation({
    summary:
      'What the keeper saw last: accounts below maintenance margin, losses nobody has covered, the brake, and how old the prices were',
  })
  @ApiOkResponse({ type: LiquidationFiguresDto })
  now(): Promise<LiquidationFiguresView> {
    return this.figures.now();
  }

  @Get('liquidations/:id')
  @ApiOperation({
    summary: 'One liquidation from its start to the payouts its bidders chose; every figure with the transaction that told it',
  })
  @ApiParam({ name: 'id', example: '1', description: 'number of the auction on the hub, of either kind' })
  @ApiOkResponse({ type: LiquidationDto })
  @ApiNotFoundResponse({ type: ProblemDto, description: 'not seen yet; its block may not be indexed' })
  async one(@Param(new ZodPipe(liquidationParams)) { id }: z.output<typeof liquidationParams>): Promise<LiquidationView> {
    const found = await this.liquidations.one(id);
    if (found === null) throw notFound(`no liquidation ${id} was seen yet; its block may not be indexed`);
    return found;
  }

  @Get('liquidations')
  @ApiOperation({ summary: 'Liquidations, newest first' })
  @ApiQuery({ name: 'account', required: false, description: 'whose; 0x and 64 hex digits' })
  @ApiQuery({ name: 'limit', required: false })
  @ApiOkResponse({ type: [LiquidationDto] })
  list(@Query(new ZodPipe(liquidationsQuery)) { account, limit }: z.output<typeof liquidationsQuery>): Promise<LiquidationView[]> {
    return this.liquidations.list(account ?? null, limit ?? LISTED);
  }

  @Get('levies/:id')
  @ApiOperation({ summary: 'One levy with every registration and payment: what each paid can be counted again from them' })
  @ApiParam({ name: 'id', example: '1' })
  @ApiOkResponse({ type: LevyDto })
  @ApiNotFoundResponse({ type: ProblemDto })
  async levy(@Param(new ZodPipe(liquidationParams)) { id }: z.output<typeof liquidationParams>): Promise<LevyView> {
    const found = await this.liquidations.levy(id);
    if (found === null) throw notFound(`no levy ${id} was seen yet; its block may not be indexed`);
    return found;
  }

  @Get('levies')
  @ApiOperation({ summary: 'Levies that an account was registered with, newest first, with what concerns that account' })
  @ApiQuery({ name: 'account', description: '0x and 64 hex digits' })
  @ApiQuery({ name: 'limit', required: false })
  @ApiOkResponse({ type: [LevyDto] })
  levies(@Query(new ZodPipe(leviesQuery)) { account, limit }: z.output<typeof leviesQuery>): Promise<LevyView[]> {
    return this.liquidations.levies(account, limit ?? LISTED);
  }
}
