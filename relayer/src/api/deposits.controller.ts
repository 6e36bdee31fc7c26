import { Controller, Get, Param, Query, UseFilters } from '@nestjs/common';
import { ApiBadRequestResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod/v4';
import { DepositQueries } from './deposits.queries.js';
import { depositParams, txQuery } from './params.js';
import { ProblemFilter, ZodPipe, notFound } from './problem.js';
import { DepositDto, ProblemDto, type DepositView } from './views.js';

/** Where is my deposit? */
@ApiTags('deposits')
@ApiBadRequestResponse({ type: ProblemDto })
@UseFilters(ProblemFilter)
@Controller('deposits')
export class DepositsController {
  constructor(private readonly deposits: DepositQueries) {}

  @Get(':eid/:sequence')
  @ApiOperation({ summary: 'The timeline of a deposit, by its place in the log of its chain' })
  @ApiParam({ name: 'eid', example: 40002 })
  @ApiParam({ name: 'sequence', example: '1' })
  @ApiOkResponse({ type: DepositDto })
  @ApiNotFoundResponse({ type: ProblemDto, description: 'not seen yet, which is not the same as lost' })
  async one(@Param(new ZodPipe(depositParams)) { eid, sequence }: z.output<typeof depositParams>): Promise<DepositView> {
    const found = await this.deposits.at(eid, sequence);
    if (found === null) throw notFound(`no deposit ${sequence} of chain ${eid} was seen yet; its block may not be indexed`);
    return found;
  }

  @Get()
  @ApiOperation({ summary: 'The deposits of a transaction, also of one that a reorg removed' })
  @ApiQuery({ name: 'tx', description: 'hash of the transaction on its own chain' })
  @ApiOkResponse({ type: [DepositDto] })
  ofTransaction(@Query(new ZodPipe(txQuery)) { tx }: z.output<typeof txQuery>): Promise<DepositView[]> {
    return this.deposits.ofTransaction(tx);
  }
}
