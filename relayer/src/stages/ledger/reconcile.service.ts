import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { containmentOf, invariantResults, reconcile, type Containment } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import { Chains } from '../../chain/chains.js';
import { toJson } from '../facts.js';
import { PathProblems } from '../path-problems.js';
import { Guardian } from './guardian.js';
import { JournalRebuild } from './journal.rebuild.js';
import { SnapshotReader, type Pins } from './snapshot.reader.js';

/** Reading every event again costs, so the rebuild is compared on the first reconciliation and then on each so many-th. */
const REBUILD_EVERY = 10;
/** Reconciliations kept. */
const KEPT = 1_000;

interface Finding {
  readonly invariant: string;
  readonly subject: string;
  readonly expected: string;
  readonly actual: string;
}

/** Compares journal, hub and vaults at pinned final blocks; what does not agree is recorded, logged and counted. */
@Injectable()
export class ReconcileService {
  readonly #logger = new Logger(ReconcileService.name);
  #runs = 0;
  #rebuiltOk: boolean | null = null;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly snapshots: SnapshotReader,
    private readonly rebuild: JournalRebuild,
    private readonly problems: PathProblems,
    private readonly guardian: Guardian,
  ) {}

  async run(): Promise<void> {
    const attempt = await this.snapshots.read();
    if (attempt.kind === 'not-yet') {
      this.#logger.debug({ event: 'ledger.reconcile.not-yet', because: attempt.because });
      return;
    }
    const { pins, snapshot } = attempt;
    const found = reconcile(snapshot);
    const mismatches: Finding[] = [...found];
    const invariants: Record<string, boolean> = { ...invariantResults(found) };
    if (this.#runs % REBUILD_EVERY === 0) this.#rebuiltOk = await this.#compareRebuild(pins, mismatches);
    if (this.#rebuiltOk !== null) invariants['INV-LEDGER-4'] = this.#rebuiltOk;
    this.#runs += 1;
    await this.#contain(containmentOf(snapshot, found), pins);
    await this.#record(pins, invariants, mismatches);
  }

  /** Both paths of a chain whose books do not add up are held until they do; others go on. If it stays so, the guardian acts on chain. */
  async #contain(containment: Containment, pins: Pins): Promise<void> {
    const hubEid = this.chains.hub.eid;
    for (const { eid } of this.chains.all()) {
      const detail = containment.paths.get(eid);
      for (const [srcEid, dstEid] of eid === hubEid
        ? [[hubEid, hubEid] as const]
        : ([
            [eid, hubEid],
            [hubEid, eid],
          ] as const))
        if (detail === undefined) await this.problems.clear('reconciliation', srcEid, dstEid);
        else await this.problems.raise('reconciliation', { code: 'BOOKS_DISAGREE', srcEid, dstEid, detail });
    }
    await this.guardian.saw(containment, pins.byEid);
  }

  async #compareRebuild(pins: Pins, mismatches: Finding[]): Promise<boolean> {
    const { fromChain, live } = await this.rebuild.compare(pins);
    if (fromChain !== live)
      mismatches.push({
        invariant: 'INV-LEDGER-4',
        subject: `journal up to block ${pins.hub.number}`,
        expected: `${fromChain} as rebuilt from chain`,
        actual: live,
      });
    return fromChain === live;
  }

  async #record(pins: Pins, invariants: Record<string, boolean>, mismatches: readonly Finding[]): Promise<void> {
    for (const mismatch of mismatches) this.#logger.error({ event: 'ledger.mismatch', ...mismatch });
    const pinned = Object.fromEntries(this.chains.all().map((chain) => [chain.name, String(pins.byEid.get(chain.eid) ?? '')]));
    const ok = Object.values(invariants).every(Boolean);
    await this.dataSource.query(
      `with kept as (
         insert into reconciliations (hub_block, hub_block_hash, pinned, invariants, mismatches, ok) values ($1, $2, $3, $4, $5, $6) returning id
       ) delete from reconciliations where id < (select id from kept) - ${KEPT} and ok`,
      [pins.hub.number.toString(), pins.hub.hash, toJson(pinned), toJson(invariants), toJson(mismatches), ok],
    );
  }
}
