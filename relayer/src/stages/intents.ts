import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Address, Hex } from 'viem';
import { z } from 'zod/v4';
import { CLOCK, type Clock } from '../chain/clock.js';
import type { IntentOutcome, IntentState, NewIntent } from '../sender/intent.js';
import { SenderService } from '../sender/sender.service.js';

/** `sent`: an intent was made. `waiting`: one is on its way, or its effect is not visible yet, or it failed a moment ago. */
export type Wanted = 'sent' | 'waiting';

/** A mined transaction whose effect is still missing after this long did nothing (somebody else acted, then a reorg undid it). */
const EFFECT_VISIBLE_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
const WINDOW = 16;

/** What was sent and has no result yet: the key of the need for it, without its attempt, and the call. */
export interface OpenIntent {
  readonly what: string;
  readonly to: Address;
  readonly data: Hex;
}

const openRows = z.array(
  // CAST: the table takes 20 bytes of hex only; `encode` gives hex.
  z.object({ what: z.string(), to: z.string().transform((text) => text as Address), data: z.string().transform((text) => text as Hex) }),
);

interface Previous {
  readonly attempt: number;
  readonly state: IntentState;
  readonly ageMs: number;
}

/**
 * Wanting the same thing again. What must happen is read from the chain at every beat; the dedupe key `<what>#<attempt>` says which
 * transaction answers it. A new attempt is made only when the last one is over and the chain still shows the need.
 */
@Injectable()
export class Intents {
  constructor(
    private readonly sender: SenderService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @param what key derived from the chain facts that make the transaction necessary, without '#' */
  async want(tx: EntityManager, what: string, intent: Omit<NewIntent, 'dedupeKey'>): Promise<Wanted> {
    const previous = await this.#previous(tx, what);
    if (previous !== null && !isOver(previous)) return 'waiting';
    await this.sender.enqueue(tx, { ...intent, dedupeKey: `${what}#${previous === null ? 0 : previous.attempt + 1}` });
    return 'sent';
  }

  /** Whether an attempt for `what` is queued or sent and has no result yet. */
  async isOpen(tx: EntityManager, what: string): Promise<boolean> {
    const previous = await this.#previous(tx, what);
    return previous !== null && !isOver(previous);
  }

  /** What became of the newest attempt for `what`; undefined: there is none. */
  async newest(tx: EntityManager, what: string): Promise<IntentOutcome | undefined> {
    const previous = await this.#previous(tx, what);
    return previous === null ? undefined : this.sender.outcomeByKey(`${what}#${previous.attempt}`, tx);
  }

  /** Intents of one sender that are queued or sent and have no result yet. */
  async open(tx: EntityManager, { role, key, chainId }: Pick<NewIntent, 'role' | 'key' | 'chainId'>): Promise<readonly OpenIntent[]> {
    const rows: unknown = await tx.query(
      `select regexp_replace(dedupe_key, '#[0-9]+$', '') as what, to_address as to, '0x' || encode(data, 'hex') as data from tx_intents
       where role = $1 and key_name = $2 and chain_id = $3 and state in ('queued', 'signed') order by id`,
      [role, key, chainId],
    );
    return openRows.parse(rows);
  }

  async #previous(tx: EntityManager, what: string): Promise<Previous | null> {
    let newest: Previous | null = null;
    for (let from = 0; ; from += WINDOW) {
      const keys = Array.from({ length: WINDOW }, (_, i) => `${what}#${from + i}`);
      const rows = await tx.query<{ dedupe_key: string; state: IntentState; updated_at: Date }[]>(
        `select dedupe_key, state, updated_at from tx_intents where dedupe_key = any($1) order by id desc limit 1`,
        [keys],
      );
      const [row] = rows;
      if (row === undefined) return newest;
      const attempt = Number(row.dedupe_key.slice(what.length + 1));
      newest = { attempt, state: row.state, ageMs: this.clock.now() - row.updated_at.getTime() };
      if (attempt < from + WINDOW - 1) return newest;
    }
  }
}

function isOver({ state, attempt, ageMs }: Previous): boolean {
  switch (state) {
    case 'queued':
    case 'signed':
      return false;
    case 'mined':
    case 'final':
      return ageMs > EFFECT_VISIBLE_MS;
    case 'reverted':
    case 'final-reverted':
    case 'rejected':
      return ageMs > Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 6));
  }
}
