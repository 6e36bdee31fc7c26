import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iMessengerAbi } from '@lockstep/contracts';
import { decideFlush, unixSeconds, wei, type FlushDecision, type Waiting } from '@lockstep/shared';
import { encodeFunctionData, type Hex } from 'viem';
import { DataSource } from 'typeorm';
import { ChainTime } from '../../chain/chain-time.js';
import { FAULT_POINT, type FaultPoint } from '../../chain/fault-point.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { SenderKeys } from '../../sender/keys.js';
import { Intents } from '../intents.js';
import { Paths, messengerOf, type Route } from '../paths.js';
import { lastFlushed } from './attestation.consumer.js';

/** The quote may rise before the flush is mined; what is paid too much comes back. In percent. */
const QUOTE_MARGIN = 120n;

/** Decides when the entries of a path are worth a packet, and asks for the flush. */
@Injectable()
export class AttestationService {
  readonly #logger = new Logger(AttestationService.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly paths: Paths,
    private readonly intents: Intents,
    private readonly keys: SenderKeys,
    private readonly time: ChainTime,
    @Inject(FAULT_POINT) private readonly faultPoint: FaultPoint,
  ) {}

  /**
   * One look at every log of a chain. Entries need not be final: a checkpoint is verified only once it is itself, so sending it early
   * costs nothing but a packet if a reorg takes it back.
   */
  async flushDue(chain: ChainContext): Promise<void> {
    const now = await this.time.now(chain);
    for (const route of this.paths.from(chain)) {
      const flushed = await lastFlushed(this.dataSource.manager, chain, route.destination.eid);
      const decision = decideFlush(this.config.batching, await this.#waiting(route, flushed), now);
      if (decision.kind === 'flush') await this.#flush(route, flushed, decision);
    }
  }

  /** What each flush cost: gas is known from its receipt only, and is filled in once. */
  async recordCosts(chain: ChainContext): Promise<void> {
    const rows = await this.dataSource.query<{ tx_hash: Hex }[]>(
      `select distinct tx_hash from checkpoints where src_eid = $1 and gas_used is null and state <> 'orphaned' limit 50`,
      [chain.eid],
    );
    for (const { tx_hash: hash } of rows) {
      const receipt = await chain.client.getTransactionReceipt({ hash });
      await this.dataSource.query(`update checkpoints set gas_used = $2, gas_price_wei = $3 where tx_hash = $1 and src_eid = $4`, [
        hash,
        receipt.gasUsed.toString(),
        receipt.effectiveGasPrice.toString(),
        chain.eid,
      ]);
    }
  }

  async #waiting({ source, destination }: Route, flushed: bigint): Promise<Waiting> {
    const [row] = await this.dataSource.query<{ count: string; oldest: string | null }[]>(
      `select count(*) as count, min(block_time) as oldest from log_entries
       where src_eid = $1 and dst_eid = $2 and sequence > $3 and state <> 'orphaned'`,
      [source.eid, destination.eid, flushed.toString()],
    );
    return { count: Number(row?.count ?? 0), oldestAt: typeof row?.oldest === 'string' ? unixSeconds(BigInt(row.oldest)) : null };
  }

  async #flush({ source, destination }: Route, flushed: bigint, decision: Extract<FlushDecision, { kind: 'flush' }>): Promise<void> {
    const messenger = messengerOf(source);
    const read = { address: messenger, abi: iMessengerAbi, args: [destination.eid] } as const;
    const [outbox, quote] = await Promise.all([
      source.client.readContract({ ...read, functionName: 'outbox' }),
      source.client.readContract({ ...read, functionName: 'quoteFlush' }),
    ]);
    // Somebody flushed after the last indexed block, or the index is ahead of this provider: look again at the next beat.
    if (outbox.flushed !== flushed || outbox.sequence <= flushed) return;
    const refundTo = this.keys.account('submitter').address;
    const wanted = await this.dataSource.transaction((tx) =>
      this.intents.want(tx, `flush:${source.eid}:${destination.eid}:${flushed}`, {
        role: 'attest',
        chainId: source.chainId,
        key: 'submitter',
        to: messenger,
        data: encodeFunctionData({ abi: iMessengerAbi, functionName: 'flush', args: [destination.eid, refundTo] }),
        value: wei((quote * QUOTE_MARGIN) / 100n),
        purpose: { what: 'flush', srcEid: source.eid, dstEid: destination.eid, because: decision.because, entries: decision.entries },
      }),
    );
    if (wanted === 'waiting') return;
    this.faultPoint('attestation.intent');
    this.#logger.log({
      event: 'attestation.flush',
      chain: source.name,
      dstEid: destination.eid,
      because: decision.because,
      entries: decision.entries,
    });
  }
}
