import { Controller, Get, Param, Query, UseFilters } from '@nestjs/common';
import { ApiBadRequestResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod/v4';
import { NetworkQueries } from './network.queries.js';
import { accountParams, pageQuery } from './params.js';
import { ProblemFilter, ZodPipe, notFound } from './problem.js';
import {
  AccountDto,
  BatchDto,
  PathDto,
  ProblemDto,
  ReconciliationDto,
  ReorgDto,
  type AccountView,
  type BatchView,
  type PathView,
  type ReconciliationView,
  type ReorgView,
} from './views.js';

/** Accounts over all chains, and the state of the network that carries their deposits. */
@ApiBadRequestResponse({ type: ProblemDto })
@UseFilters(ProblemFilter)
@Controller()
export class NetworkController {
  constructor(private readonly network: NetworkQueries) {}

  @Get('accounts/:account')
  @ApiTags('accounts')
  @ApiOperation({ summary: 'Balances of an account over all chains, and what is on its way to it' })
  @ApiParam({ name: 'account', description: '0x and 64 hex digits: owner (20 bytes) ‖ home (4) ‖ subaccount (8)' })
  @ApiOkResponse({ type: AccountDto })
  account(@Param(new ZodPipe(accountParams)) { account }: z.output<typeof accountParams>): Promise<AccountView> {
    return this.network.account(account);
  }

  @Get('paths')
  @ApiTags('network')
  @ApiOperation({ summary: 'Every log: how far it was appended, flushed, verified and consumed, and what holds it up' })
  @ApiOkResponse({ type: [PathDto] })
  paths(): Promise<PathView[]> {
    return this.network.allPaths();
  }

  @Get('batches')
  @ApiTags('network')
  @ApiOperation({ summary: 'Checkpoints and what they cost, newest first' })
  @ApiQuery({ name: 'limit', required: false, example: 50 })
  @ApiQuery({ name: 'before', required: false, description: 'id of the last item of the page before' })
  @ApiOkResponse({ type: [BatchDto] })
  batches(@Query(new ZodPipe(pageQuery)) page: z.output<typeof pageQuery>): Promise<BatchView[]> {
    return this.network.batches(page);
  }

  @Get('reorgs')
  @ApiTags('network')
  @ApiOperation({ summary: 'What reorgs removed, newest first' })
  @ApiQuery({ name: 'limit', required: false, example: 50 })
  @ApiQuery({ name: 'before', required: false, description: 'id of the last item of the page before' })
  @ApiOkResponse({ type: [ReorgDto] })
  reorgs(@Query(new ZodPipe(pageQuery)) page: z.output<typeof pageQuery>): Promise<ReorgView[]> {
    return this.network.reorgs(page);
  }

  @Get('reconciliation')
  @ApiTags('network')
  @ApiOperation({ summary: 'The newest comparison of journal, hub and vaults at pinned final blocks' })
  @ApiOkResponse({ type: ReconciliationDto })
  @ApiNotFoundResponse({ type: ProblemDto })
  async reconciliation(): Promise<ReconciliationView> {
    const found = await this.network.reconciliation();
    if (found === null) throw notFound('no reconciliation has run yet; the first runs once every chain has a final block');
    return found;
  }
}
