import { accountId, eid, sequence } from '@lockstep/shared';
import { isHex, type Hex } from 'viem';
import { z } from 'zod/v4';
import { CHANGE_KINDS } from './change-feed.js';

const UINT16_MAX = 2n ** 16n - 1n;
const UINT40_MAX = 2n ** 40n - 1n;
const UINT32_MAX = 2n ** 32n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const INT64_MAX = 2n ** 63n - 1n;

/** A text parameter that `read` turns into a value, or into undefined if it is not what was expected. */
export const parameter = <T>(expected: string, read: (text: string) => T | undefined) =>
  z.string({ error: expected }).transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });

export function integerIn(text: string, least: bigint, most: bigint): bigint | undefined {
  if (!/^\d{1,78}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= least && value <= most ? value : undefined;
}

export function bytes32(text: string): Hex | undefined {
  return text.length === 66 && isHex(text) ? (text.toLowerCase() as Hex) : undefined; // CAST: lower case of what isHex accepted.
}

export const map = <T, U>(value: T | undefined, to: (value: T) => U): U | undefined => (value === undefined ? undefined : to(value));

export const count = (most: bigint) => parameter(`a count, 1 … ${most}`, (text) => map(integerIn(text, 1n, most), Number)).optional();

export const depositParams = z.strictObject({
  eid: parameter(`an endpoint id, 1 … ${UINT32_MAX}`, (text) => map(integerIn(text, 1n, UINT32_MAX), (value) => eid(Number(value)))),
  sequence: parameter(`a sequence, 1 … ${UINT64_MAX}`, (text) => map(integerIn(text, 1n, UINT64_MAX), sequence)),
});
export const accountParams = z.strictObject({
  account: parameter('an account: 0x and 64 hex digits (owner 20 bytes ‖ home 4 ‖ subaccount 8)', (text) => map(bytes32(text), accountId)),
});
export const txQuery = z.strictObject({ tx: parameter('a transaction hash: 0x and 64 hex digits', bytes32) });
export const claimParams = z.strictObject({
  claim: parameter(`a number of a claim, 1 … ${UINT64_MAX}`, (text) => integerIn(text, 1n, UINT64_MAX)),
});
export const withdrawalsQuery = z.strictObject({ account: accountParams.shape.account.optional(), tx: txQuery.shape.tx.optional() });
export const liquidationParams = z.strictObject({
  id: parameter(`a number, 1 … ${UINT64_MAX}`, (text) => integerIn(text, 1n, UINT64_MAX)),
});
export const leviesQuery = z.strictObject({ account: accountParams.shape.account, limit: count(200n) });
export const liquidationsQuery = leviesQuery.extend({ account: accountParams.shape.account.optional() });
export const eventsQuery = z.strictObject({
  kind: z
    .string()
    .transform((text) => text.split(','))
    .pipe(
      z.array(
        z.enum(CHANGE_KINDS, {
          error: 'deposit, withdrawal, request, path, order, trade or alarm, separated by commas',
        }),
      ),
    )
    .optional(),
});
export const pricesQuery = z.strictObject({
  after: parameter(`unix seconds, 0 … ${UINT40_MAX}`, (text) => integerIn(text, 0n, UINT40_MAX)).optional(),
  underlying: parameter(`the number of an underlying, 0 … ${UINT16_MAX}`, (text) =>
    map(integerIn(text, 0n, UINT16_MAX), Number),
  ).optional(),
});
export const pageQuery = z.strictObject({
  limit: count(200n),
  before: parameter('the id of an item of an earlier page', (text) => integerIn(text, 0n, INT64_MAX)).optional(),
});
