import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod/v4';
import { Chains } from '../chain/chains.js';
import { intentOutcomeOf, intentRow } from './intent-row.js';
import type { IntentOutcome, IntentState, NewIntent } from './intent.js';
import { SenderKeys } from './keys.js';

/** What `enqueue` found or made. */
export interface Enqueued {
  readonly id: bigint;
  /** false: an intent with this dedupe key was there already */
  readonly created: boolean;
  readonly state: IntentState;
}

const enqueued = z.tuple([z.object({ id: z.string().transform(BigInt), created: z.boolean(), state: intentRow.shape.state })]);

/** The door to the sender: intents go in, outcomes come out. Signing and sending happen in the lanes. */
@Injectable()
export class SenderService {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'byChainId'>,
    private readonly keys: SenderKeys,
  ) {}

  /**
   * Records that a transaction is wanted, in the caller's own database transaction: it is sent if and only if that commits. Enqueuing the
   * same dedupe key again changes nothing.
   * @throws RangeError if the chain is not configured or the key is not held
   */
  async enqueue(tx: EntityManager, intent: NewIntent): Promise<Enqueued> {
    const chain = this.chains.byChainId(intent.chainId);
    if (!chain) throw new RangeError(`intent ${intent.dedupeKey}: chain id ${intent.chainId} is not configured`);
    const { address } = this.keys.account(intent.key);
    const rows: unknown = await tx.query(
      `with made as (
         insert into tx_intents (role, chain_id, chain, key_name, address, dedupe_key, to_address, data, value, gas_limit, purpose)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict on constraint tx_intents_dedupe do nothing
         returning id, state)
       select id, true as created, state from made
       union all
       select id, false, state from tx_intents where dedupe_key = $6 and not exists (select from made)`,
      [
        intent.role,
        intent.chainId,
        chain.name,
        intent.key,
        address.toLowerCase(),
        intent.dedupeKey,
        intent.to.toLowerCase(),
        Buffer.from(intent.data.slice(2), 'hex'),
        intent.value.toString(),
        intent.gasLimit?.toString() ?? null,
        JSON.stringify(intent.purpose),
      ],
    );
    return enqueued.parse(rows)[0];
  }

  /** What became of an intent, or undefined if there is none with this id. `tx`: read inside that transaction. */
  async outcome(id: bigint, tx: EntityManager = this.dataSource.manager): Promise<IntentOutcome | undefined> {
    return this.#outcomeWhere(tx, 'id = $1', id.toString());
  }

  /** Like {@link outcome}, by dedupe key. */
  async outcomeByKey(dedupeKey: string, tx: EntityManager = this.dataSource.manager): Promise<IntentOutcome | undefined> {
    return this.#outcomeWhere(tx, 'dedupe_key = $1', dedupeKey);
  }

  async #outcomeWhere(tx: EntityManager, condition: 'id = $1' | 'dedupe_key = $1', value: string): Promise<IntentOutcome | undefined> {
    const rows: unknown = await tx.query(
      `select i.*, (select a.hash from tx_attempts a where a.intent_id = i.id and a.state <> 'displaced' order by a.id desc limit 1) as hash
       from tx_intents i where ${condition}`,
      [value],
    );
    const [row] = z.array(intentRow).parse(rows);
    return row && intentOutcomeOf(row);
  }
}
