import { cash, exchange, unixSeconds } from '@lockstep/shared';
import { getAddress, isAddress, isHex, type Hex } from 'viem';
import { z } from 'zod/v4';
import { accountParams, bytes32, count, integerIn, map, parameter } from './params.js';

const UINT40_MAX = 2n ** 40n - 1n;
const UINT128_MAX = 2n ** 128n - 1n;
const UINT256_MAX = 2n ** 256n - 1n;
/** Longest signature taken, bytes: one of a contract wallet may hold several. */
const MAX_SIGNATURE = 4_096;

const amount = (what: string) =>
  parameter(`${what}, 1 … 2^112 − 1, as a decimal string of 18 decimals`, (text) => integerIn(text, 1n, exchange.MAX_SIZE));
const instrument = parameter('an instrument: strike 112 | expiry 40 | underlying 16 | kind 8, as a decimal string', (text) => {
  const id = integerIn(text, 0n, UINT256_MAX);
  if (id === undefined) return undefined;
  try {
    return exchange.encodeInstrument(exchange.decodeInstrument(id));
  } catch {
    return undefined;
  }
});
const hash = parameter('the hash of an order: 0x and 64 hex digits', bytes32);
const signer = parameter('an address', (text) => (isAddress(text) ? getAddress(text) : undefined));
const signature = parameter(`a signature: 0x and at most ${MAX_SIGNATURE} bytes in hex`, (text): Hex | undefined =>
  isHex(text) && text.length % 2 === 0 && text.length > 2 && text.length <= 2 + 2 * MAX_SIGNATURE ? text : undefined,
);

/** The body of a new order. */
export const newOrder = z
  .strictObject({
    account: accountParams.shape.account,
    instrument,
    side: z.enum(['buy', 'sell'], { error: 'buy or sell' }),
    size: amount('a size in units').transform(exchange.size),
    limit: amount('a price').transform(exchange.price),
    feeCap: parameter('cash, 0 … 2^128 − 1, as a decimal string of 18 decimals', (text) => map(integerIn(text, 0n, UINT128_MAX), cash)),
    expiry: parameter('unix seconds, as a decimal string', (text) => map(integerIn(text, 0n, UINT40_MAX), unixSeconds)),
    nonce: parameter('a number, 0 … 2^256 − 1, as a decimal string', (text) => integerIn(text, 0n, UINT256_MAX)),
    reduceOnly: z.boolean({ error: 'true or false' }),
    signer,
    signature,
    timeInForce: z.enum(['gtc', 'ioc', 'fok', 'post'], { error: 'gtc, ioc, fok or post' }).default('gtc'),
  })
  .transform(({ signer: by, signature: proof, timeInForce, ...order }) => ({
    signed: { order, signer: by, signature: proof },
    timeInForce,
  }));

export const cancellation = z.strictObject({ signer, signature });
export const orderParams = z.strictObject({ hash });
export const ordersQuery = z.strictObject({
  account: accountParams.shape.account,
  state: z.enum(['live', 'all'], { error: 'live or all' }).default('all'),
  limit: count(200n),
});
export const bookParams = z.strictObject({ instrument });
export const bookQuery = z.strictObject({ levels: count(200n) });
export const tradesQuery = z.strictObject({
  instrument: instrument.optional(),
  account: accountParams.shape.account.optional(),
  limit: count(200n),
});
