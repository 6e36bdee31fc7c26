import { z } from 'zod/v4';

/** Fields that stand in many answers, each described in one place. */
export const hex = z.string().regex(/^0x[0-9a-f]*$/i);
export const decimal = z
  .string()
  .regex(/^-?\d+$/)
  .describe('integer, as a decimal string');
export const instant = z.iso.datetime().describe('ISO 8601');
export const eid = z.int().describe('LayerZero endpoint id');
export const chain = z.string().nullable().describe('name of the chain, null if this relayer does not follow it');
export const final = z.boolean().describe('the block is final by the policy of its chain');

/** Where and when something happened. */
export const place = z.object({ at: instant, eid, chain, tx: hex, final });
/** A step of a story, with the names a story's steps may have. */
export const step = <S extends z.ZodType>(stage: S) => place.extend({ stage, detail: z.string().nullable() });
export const reorged = z.array(place.extend({ stage: z.string() })).describe('what a reorg took back');

/** A token of a chain. */
export const asset = {
  eid,
  chain,
  assetIndex: z.int(),
  symbol: z.string().nullable(),
  token: hex.nullable(),
  decimals: z.int().nullable(),
};
