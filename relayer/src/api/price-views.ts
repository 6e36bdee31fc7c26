import { risk } from '@lockstep/shared';
import { createZodDto } from 'nestjs-zod';
import { z } from 'zod/v4';
import { chain, decimal, eid, hex, instant } from './view-fields.js';

const feed = z.object({
  id: decimal.describe('underlying 16 | kind 8 | expiry 40'),
  underlying: z.int(),
  kind: z.enum(risk.FEED_KINDS),
  expiry: instant.nullable(),
});

const snapshot = z.object({
  time: decimal.describe('unix seconds it was signed for; may lie a few seconds ahead'),
  at: instant.describe('the same'),
  ageSeconds: z.int().describe("seconds since then by the hub's clock; negative: still ahead"),
  signers: z.array(hex).describe('whose signatures it carries, in their order'),
  underlyings: z.array(z.int()),
  feeds: z.array(feed),
  prices: hex.describe(
    '`prices` of Margin.submit, Withdrawals.request, Withdrawals.processRequest, Exchange.settle, Liquidation.start and the like',
  ),
  tx: hex.nullable().describe('the transaction of the hub it was read from; null: it comes from the publisher itself'),
});

export const pricesView = z.object({
  eid,
  chain,
  feeds: hex.describe('address of the Feeds contract whose signers these are'),
  now: instant.describe("the hub's clock"),
  snapshots: z
    .array(snapshot)
    .describe(
      'newest first; as few as hold the newest value of every feed. A call takes one: hand the older ones in first, with Margin.submit',
    ),
  awaited: z.array(z.int()).describe('underlyings known of which nothing was signed after `after` yet: ask again'),
});

export type PricesView = z.input<typeof pricesView>;
export class PricesDto extends createZodDto(pricesView) {}
