import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iCollateralVaultAbi, iGatewayAbi } from '@lockstep/contracts';
import {
  after,
  decodeEntry,
  depositOutlook,
  depositTimeline,
  eid,
  sequence,
  unixSeconds,
  type DepositFact,
  type DepositOutcome,
  type Eid,
  type Sequence,
} from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';
import { Chains } from '../chain/chains.js';
import { ChainTime } from '../chain/chain-time.js';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';
import { CarriageQueries, placeAt, type PlaceRow } from './carriage.queries.js';
import { ChainNames } from './chain-names.js';
import { PARKED_SECONDS, pathExpectations } from './expectations.js';
import { OnChain } from './on-chain.js';
import { Presenter } from './presenter.js';
import type { DepositView } from './views.js';

/** What the contracts say if nobody answers: their own defaults. */
const CANCEL_DELAY = 600;
const RETURN_DELAY = 3_600;

interface EntryRow extends PlaceRow {
  readonly src_eid: number;
  readonly sequence: string;
  readonly bytes: Hex;
  readonly block_number: string;
  readonly final_at: string | null;
}

interface OutcomeRow extends PlaceRow {
  readonly outcome: 'credited' | 'parked' | 'returned' | 'voided' | 'unhandled' | 'refused';
  readonly reason: string | null;
}

const ENTRY_COLUMNS = 'src_eid, sequence, bytes, block_number, block_time, tx_hash, state, final_at';
const DEPOSITED = 1;

/** Reads deposits and everything that happened to them. */
@Injectable()
export class DepositQueries {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly time: ChainTime,
    private readonly chains: Chains,
    private readonly names: ChainNames,
    private readonly carriage: CarriageQueries,
    private readonly onChain: OnChain,
    private readonly presenter: Presenter,
  ) {}

  /** The deposit that stands at a place of a log; if none does, the last one that a reorg removed from it. */
  async at(srcEid: Eid, at: Sequence): Promise<DepositView | null> {
    const [row] = await this.dataSource.query<EntryRow[]>(
      `select ${ENTRY_COLUMNS} from log_entries
       where src_eid = $1 and dst_eid = $2 and sequence = $3 and kind = ${DEPOSITED} and account is not null
       order by (state = 'orphaned'), id desc limit 1`,
      [srcEid, this.names.hubEid, at.toString()],
    );
    return row === undefined ? null : this.#view(row);
  }

  /** The deposits of a transaction: those that stand, and those that a reorg removed and that did not come back. */
  async ofTransaction(tx: Hex): Promise<DepositView[]> {
    const rows = await this.dataSource.query<EntryRow[]>(
      `select ${ENTRY_COLUMNS} from (
         select *, bool_or(state <> 'orphaned') over (partition by src_eid) as stands,
                row_number() over (partition by src_eid, sequence order by (state = 'orphaned'), id desc) as newest
         from log_entries where tx_hash = $1 and dst_eid = $2 and kind = ${DEPOSITED} and account is not null
       ) found
       where newest = 1 and (state <> 'orphaned' or not stands) order by src_eid, sequence limit 500`,
      [tx, this.names.hubEid],
    );
    return Promise.all(rows.map((row) => this.#view(row)));
  }

  async #view(row: EntryRow): Promise<DepositView> {
    const entry = decodeEntry(row.bytes);
    if (entry.kind !== 'Deposited') throw new Error(`entry ${row.sequence} of ${row.src_eid} is ${entry.kind}; expected a deposit`);
    const told = depositTimeline(await this.#facts(row));
    const srcEid = eid(row.src_eid);
    const hubEid = eid(this.names.hubEid);
    const path = { srcEid, dstEid: hubEid, sequence: sequence(BigInt(row.sequence)) };
    const [packet, hold, cancelDelay, returnDelay] = await Promise.all([
      this.carriage.packet(path),
      this.carriage.hold(srcEid, hubEid),
      this.#cancelDelay(srcEid),
      this.#returnDelay(),
    ]);
    const source = this.chains.byEid(srcEid) ?? this.chains.hub;
    const parked = told.steps.find(({ stage }) => stage === 'parked');
    const outlook = depositOutlook(told, {
      ...path,
      hubEid,
      now: await this.time.now(this.chains.byEid(told.steps.at(-1)?.place.eid ?? srcEid) ?? source),
      packet: packet?.state ?? null,
      hold,
      expect: { ...pathExpectations(source.config, this.config), parked: PARKED_SECONDS },
      cancellableFrom: after(entry.timestamp, cancelDelay ?? CANCEL_DELAY),
      returnableFrom: after(parked?.place.at ?? entry.timestamp, returnDelay ?? RETURN_DELAY),
    });
    return {
      ...this.names.asset(row.src_eid, entry.asset),
      sequence: row.sequence,
      account: entry.account,
      amountBaseUnits: entry.amount.toString(),
      payer: entry.payer,
      refund: entry.refund,
      ownDeposit: entry.ownDeposit,
      tx: row.tx_hash,
      blockNumber: row.block_number,
      state: told.state,
      next: told.next,
      packet: this.presenter.packet(packet),
      outlook: await this.presenter.outlook(outlook, entry.refund),
      ...this.presenter.story(told),
      entry: row.bytes,
    };
  }

  #cancelDelay(srcEid: Eid): Promise<number | null> {
    const chain = this.chains.byEid(srcEid);
    if (chain === undefined) return Promise.resolve(null);
    const vault = { address: chain.contract('CollateralVault'), abi: iCollateralVaultAbi } as const;
    return this.onChain.ask(`vaultCancelDelay:${srcEid}`, () => chain.client.readContract({ ...vault, functionName: 'cancelDelay' }));
  }

  #returnDelay(): Promise<number | null> {
    const { hub } = this.chains;
    const gateway = { address: hub.contract('Gateway'), abi: iGatewayAbi } as const;
    return this.onChain.ask('gatewayReturnDelay', () => hub.client.readContract({ ...gateway, functionName: 'returnDelay' }));
  }

  async #facts(row: EntryRow): Promise<DepositFact[]> {
    const source = eid(row.src_eid);
    const hub = eid(this.names.hubEid);
    const path = [source, hub, row.sequence];
    const at = { srcEid: source, dstEid: hub, sequence: BigInt(row.sequence) };
    const stands = row.state !== 'orphaned';
    const [removed, voids, flushed, verified, outcomes] = await Promise.all([
      this.dataSource.query<PlaceRow[]>(
        `select block_time, tx_hash, state from log_entries where src_eid = $1 and dst_eid = $2 and tx_hash = $4 and state = 'orphaned'
         and kind = ${DEPOSITED} and ($3::numeric = sequence or $5)`,
        [...path, row.tx_hash, stands],
      ),
      this.dataSource.query<PlaceRow[]>(
        'select block_time, tx_hash, state from log_entries where src_eid = $1 and dst_eid = $2 and void_target = $3',
        path,
      ),
      this.carriage.first('checkpoints', at),
      this.carriage.first('verified_heads', at),
      this.dataSource.query<OutcomeRow[]>(
        'select block_time, tx_hash, state, outcome, reason from deposit_outcomes where src_eid = $1 and dst_eid = $2 and sequence = $3 order by id',
        path,
      ),
    ]);
    const facts: DepositFact[] = removed.map((r) => ({ kind: 'deposited', place: placeAt(source, r), orphaned: true }));
    if (!stands) return facts;
    facts.push({ kind: 'deposited', place: placeAt(source, row), orphaned: false });
    if (row.final_at !== null)
      facts.push({ kind: 'final', place: { ...placeAt(source, row), at: unixSeconds(BigInt(row.final_at)), final: true } });
    if (flushed !== null) facts.push({ kind: 'flushed', place: placeAt(source, flushed), orphaned: false });
    if (verified !== null) facts.push({ kind: 'verified', place: placeAt(hub, verified), orphaned: false });
    facts.push(
      ...voids.map((r): DepositFact => ({ kind: 'cancelled', place: placeAt(source, r), orphaned: r.state === 'orphaned' })),
      ...outcomes.map((r): DepositFact => ({
        kind: 'outcome',
        outcome: outcomeOf(r),
        place: placeAt(hub, r),
        orphaned: r.state === 'orphaned',
      })),
    );
    return facts;
  }
}

function outcomeOf({ outcome, reason }: OutcomeRow): DepositOutcome {
  switch (outcome) {
    case 'credited':
      return { kind: 'credited' };
    case 'parked':
      return { kind: 'parked', reason: reason ?? 'no reason was given' };
    case 'returned':
      return { kind: 'returned', claim: BigInt(reason ?? 0) };
    case 'voided':
      return { kind: 'voided' };
    case 'unhandled':
    case 'refused':
      return { kind: 'refused', reason: reason ?? 'no reason was given' };
  }
}
