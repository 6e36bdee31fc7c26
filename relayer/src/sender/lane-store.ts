import type { Address, Hex } from 'viem';
import type { EntityManager } from 'typeorm';
import { z } from 'zod/v4';
import type { ChainId, Gas } from '@lockstep/shared';
import type { SendingRole } from '../config/relayer-config.js';
import type { Fees } from './fees.js';
import type { IncidentCode, RevertReason } from './intent.js';
import { attemptRow, intentRow, type AttemptRow, type IntentRow } from './intent-row.js';
import type { Receipt } from './lane-chain.js';

/** The lane's nonces belong to (chain, address). */
export interface LaneId {
  readonly chainId: ChainId;
  readonly chain: string;
  readonly address: Address;
}

/** An intent that is signed or mined but not final, and everything ever signed for it that still counts. */
export interface OpenIntent {
  readonly intent: IntentRow;
  readonly nonce: bigint;
  readonly attempts: readonly AttemptRow[];
}

const text = z.string().transform((value) => BigInt(value));
const idRow = z.object({ id: text });
const nonceRow = z.object({ nonce: text });

/** SQL of one lane. Every change names the state it expects, so a repeated or late one changes nothing. */
export class LaneStore {
  readonly #key: readonly [number, string];

  constructor(private readonly lane: LaneId) {
    this.#key = [lane.chainId, lane.address.toLowerCase()];
  }

  /** The lane's next nonce, its row locked: whoever holds it is the only one who signs. Undefined: never used. */
  async lockNextNonce(tx: EntityManager): Promise<bigint | undefined> {
    const rows: unknown = await tx.query(`select next_nonce as nonce from tx_lanes where chain_id = $1 and address = $2 for update`, [
      ...this.#key,
    ]);
    return z.array(nonceRow).parse(rows)[0]?.nonce;
  }

  /** Like {@link lockNextNonce} without the lock: good for a look, not for signing. */
  async nextNonce(tx: EntityManager): Promise<bigint | undefined> {
    const rows: unknown = await tx.query(`select next_nonce as nonce from tx_lanes where chain_id = $1 and address = $2`, [...this.#key]);
    return z.array(nonceRow).parse(rows)[0]?.nonce;
  }

  /** Makes the lane's row if there is none; `firstNonce`: the next nonce the chain takes. */
  async open(tx: EntityManager, firstNonce: bigint): Promise<void> {
    await tx.query(`insert into tx_lanes (chain_id, address, next_nonce) values ($1, $2, $3) on conflict do nothing`, [
      ...this.#key,
      firstNonce.toString(),
    ]);
  }

  /** Raises the next nonce; it never falls. */
  async raiseNextNonce(tx: EntityManager, to: bigint): Promise<void> {
    await tx.query(`update tx_lanes set next_nonce = $3 where chain_id = $1 and address = $2 and next_nonce < $3`, [
      ...this.#key,
      to.toString(),
    ]);
  }

  /** The oldest intent waiting for one of these roles that is not put off beyond `now`. */
  async oldestQueued(tx: EntityManager, roles: readonly SendingRole[], now: Date): Promise<IntentRow | undefined> {
    const rows: unknown = await tx.query(
      `select * from tx_intents where chain_id = $1 and address = $2 and state = 'queued' and role = any($3) and not_before <= $4 order by id limit 1`,
      [...this.#key, roles, now],
    );
    return z.array(intentRow).parse(rows)[0];
  }

  async countSigned(tx: EntityManager): Promise<number> {
    const rows: unknown = await tx.query(
      `select count(*)::int as count from tx_intents where chain_id = $1 and address = $2 and state = 'signed'`,
      [...this.#key],
    );
    return z.tuple([z.object({ count: z.number() })]).parse(rows)[0].count;
  }

  async reject(tx: EntityManager, id: bigint, reason: RevertReason): Promise<void> {
    await tx.query(`update tx_intents set state = 'rejected', rejection = $2, updated_at = now() where id = $1 and state = 'queued'`, [
      id.toString(),
      JSON.stringify(reason),
    ]);
  }

  async defer(tx: EntityManager, id: bigint, until: Date, because: string): Promise<void> {
    await tx.query(
      `update tx_intents set deferrals = deferrals + 1, not_before = $2, deferred_because = $3, updated_at = now() where id = $1 and state = 'queued'`,
      [id.toString(), until, because],
    );
  }

  /** @returns false if the intent is no longer queued */
  async markSigned(tx: EntityManager, id: bigint, nonce: bigint): Promise<boolean> {
    const rows: unknown = await tx.query(
      `with signed as (update tx_intents set state = 'signed', nonce = $2, updated_at = now() where id = $1 and state = 'queued' returning id)
       select id from signed`,
      [id.toString(), nonce.toString()],
    );
    return z.array(idRow).parse(rows).length === 1;
  }

  async addAttempt(
    tx: EntityManager,
    attempt: {
      readonly intentId: bigint;
      readonly nonce: bigint;
      readonly raw: Hex;
      readonly hash: Hex;
      readonly gasLimit: Gas;
      readonly fees: Fees;
    },
  ): Promise<void> {
    const { fees } = attempt;
    const [maxFee, tip] = fees.kind === 'legacy' ? [fees.gasPrice, fees.gasPrice] : [fees.maxFeePerGas, fees.maxPriorityFeePerGas];
    await tx.query(
      `insert into tx_attempts (intent_id, chain_id, address, nonce, raw, hash, gas_limit, max_fee_per_gas, max_priority_fee_per_gas)
       values ($3, $1, $2, $4, $5, $6, $7, $8, $9)`,
      [
        ...this.#key,
        attempt.intentId.toString(),
        attempt.nonce.toString(),
        Buffer.from(attempt.raw.slice(2), 'hex'),
        attempt.hash,
        attempt.gasLimit.toString(),
        maxFee.toString(),
        tip.toString(),
      ],
    );
  }

  async markBroadcast(tx: EntityManager, hash: Hex, now: Date, refusal: string | null): Promise<void> {
    await tx.query(
      `update tx_attempts set state = case when state = 'signed' then 'broadcast' else state end,
         broadcasts = broadcasts + 1, last_broadcast_at = $2, last_error = $3 where hash = $1`,
      [hash, now, refusal],
    );
  }

  /** Signed, mined and reverted intents by nonce. */
  async openIntents(tx: EntityManager): Promise<readonly OpenIntent[]> {
    const intents: unknown = await tx.query(
      `select * from tx_intents where chain_id = $1 and address = $2 and state in ('signed', 'mined', 'reverted') order by nonce`,
      [...this.#key],
    );
    const parsed = z.array(intentRow).parse(intents);
    const attempts: unknown = await tx.query(
      `select * from tx_attempts where intent_id = any($1::bigint[]) and state <> 'displaced' order by id desc`,
      [parsed.map(({ id }) => id.toString())],
    );
    const rows = z.array(attemptRow).parse(attempts);
    return parsed.flatMap((intent) =>
      intent.nonce === null ? [] : [{ intent, nonce: intent.nonce, attempts: rows.filter(({ intent_id }) => intent_id === intent.id) }],
    );
  }

  /** Signed or mined → mined or reverted in the receipt's block. */
  async include(tx: EntityManager, id: bigint, receipt: Receipt): Promise<void> {
    await tx.query(
      `update tx_intents set state = $2, mined_hash = $3, mined_block = $4, mined_block_hash = $5, gas_used = $6, gas_price = $7, updated_at = now()
       where id = $1 and state in ('signed', 'mined', 'reverted')`,
      [
        id.toString(),
        receipt.succeeded ? 'mined' : 'reverted',
        receipt.hash,
        receipt.block.toString(),
        receipt.blockHash,
        receipt.gasUsed.toString(),
        receipt.gasPrice.toString(),
      ],
    );
    await tx.query(`update tx_attempts set state = 'mined' where hash = $1`, [receipt.hash]);
  }

  /** Mined → final, if it is still mined in that block. */
  async finalise(tx: EntityManager, id: bigint, blockHash: Hex): Promise<void> {
    await tx.query(
      `update tx_intents set state = case state when 'mined' then 'final' else 'final-reverted' end, updated_at = now()
       where id = $1 and state in ('mined', 'reverted') and mined_block_hash = $2`,
      [id.toString(), blockHash],
    );
  }

  /** Mined in a block that left the chain → signed again. */
  async uninclude(tx: EntityManager, id: bigint, blockHash: Hex): Promise<void> {
    await tx.query(
      `update tx_intents set state = 'signed', mined_hash = null, mined_block = null, mined_block_hash = null, gas_used = null, gas_price = null,
         updated_at = now()
       where id = $1 and state in ('mined', 'reverted') and mined_block_hash = $2`,
      [id.toString(), blockHash],
    );
    await tx.query(`update tx_attempts set state = 'broadcast' where intent_id = $1 and state = 'mined'`, [id.toString()]);
  }

  /** A foreign transaction is final at the intent's nonce: what was signed can never be mined, so the intent waits for another nonce. */
  async displace(tx: EntityManager, id: bigint): Promise<void> {
    await tx.query(`update tx_attempts set state = 'displaced' where intent_id = $1`, [id.toString()]);
    await tx.query(
      `update tx_intents set
         state = case when purpose ->> 'kind' = 'fill-nonce' then 'rejected' else 'queued' end,
         rejection = case when purpose ->> 'kind' = 'fill-nonce'
           then '{"kind": "message", "message": "the nonce it was to fill was taken"}'::jsonb end,
         nonce = null, updated_at = now()
       where id = $1 and state = 'signed'`,
      [id.toString()],
    );
  }

  /** Nonces from `from` up to the lane's next one that no intent holds. */
  async missingNonces(tx: EntityManager, from: bigint, next: bigint, limit: number): Promise<readonly bigint[]> {
    const rows: unknown = await tx.query(
      `select n::text as nonce from generate_series($3::bigint, $4::bigint - 1) n
       where not exists (select from tx_intents i where i.chain_id = $1 and i.address = $2 and i.nonce = n)
       order by n limit $5`,
      [...this.#key, from.toString(), next.toString(), limit],
    );
    return z
      .array(nonceRow)
      .parse(rows)
      .map(({ nonce }) => nonce);
  }

  /** An intent born signed: a transfer of nothing to itself that uses up a nonce. `now` (ms) tells it from earlier ones. @returns its id */
  async addFiller(tx: EntityManager, role: SendingRole, keyName: string, nonce: bigint, now: number): Promise<bigint> {
    const [chainId, address] = this.#key;
    const rows: unknown = await tx.query(
      `insert into tx_intents (role, chain_id, chain, key_name, address, dedupe_key, to_address, data, value, gas_limit, purpose, state, nonce)
       values ($1, $2, $3, $4, $5, $6, $5, '', 0, 21000, '{"kind": "fill-nonce"}', 'signed', $7) returning id`,
      [role, chainId, this.lane.chain, keyName, address, `fill:${chainId}:${address}:${nonce}:${now}`, nonce.toString()],
    );
    return z.tuple([idRow]).parse(rows)[0].id;
  }

  /** Records an incident unless the same one (code and intent) was recorded within the last ten minutes. */
  async report(tx: EntityManager, code: IncidentCode, intentId: bigint | null, detail: Readonly<Record<string, string>>): Promise<void> {
    await tx.query(
      `insert into tx_incidents (chain_id, address, code, intent_id, detail)
       select $1, $2, $3, $4, $5
       where not exists (select from tx_incidents where chain_id = $1 and address = $2 and code = $3 and intent_id is not distinct from $4
         and at > now() - interval '10 minutes')`,
      [...this.#key, code, intentId?.toString() ?? null, JSON.stringify(detail)],
    );
  }
}
