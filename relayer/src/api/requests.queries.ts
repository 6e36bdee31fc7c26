import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  EntryKind,
  decodeAccount,
  decodeEntry,
  eid,
  requestOutlook,
  requestTimeline,
  sequence,
  unixSeconds,
  type Eid,
  type RequestFact,
  type Sequence,
  type Undecidable,
} from '@lockstep/shared';
import type { Hex } from 'viem';
import { DataSource } from 'typeorm';
import { Chains } from '../chain/chains.js';
import { ChainTime } from '../chain/chain-time.js';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';
import { describeReason } from '../sender/intent.js';
import { isBraked, RequestTrial } from '../stages/request-trial.js';
import { BrakeReader } from './brake.reader.js';
import { tryKey } from './calls.js';
import { CarriageQueries, placeAt, type FactState, type PlaceRow } from './carriage.queries.js';
import { ChainNames, isoOfSeconds } from './chain-names.js';
import { decidedSeconds, pathExpectations } from './expectations.js';
import { OnChain } from './on-chain.js';
import { Presenter } from './presenter.js';
import type { RequestView } from './release-views.js';

interface EntryRow extends PlaceRow {
  readonly src_eid: number;
  readonly sequence: string;
  readonly bytes: Hex;
  readonly final_at: string | null;
}

interface EventRow extends PlaceRow {
  readonly kind: 'recorded' | 'processed' | 'expired' | 'refused';
  readonly claim: string | null;
  readonly reason: string | null;
}

const COLUMNS = 'src_eid, sequence, bytes, block_time, tx_hash, state, final_at';

/** Reads withdrawals that were asked for on a spoke, until the hub decided them. */
@Injectable()
export class RequestQueries {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly time: ChainTime,
    private readonly chains: Chains,
    private readonly names: ChainNames,
    private readonly carriage: CarriageQueries,
    private readonly onChain: OnChain,
    private readonly presenter: Presenter,
    private readonly trial: RequestTrial,
    private readonly brake: BrakeReader,
  ) {}

  /** The request that stands at a place of a log; if none does, the last one that a reorg removed from it. */
  async at(srcEid: Eid, at: Sequence): Promise<RequestView | null> {
    const [row] = await this.dataSource.query<EntryRow[]>(
      `select ${COLUMNS} from log_entries where src_eid = $1 and dst_eid = $2 and sequence = $3 and kind = ${EntryKind.WithdrawRequested}
       order by (state = 'orphaned'), id desc limit 1`,
      [srcEid, this.names.hubEid, at.toString()],
    );
    return row === undefined ? null : this.#view(row);
  }

  async ofTransaction(tx: Hex): Promise<RequestView[]> {
    const rows = await this.dataSource.query<EntryRow[]>(
      `select distinct on (src_eid, sequence) ${COLUMNS} from log_entries
       where tx_hash = $1 and dst_eid = $2 and kind = ${EntryKind.WithdrawRequested} order by src_eid, sequence, (state = 'orphaned'), id desc limit 100`,
      [tx, this.names.hubEid],
    );
    const views = await Promise.all(rows.map((row) => this.#view(row)));
    return views.filter((view) => view !== null);
  }

  async #view(row: EntryRow): Promise<RequestView | null> {
    const entry = readRequest(row.bytes);
    if (entry === null) return null;
    const srcEid = eid(row.src_eid);
    const hubEid = eid(this.names.hubEid);
    const path = { srcEid, dstEid: hubEid, sequence: sequence(BigInt(row.sequence)) };
    const told = requestTimeline(await this.#facts(row, path));
    const [packet, hold, undecidable] = await Promise.all([
      this.carriage.packet(path),
      this.carriage.hold(srcEid, hubEid),
      told.state === 'recorded' ? this.#undecidable(path, row.bytes) : null,
    ]);
    const source = this.chains.byEid(srcEid) ?? this.chains.hub;
    const outlook = requestOutlook(told, {
      ...path,
      hubEid,
      now: await this.time.now(this.chains.byEid(told.steps.at(-1)?.place.eid ?? srcEid) ?? source),
      validUntil: entry.validUntil,
      packet: packet?.state ?? null,
      hold,
      undecidable,
      expect: { ...pathExpectations(source.config, this.config), decided: decidedSeconds },
    });
    return {
      ...this.names.asset(entry.eid, entry.asset),
      srcEid,
      srcChain: this.names.chain(srcEid),
      sequence: row.sequence,
      account: entry.account,
      receiver: entry.receiver,
      amount: entry.amount.toString(),
      fromCash: entry.fromCash,
      validUntil: isoOfSeconds(entry.validUntil),
      state: told.state,
      claim: told.claim?.toString() ?? null,
      packet: this.presenter.packet(packet),
      outlook: await this.presenter.outlook(outlook, decodeAccount(entry.account).owner),
      ...this.presenter.story(told),
    };
  }

  async #facts(row: EntryRow, path: { srcEid: Eid; dstEid: Eid; sequence: Sequence }): Promise<RequestFact[]> {
    const orphaned = row.state === 'orphaned';
    const requested = placeAt(path.srcEid, row);
    const facts: RequestFact[] = [{ kind: 'requested', place: requested, orphaned }];
    if (orphaned) return facts;
    if (row.final_at !== null)
      facts.push({ kind: 'final', place: { ...requested, at: unixSeconds(BigInt(row.final_at)), final: true }, orphaned: false });
    const [flushed, verified, events] = await Promise.all([
      this.carriage.first('checkpoints', path),
      this.carriage.first('verified_heads', path),
      this.dataSource.query<EventRow[]>(
        'select kind, claim, reason, block_time, tx_hash, state from request_events where src_eid = $1 and sequence = $2 order by id',
        [path.srcEid, path.sequence.toString()],
      ),
    ]);
    if (flushed !== null) facts.push({ kind: 'flushed', place: placeAt(path.srcEid, flushed), orphaned: false });
    if (verified !== null) facts.push({ kind: 'verified', place: placeAt(path.dstEid, verified), orphaned: false });
    return [...facts, ...events.map((event) => factOf(event, path.dstEid))];
  }

  /** Why the hub would not decide it now; null if it would. */
  async #undecidable({ srcEid, sequence: at }: { srcEid: Eid; sequence: Sequence }, bytes: Hex): Promise<Undecidable | null> {
    if (this.chains.hub.withdrawals === null) return null;
    const tried = await this.onChain.ask(tryKey(srcEid, at), () => this.trial.of({ srcEid, sequence: at, bytes }));
    if (tried?.kind !== 'refused') return null;
    if (isBraked(tried.reason)) return { kind: 'braked', ...(await this.brake.now()) };
    return { kind: 'refused', because: describeReason(tried.reason) };
  }
}

function readRequest(bytes: Hex) {
  try {
    const entry = decodeEntry(bytes);
    return entry.kind === 'WithdrawRequested' ? entry : null;
  } catch (cause) {
    // Malformed: the hub refuses it for good, and there is nothing in it to show.
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}

function factOf(event: EventRow & { readonly state: FactState }, hubEid: Eid): RequestFact {
  const at = { place: placeAt(hubEid, event), orphaned: event.state === 'orphaned' };
  switch (event.kind) {
    case 'recorded':
    case 'expired':
      return { kind: event.kind, ...at };
    case 'processed':
      return { kind: 'queued', claim: BigInt(event.claim ?? 0), ...at };
    case 'refused':
      return { kind: 'refused', reason: event.reason ?? 'no reason was given', ...at };
  }
}
