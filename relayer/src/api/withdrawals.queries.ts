import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import {
  CLAIM_WAITING,
  decodeAccount,
  eid,
  accountId,
  sequence,
  withdrawalOutlook,
  withdrawalTimeline,
  type Carried,
  type ClaimWaiting,
  type Eid,
  type WithdrawalTimeline,
} from '@lockstep/shared';
import { BaseError, ContractFunctionRevertedError, getAddress, zeroHash, type Address, type Hex } from 'viem';
import { DataSource } from 'typeorm';
import { Chains } from '../chain/chains.js';
import { ChainTime } from '../chain/chain-time.js';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';
import { CarriageQueries, placeAt } from './carriage.queries.js';
import { ChainNames, isoOfSeconds } from './chain-names.js';
import { orderedSeconds, pathExpectations, wholePath } from './expectations.js';
import { OnChain } from './on-chain.js';
import { Presenter } from './presenter.js';
import type { QueueView, WithdrawalView } from './release-views.js';
import { WithdrawalFacts, type ClaimRow } from './withdrawal-facts.js';

/** What contracts say if nobody answers: their own constants. */
const CANCEL_DELAY = 600;
const RETURN_DELAY = 7 * 86_400;
const LISTED = 50;
const MOST = 200;

/** Reads withdrawals and everything that happened to them. */
@Injectable()
export class WithdrawalQueries {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly time: ChainTime,
    private readonly chains: Chains,
    private readonly names: ChainNames,
    private readonly facts: WithdrawalFacts,
    private readonly carriage: CarriageQueries,
    private readonly onChain: OnChain,
    private readonly presenter: Presenter,
  ) {}

  async one(claim: bigint): Promise<WithdrawalView | null> {
    const row = await this.facts.claim(claim);
    return row === null ? null : this.#view(row);
  }

  /** Newest first. */
  async ofAccount(account: Hex): Promise<WithdrawalView[]> {
    return this.#views(await this.facts.claimsWhere('q.account = $1', [account], MOST));
  }

  /** Withdrawals whose request, order or payout is in a transaction. */
  async ofTransaction(tx: Hex): Promise<WithdrawalView[]> {
    return this.#views(
      await this.facts.claimsWhere(
        `q.claim in (select claim from claim_events where tx_hash = $1
                     union select claim from payout_events where tx_hash = $1 and claim is not null
                     union select r.claim from request_events r join log_entries l on l.src_eid = r.src_eid and l.sequence = r.sequence
                           and l.dst_eid = r.eid where l.tx_hash = $1 and r.claim is not null and r.state <> 'orphaned')`,
        [tx],
        MOST,
      ),
    );
  }

  async queue(): Promise<QueueView[]> {
    const rows = await this.dataSource.query<
      { dst_eid: number; asset: number; claim: string; units: string; block_time: string; claims: string; total: string }[]
    >(
      `select * from (
         select q.dst_eid, q.asset, q.claim, q.units, q.block_time, count(*) over token as claims, sum(q.units) over token as total,
                row_number() over (partition by q.dst_eid, q.asset order by q.claim) as place
         from claim_events q
         where q.kind = 'queued' and q.state <> 'orphaned'
           and not exists (select 1 from claim_events o where o.claim = q.claim and o.kind <> 'queued' and o.state <> 'orphaned')
         window token as (partition by q.dst_eid, q.asset)
       ) w where place <= ${LISTED} order by dst_eid, asset, place`,
    );
    const views = new Map<string, QueueView>();
    const waiting = await Promise.all(rows.map((row) => this.#waiting(BigInt(row.claim))));
    for (const [i, row] of rows.entries()) {
      const key = `${row.dst_eid}:${row.asset}`;
      const view = views.get(key) ?? {
        ...this.names.asset(row.dst_eid, row.asset),
        claims: Number(row.claims),
        amountBaseUnits: row.total,
        first: [],
      };
      view.first.push({
        claim: row.claim,
        amountBaseUnits: row.units,
        queuedAt: isoOfSeconds(row.block_time),
        waiting: waiting[i] ?? null,
      });
      views.set(key, view);
    }
    return [...views.values()];
  }

  #views(rows: readonly ClaimRow[]): Promise<WithdrawalView[]> {
    return Promise.all(rows.map((row) => this.#view(row)));
  }

  async #view(row: ClaimRow): Promise<WithdrawalView> {
    const hubEid = eid(this.names.hubEid);
    const dstEid = eid(row.dst_eid);
    const claim = BigInt(row.claim);
    const isReturn = row.account === zeroHash;
    const { facts, request } = await this.facts.of(row);
    const told = withdrawalTimeline(facts);
    const order = told.orderSequence === null ? null : { srcEid: hubEid, dstEid, sequence: told.orderSequence };
    const [waiting, ahead, packet, hold, receipt, claimSimulation, cancelDelay, returnDelay] = await Promise.all([
      told.state === 'queued' ? this.#waiting(claim) : null,
      told.state === 'queued' ? this.facts.ahead(row) : 0,
      order === null ? null : this.carriage.packet(order),
      this.carriage.hold(hubEid, dstEid),
      this.#receipt(told, dstEid),
      told.state === 'claimable' && told.orderSequence !== null ? this.#simulateClaim(dstEid, told.orderSequence) : null,
      this.#cancelDelay(),
      this.#returnDelay(dstEid),
    ]);
    const expect = pathExpectations(this.chains.hub.config, this.config);
    const back = pathExpectations((this.chains.byEid(dstEid) ?? this.chains.hub).config, this.config);
    const outlook = withdrawalOutlook(told, {
      claim,
      hubEid,
      dstEid,
      now: await this.time.now(this.chains.byEid(told.steps.at(-1)?.place.eid ?? hubEid) ?? this.chains.hub),
      isReturn,
      waiting,
      ahead,
      packet: packet?.state ?? null,
      hold,
      receipt,
      expect: { ...expect, ordered: orderedSeconds(this.config), paid: this.config.release.lateSeconds, receipted: wholePath(back) },
      claimSimulation,
      cancelDelay: cancelDelay ?? CANCEL_DELAY,
      returnDelay: returnDelay ?? RETURN_DELAY,
    });
    return {
      claim: row.claim,
      ...this.names.asset(row.dst_eid, row.asset),
      account: isReturn ? null : row.account,
      receiver: row.receiver,
      amountBaseUnits: row.units,
      fromCash: row.from_cash,
      orderSequence: told.orderSequence?.toString() ?? null,
      state: told.state,
      receipted: told.receipted,
      waiting,
      ahead,
      request: request === null ? null : { eid: request.srcEid, sequence: request.sequence.toString() },
      packet: this.presenter.packet(packet),
      outlook: await this.presenter.outlook(outlook, refundTo(row)),
      ...this.presenter.story(told),
    };
  }

  async #waiting(claim: bigint): Promise<ClaimWaiting | null> {
    const { hub } = this.chains;
    const { withdrawals } = hub;
    if (withdrawals === null) return null;
    const number = await this.onChain.ask(`waiting:${claim}`, () =>
      hub.client.readContract({ address: withdrawals, abi: iWithdrawalsAbi, functionName: 'waitingFor', args: [claim] }),
    );
    return number === null ? null : (CLAIM_WAITING[number] ?? null);
  }

  #cancelDelay(): Promise<number | null> {
    const { hub } = this.chains;
    const { withdrawals } = hub;
    if (withdrawals === null) return Promise.resolve(null);
    return this.onChain.ask('cancelDelay', () =>
      hub.client.readContract({ address: withdrawals, abi: iWithdrawalsAbi, functionName: 'cancelDelay' }),
    );
  }

  #returnDelay(dstEid: Eid): Promise<number | null> {
    const chain = this.chains.byEid(dstEid);
    if (chain === undefined) return Promise.resolve(null);
    return this.onChain.ask(`returnDelay:${dstEid}`, () =>
      chain.client.readContract({ address: chain.contract('CollateralVault'), abi: iPayoutsAbi, functionName: 'returnDelay' }),
    );
  }

  async #simulateClaim(dstEid: Eid, order: bigint): Promise<'passes' | 'reverts' | null> {
    const chain = this.chains.byEid(dstEid);
    if (chain === undefined) return null;
    return this.onChain.ask(`claim:${dstEid}:${order}`, async () => {
      try {
        await chain.client.simulateContract({
          address: chain.contract('CollateralVault'),
          abi: iPayoutsAbi,
          functionName: 'claim',
          args: [order],
        });
        return 'passes' as const;
      } catch (error) {
        if (error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError) !== null)
          return 'reverts' as const;
        throw error;
      }
    });
  }

  /** The Receipts entry that covers a settled order, while it is on its way to the hub. */
  async #receipt(told: WithdrawalTimeline, dstEid: Eid): Promise<Carried | null> {
    if (told.receipted || told.orderSequence === null || (told.state !== 'paid' && told.state !== 'claimed')) return null;
    const found = await this.facts.receiptEntry(dstEid, told.orderSequence);
    if (found === null) return null;
    const hubEid = eid(this.names.hubEid);
    const path = { srcEid: dstEid, dstEid: hubEid, sequence: sequence(BigInt(found.sequence)) };
    const [flushed, verified, packet, hold] = await Promise.all([
      this.carriage.first('checkpoints', path),
      this.carriage.first('verified_heads', path),
      this.carriage.packet(path),
      this.carriage.hold(dstEid, hubEid),
    ]);
    const source = (this.chains.byEid(dstEid) ?? this.chains.hub).config;
    const stage = verified !== null ? 'verified' : flushed !== null ? 'flushed' : found.final_at !== null ? 'final' : 'appended';
    const since = placeAt(dstEid, verified ?? flushed ?? found).at;
    return { ...path, stage, since, packet: packet?.state ?? null, hold, expect: pathExpectations(source, this.config) };
  }
}

/** An address of whom it concerns: the account's owner, who may be another contract on this chain if the account has a home. */
function refundTo(row: ClaimRow): Address {
  if (row.account === zeroHash) return getAddress(row.receiver);
  const { owner, home } = decodeAccount(accountId(row.account));
  return home === 0 ? owner : getAddress(row.receiver);
}
