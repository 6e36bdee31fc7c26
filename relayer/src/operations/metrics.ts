import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { z } from 'zod/v4';
import { CLOCK, type Clock } from '../chain/clock.js';
import { Chains } from '../chain/chains.js';
import { Followers } from '../chain/followers.js';
import { Loops } from '../chain/loops.js';
import { LiquidationMetrics } from './liquidation-metrics.js';
import { ReleaseMetrics } from './release-metrics.js';
import { StageMetrics } from './stage-metrics.js';

const intentCount = z.array(z.object({ chain: z.string(), role: z.string(), state: z.string(), count: z.number() }));
const incidentCount = z.array(z.object({ chain_id: z.string(), code: z.string(), count: z.number() }));
const oldest = z.array(z.object({ chain: z.string(), seconds: z.number() }));

/** Prometheus metrics, gathered when they are asked for. Labels are names from the configuration, never of users. */
@Injectable()
export class Metrics {
  readonly #registry = new Registry();

  constructor(
    private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly followers: Followers,
    private readonly loops: Loops,
    @Inject(CLOCK) private readonly clock: Clock,
    stages: StageMetrics,
    releases: ReleaseMetrics,
    liquidations: LiquidationMetrics,
  ) {
    collectDefaultMetrics({ register: this.#registry });
    this.#chainMetrics();
    this.#loopMetrics();
    this.#senderMetrics();
    stages.register(this.#registry);
    releases.register(this.#registry);
    liquidations.register(this.#registry);
  }

  /** Text of all metrics. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(name: string, help: string, labelNames: readonly string[], collect: (gauge: Gauge) => void | Promise<void>): void {
    new Gauge({
      name: `lockstep_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      async collect() {
        this.reset();
        await collect(this);
      },
    });
  }

  #chainMetrics(): void {
    const perChain = (name: string, help: string, value: (status: ReturnType<Followers['status']>[number]) => number | null): void => {
      this.#gauge(name, help, ['chain'], (gauge) => {
        for (const status of this.followers.status()) {
          const found = value(status);
          if (found !== null) gauge.set({ chain: status.chain }, found);
        }
      });
    };
    const number = (value: bigint | null): number | null => (value === null ? null : Number(value));
    perChain('chain_head_number', 'newest block a provider showed', ({ headNumber }) => number(headNumber));
    perChain('chain_followed_number', 'newest block followed', ({ tipNumber }) => number(tipNumber));
    perChain('chain_final_number', 'newest final block followed', ({ finalNumber }) => number(finalNumber));
    perChain('chain_lag_blocks', 'blocks between the provider and the follower', ({ headNumber, tipNumber }) =>
      headNumber === null || tipNumber === null ? null : Math.max(0, Number(headNumber - tipNumber)),
    );
    perChain('chain_head_age_seconds', 'seconds since the newest block, by its own time', ({ headTimestamp }) =>
      headTimestamp === null ? null : this.clock.now() / 1_000 - Number(headTimestamp),
    );
    perChain('chain_halted', '1 while an operator has to look at a reorg deeper than finality', ({ haltedBecause }) =>
      haltedBecause ? 1 : 0,
    );
    perChain('chain_reorgs', 'reorgs undone since the process started', ({ reorgs }) => reorgs);
    perChain(
      'chain_lagging_answers',
      'answers from a provider behind us since the process started',
      ({ laggingAnswers }) => laggingAnswers,
    );
    this.#gauge('chain_provider_paused', '1 while a provider that did not answer is left alone', ['chain', 'provider'], (gauge) => {
      for (const chain of this.chains.all())
        for (const [provider, { paused }] of chain.pool.states.entries())
          gauge.set({ chain: chain.name, provider: String(provider) }, paused ? 1 : 0);
    });
    this.#gauge('chain_quorum_dissents', 'recent answers of a provider that a quorum contradicted', ['chain', 'provider'], (gauge) => {
      for (const chain of this.chains.all())
        for (const { provider } of chain.quorum.dissents) gauge.inc({ chain: chain.name, provider: String(provider) });
    });
  }

  #loopMetrics(): void {
    this.#gauge('loop_beat_age_seconds', 'seconds since a loop finished a run, good or bad', ['loop'], (gauge) => {
      for (const { name, lastBeatAt } of this.loops.beats())
        if (lastBeatAt !== null) gauge.set({ loop: name }, (this.clock.now() - lastBeatAt) / 1_000);
    });
    this.#gauge('loop_runs', 'good runs of a loop since the process started', ['loop'], (gauge) => {
      for (const { name, runs } of this.loops.beats()) gauge.set({ loop: name }, runs);
    });
    this.#gauge('loop_failures', 'failed runs of a loop since the process started', ['loop'], (gauge) => {
      for (const { name, failures } of this.loops.beats()) gauge.set({ loop: name }, failures);
    });
    this.#gauge('loop_failures_in_a_row', 'failed runs since the last good one', ['loop'], (gauge) => {
      for (const { name, failuresInARow } of this.loops.beats()) gauge.set({ loop: name }, failuresInARow);
    });
  }

  #senderMetrics(): void {
    this.#gauge('tx_intents', 'transactions by state', ['chain', 'role', 'state'], async (gauge) => {
      const rows: unknown = await this.dataSource.query(
        'select chain, role, state, count(*)::int as count from tx_intents group by chain, role, state',
      );
      for (const { count, ...labels } of intentCount.parse(rows)) gauge.set(labels, count);
    });
    this.#gauge('tx_oldest_open_seconds', 'age of the oldest transaction that is queued or signed', ['chain'], async (gauge) => {
      const rows: unknown = await this.dataSource.query(
        `select chain, extract(epoch from now() - min(created_at))::float8 as seconds from tx_intents
         where state in ('queued', 'signed') group by chain`,
      );
      for (const { chain, seconds } of oldest.parse(rows)) gauge.set({ chain }, seconds);
    });
    this.#gauge('tx_incidents', 'incidents of the sender by code', ['chain', 'code'], async (gauge) => {
      const rows: unknown = await this.dataSource.query(
        'select chain_id::text, code, count(*)::int as count from tx_incidents group by chain_id, code',
      );
      for (const { chain_id, code, count } of incidentCount.parse(rows))
        gauge.set({ chain: this.chains.all().find(({ chainId }) => String(chainId) === chain_id)?.name ?? chain_id, code }, count);
    });
  }
}
