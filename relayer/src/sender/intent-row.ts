import { bytesToHex, getAddress, isHex, type Hex } from 'viem';
import { z } from 'zod/v4';
import { blockNumber, chainId, gas, wei } from '@lockstep/shared';
import { SENDING_ROLES } from '../config/relayer-config.js';
import { SENDER_KEYS, type IntentOutcome, type RevertReason } from './intent.js';

const hex = z.custom<Hex>((value) => isHex(value), { error: 'expected hex' });
const integer = z.string().transform((value) => BigInt(value));
const bytea = z.instanceof(Uint8Array).transform((value) => bytesToHex(value));
const address = z.string().transform((value) => getAddress(value));

const reason: z.ZodType<RevertReason> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('error'), name: z.string(), args: z.array(z.string()), data: hex }),
  z.object({ kind: z.literal('message'), message: z.string() }),
  z.object({ kind: z.literal('panic'), code: z.number() }),
  z.object({ kind: z.literal('unknown'), data: hex }),
]);

/** A row of `tx_intents`, with the hash of its newest attempt where the query adds one. */
export const intentRow = z.object({
  id: integer,
  role: z.enum(SENDING_ROLES),
  chain_id: integer.transform((value) => chainId(Number(value))),
  chain: z.string(),
  key_name: z.enum(SENDER_KEYS),
  address,
  dedupe_key: z.string(),
  to_address: address,
  data: bytea,
  value: integer.transform(wei),
  gas_limit: integer.transform(gas).nullable(),
  state: z.enum(['queued', 'signed', 'mined', 'reverted', 'final', 'final-reverted', 'rejected']),
  nonce: integer.nullable(),
  deferrals: z.number(),
  rejection: reason.nullable(),
  mined_hash: hex.nullable(),
  mined_block: integer.transform(blockNumber).nullable(),
  mined_block_hash: hex.nullable(),
  gas_used: integer.transform(gas).nullable(),
  gas_price: integer.transform(wei).nullable(),
  hash: hex.nullish(),
});
export type IntentRow = z.output<typeof intentRow>;

/** A row of `tx_attempts`. */
export const attemptRow = z.object({
  id: integer,
  intent_id: integer,
  nonce: integer,
  raw: bytea,
  hash: hex,
  state: z.enum(['signed', 'broadcast', 'mined', 'displaced']),
  broadcasts: z.number(),
  last_broadcast_at: z.date().nullable(),
});
export type AttemptRow = z.output<typeof attemptRow>;

/** @throws Error if the row breaks a constraint of its table */
export function intentOutcomeOf(row: IntentRow): IntentOutcome {
  switch (row.state) {
    case 'queued':
      return { state: 'queued' };
    case 'signed':
      return { state: 'signed', hash: present(row.hash, row, 'hash') };
    case 'rejected':
      return { state: 'rejected', reason: present(row.rejection, row, 'rejection') };
    case 'mined':
    case 'reverted':
    case 'final':
    case 'final-reverted':
      return {
        state: row.state,
        inclusion: {
          hash: present(row.mined_hash, row, 'mined_hash'),
          block: present(row.mined_block, row, 'mined_block'),
          blockHash: present(row.mined_block_hash, row, 'mined_block_hash'),
          gasUsed: present(row.gas_used, row, 'gas_used'),
          gasPrice: present(row.gas_price, row, 'gas_price'),
        },
      };
  }
}

function present<T>(value: T | null | undefined, row: IntentRow, column: string): T {
  if (value === null || value === undefined) throw new Error(`intent ${row.id} is ${row.state} but has no ${column}`);
  return value;
}
