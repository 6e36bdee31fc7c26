import { createZodDto } from 'nestjs-zod';
import { z } from 'zod/v4';
import { MATCH_STATES, ORDER_STATES } from '../stages/exchange/order-row.js';
import { final, hex, instant } from './view-fields.js';

const e18 = z.string().regex(/^\d+$/).describe('18 decimals, as a decimal string');
const integer = z.string().regex(/^\d+$/).describe('integer, as a decimal string');
const side = z.enum(['buy', 'sell']);
const timeInForce = z
  .enum(['gtc', 'ioc', 'fok', 'post'])
  .describe('gtc: waits until it expires; ioc: does not wait; fok: all at once or not at all; post: never takes');

export const instrumentView = z.object({
  id: integer.describe('strike 112 | expiry 40 | underlying 16 | kind 8'),
  kind: z.enum(['perpetual', 'call', 'put']),
  underlying: z.int(),
  expiry: instant.nullable(),
  strikeE18: e18.nullable(),
});

const order = {
  account: hex.describe('owner (20 bytes) ‖ home (4) ‖ subaccount (8)'),
  side,
  size: e18.describe('units of the underlying, 18 decimals'),
  limit: e18.describe('worst price, settlement cash per unit, 18 decimals'),
  feeCap: e18.describe('most fee for all of it, settlement cash, 18 decimals'),
  expiry: integer.describe('unix seconds'),
  nonce: integer,
  reduceOnly: z.boolean(),
};

export const newOrderBody = z.object({
  ...order,
  instrument: integer,
  signer: hex.describe('the owner, or a key that may trade for the account'),
  signature: hex.describe('over the EIP-712 order, domain "Lockstep Exchange"'),
  timeInForce: timeInForce.optional().describe('gtc if absent'),
});
export const cancelBody = z.object({ signer: hex, signature: hex.describe('over the EIP-712 type Cancel(bytes32 account,uint256 nonce)') });

export const orderView = z.object({
  hash: hex,
  ...order,
  instrument: instrumentView,
  timeInForce,
  state: z.enum(ORDER_STATES),
  remaining: e18,
  reason: z.string().nullable().describe('why it ended, or was not taken'),
  receivedAt: instant,
  updatedAt: instant,
});

export const tradeView = z.object({
  id: integer,
  instrument: instrumentView,
  size: e18,
  price: e18,
  taker: side,
  buyer: hex,
  seller: hex,
  buyOrder: hex,
  sellOrder: hex,
  buyFee: e18,
  sellFee: e18,
  state: z.enum(MATCH_STATES).describe('matched and sent: on its way to the hub; settled: in a block; failed: the hub refused it'),
  final,
  tx: hex.nullable(),
  reason: z.string().nullable(),
  matchedAt: instant,
});

const level = z.object({ price: e18, size: e18, orders: z.int() });
export const bookView = z.object({
  instrument: instrumentView,
  bids: z.array(level).describe('highest first'),
  asks: z.array(level).describe('lowest first'),
  last: z.object({ price: e18, size: e18, at: instant }).nullable().describe('newest match that did not fail'),
});

/** What a wallet needs to sign orders for this matcher. */
export const exchangeView = z.object({
  domain: z.object({ name: z.string(), version: z.string(), chainId: z.int(), verifyingContract: hex }),
  makerFeeE18: e18.describe('share of size times price'),
  takerFeeE18: e18.describe('share of size times price; an order needs a fee cap of at least this at its limit'),
  perpetual: z.object({ tick: e18, lot: e18, minimum: e18 }),
  option: z.object({ tick: e18, lot: e18, minimum: e18 }),
});

export type OrderView = z.input<typeof orderView>;
export type TradeView = z.input<typeof tradeView>;
export type BookView = z.input<typeof bookView>;
export type InstrumentView = z.input<typeof instrumentView>;
export type ExchangeView = z.input<typeof exchangeView>;

export class NewOrderDto extends createZodDto(newOrderBody) {}
export class CancelDto extends createZodDto(cancelBody) {}
export class OrderDto extends createZodDto(orderView) {}
export class TradeDto extends createZodDto(tradeView) {}
export class BookDto extends createZodDto(bookView) {}
export class ExchangeDto extends createZodDto(exchangeView) {}
