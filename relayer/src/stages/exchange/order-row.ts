import { accountId, cash, exchange, unixSeconds } from '@lockstep/shared';
import { getAddress, isHex, type Hex } from 'viem';
import { z } from 'zod/v4';

const integer = z.string().transform((value) => BigInt(value));
const hex = z.custom<Hex>((value) => isHex(value), { error: 'expected hex' });
const timeInForce = z.enum(['gtc', 'ioc', 'fok', 'post']);

export const ORDER_STATES = ['new', 'open', 'filled', 'cancelled', 'expired', 'rejected'] as const;
/** `new`: not in the book yet; `open`: rests in it; the others are ends, of which a failed settlement may still lead back to `open`. */
export type OrderState = (typeof ORDER_STATES)[number];

export const MATCH_STATES = ['matched', 'sent', 'settled', 'failed'] as const;

/** Columns of `exchange_orders` that {@link orderRow} reads, for a table of that alias. */
export const orderColumns = (alias: string): string =>
  `${alias}.id::text, ${alias}.hash, ${alias}.account, ${alias}.instrument::text, ${alias}.side, ${alias}.size::text,
   ${alias}.limit_price::text, ${alias}.fee_cap::text, ${alias}.expiry::text, ${alias}.nonce::text, ${alias}.reduce_only, ${alias}.signer,
   ${alias}.signature, ${alias}.time_in_force, ${alias}.state, ${alias}.remaining::text, ${alias}.reason, ${alias}.received_at,
   ${alias}.updated_at`;

/** A stored order. */
export const orderRow = z
  .object({
    id: integer,
    hash: hex,
    account: hex.transform(accountId),
    // CAST: only what `encodeInstrument` made or `decodeInstrument` took is stored.
    instrument: integer.transform((value) => value as exchange.InstrumentId),
    side: z.enum(['buy', 'sell']),
    size: integer.transform(exchange.size),
    limit_price: integer.transform(exchange.price),
    fee_cap: integer.transform(cash),
    expiry: integer.transform(unixSeconds),
    nonce: integer,
    reduce_only: z.boolean(),
    signer: z.string().transform((value) => getAddress(value)),
    signature: hex,
    time_in_force: timeInForce,
    state: z.enum(ORDER_STATES),
    remaining: integer,
    reason: z.string().nullable(),
    received_at: z.date(),
    updated_at: z.date(),
  })
  .transform(({ id, hash, signer, signature, time_in_force, state, remaining, reason, received_at, updated_at, ...row }) => {
    const order: exchange.Order = {
      account: row.account,
      instrument: row.instrument,
      side: row.side,
      size: row.size,
      limit: row.limit_price,
      feeCap: row.fee_cap,
      expiry: row.expiry,
      nonce: row.nonce,
      reduceOnly: row.reduce_only,
    };
    return {
      id,
      hash,
      order,
      signer,
      signature,
      timeInForce: time_in_force,
      state,
      remaining,
      reason,
      receivedAt: received_at,
      updatedAt: updated_at,
    };
  });
export type StoredOrder = z.output<typeof orderRow>;
