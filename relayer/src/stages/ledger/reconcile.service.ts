import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { invariantResults, reconcile } from '@lockstep/shared';
import { Gauge, register } from 'prom-client';
import { DataSource } from 'typeorm';
import { Chains } from '../../chain/chains.js';
import { toJson } from '../facts.js';
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
  readonly #ok: Gauge<'name'>;
  readonly #at: Gauge;
  #runs = 0;
  #rebuiltOk: boolean | null = null;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly snapshots: SnapshotReader,
    private readonly rebuild: JournalRebuild,
  ) {
    this.#ok = gauge('margin_invariant_ok', 'whether a named invariant held at the newest reconciliation', ['name']);
    this.#at = gauge('margin_reconciled_hub_block', 'block of the hub that was reconciled last', []);
  }

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
    await this.#record(pins, invariants, mismatches);
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
    for (const [name, ok] of Object.entries(invariants)) this.#ok.set({ name }, ok ? 1 : 0);
    this.#at.set(Number(pins.hub.number));
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

/** A gauge of the process's registry; several applications in one process (tests) share it. */
function gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
  const known = register.getSingleMetric(name);
  // CAST: metrics of these names are made here and nowhere else.
  return known === undefined ? new Gauge<L>({ name, help, labelNames }) : (known as Gauge<L>);
}
