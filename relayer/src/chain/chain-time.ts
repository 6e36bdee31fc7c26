import { Inject, Injectable } from '@nestjs/common';
import { unixSeconds, type ChainId, type UnixSeconds } from '@lockstep/shared';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod/v4';
import { CLOCK, type Clock } from './clock.js';
import type { ChainContext } from './chain-context.js';

const heads = z.array(z.object({ hash: z.string(), timestamp: z.string().transform(BigInt) }));

interface SeenHead {
  readonly hash: string;
  readonly timestamp: bigint;
  /** when this process first saw it, seconds of its clock */
  readonly seenAt: bigint;
}

/**
 * What time it is on a chain: that of its newest block, and the seconds since that block was first seen here, as a quiet chain makes no
 * blocks. Never before this machine's clock: a chain that is still being followed up has old blocks. A local chain may be far ahead.
 */
@Injectable()
export class ChainTime {
  readonly #seen = new Map<ChainId, SeenHead>();

  constructor(
    private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @param tx the caller's transaction, if it has one */
  async now({ chainId }: Pick<ChainContext, 'chainId'>, tx: EntityManager = this.dataSource.manager): Promise<UnixSeconds> {
    const rows: unknown = await tx.query('select hash, timestamp from blocks where chain_id = $1 order by number desc limit 1', [chainId]);
    const [head] = heads.parse(rows);
    const wall = BigInt(Math.floor(this.clock.now() / 1000));
    if (head === undefined) return unixSeconds(wall);
    const known = this.#seen.get(chainId);
    const seen = known?.hash === head.hash ? known : { ...head, seenAt: wall };
    this.#seen.set(chainId, seen);
    const since = seen.timestamp + wall - seen.seenAt;
    return unixSeconds(since > wall ? since : wall);
  }
}
