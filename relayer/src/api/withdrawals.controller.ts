import { Controller, Get, Param, Query, UseFilters } from '@nestjs/common';
import { ApiBadRequestResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod/v4';
import { claimParams, depositParams, txQuery, withdrawalsQuery } from './params.js';
import { ProblemFilter, ZodPipe, badParameters, notFound } from './problem.js';
import { QueueDto, RequestDto, WithdrawalDto, type QueueView, type RequestView, type WithdrawalView } from './release-views.js';
import { RequestQueries } from './requests.queries.js';
import { ProblemDto } from './views.js';
import { WithdrawalQueries } from './withdrawals.queries.js';

/** Where is my withdrawal, and what can I do? */
@ApiTags('withdrawals')
@ApiBadRequestResponse({ type: ProblemDto })
@UseFilters(ProblemFilter)
@Controller()
export class WithdrawalsController {
  constructor(
    private readonly withdrawals: WithdrawalQueries,
    private readonly requests: RequestQueries,
  ) {}

  @Get('withdrawals/:claim')
  @ApiOperation({ summary: 'The timeline of a withdrawal: its stage, what is next and by when, who must act, and the call for it' })
  @ApiParam({ name: 'claim', example: '1', description: 'number of the claim on the hub' })
  @ApiOkResponse({ type: WithdrawalDto })
  @ApiNotFoundResponse({ type: ProblemDto, description: 'not seen yet, which is not the same as lost' })
  async one(@Param(new ZodPipe(claimParams)) { claim }: z.output<typeof claimParams>): Promise<WithdrawalView> {
    const found = await this.withdrawals.one(claim);
    if (found === null) throw notFound(`no claim ${claim} was seen yet; its block may not be indexed`);
    return found;
  }

  @Get('withdrawals')
  @ApiOperation({ summary: 'The withdrawals of an account, or of a transaction on any chain, newest first' })
  @ApiQuery({ name: 'account', required: false, description: '0x and 64 hex digits' })
  @ApiQuery({ name: 'tx', required: false, description: 'hash of the transaction on its own chain' })
  @ApiOkResponse({ type: [WithdrawalDto] })
  list(@Query(new ZodPipe(withdrawalsQuery)) { account, tx }: z.output<typeof withdrawalsQuery>): Promise<WithdrawalView[]> {
    if (account !== undefined && tx === undefined) return this.withdrawals.ofAccount(account);
    if (tx !== undefined && account === undefined) return this.withdrawals.ofTransaction(tx);
    const value = account === undefined ? 'missing' : 'beside tx';
    throw badParameters([{ parameter: 'account', value, expected: 'exactly one of account and tx' }]);
  }

  @Get('requests/:eid/:sequence')
  @ApiOperation({ summary: 'The timeline of a withdrawal that was asked for on a spoke, until the hub decided it' })
  @ApiParam({ name: 'eid', example: 40002 })
  @ApiParam({ name: 'sequence', example: '1' })
  @ApiOkResponse({ type: RequestDto })
  @ApiNotFoundResponse({ type: ProblemDto })
  async request(@Param(new ZodPipe(depositParams)) { eid, sequence }: z.output<typeof depositParams>): Promise<RequestView> {
    const found = await this.requests.at(eid, sequence);
    if (found === null) throw notFound(`no request ${sequence} of chain ${eid} was seen yet; its block may not be indexed`);
    return found;
  }

  @Get('requests')
  @ApiOperation({ summary: 'The requests of a transaction on its own chain' })
  @ApiQuery({ name: 'tx' })
  @ApiOkResponse({ type: [RequestDto] })
  requestsOf(@Query(new ZodPipe(txQuery)) { tx }: z.output<typeof txQuery>): Promise<RequestView[]> {
    return this.requests.ofTransaction(tx);
  }

  @Get('queue')
  @ApiOperation({ summary: 'Claims that wait to be ordered, per token, with what the oldest wait for' })
  @ApiOkResponse({ type: [QueueDto] })
  queue(): Promise<QueueView[]> {
    return this.withdrawals.queue();
  }
}
