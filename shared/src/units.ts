import type { Hex } from 'viem';

declare const unit: unique symbol;

/** A bigint that cannot be passed where another unit is expected. Arithmetic goes through the functions beside each unit. */
export type Quantity<U extends string> = bigint & { readonly [unit]: U };
type Tagged<T, U extends string> = T & { readonly [unit]: U };

/** Amount in a token's own base units. */
export type TokenAmount = Quantity<'token-base-units'>;
/** Settlement cash, 18 decimals, signed. */
export type Cash = Quantity<'cash-e18'>;
/** Native coin, wei. */
export type Wei = Quantity<'wei'>;
/** Gas units. */
export type Gas = Quantity<'gas'>;
/** Position in a log; the first entry is 1, 0 is the genesis. */
export type Sequence = Quantity<'sequence'>;
/** Height of a block. */
export type BlockNumber = Quantity<'block-number'>;
/** Unix time of a chain's block, seconds. */
export type UnixSeconds = Quantity<'unix-seconds'>;

/** LayerZero endpoint id. */
export type Eid = Tagged<number, 'eid'>;
/** EVM chain id. */
export type ChainId = Tagged<number, 'chain-id'>;
/** Hub account: owner ‖ home ‖ subaccount, 32 bytes. */
export type AccountId = Tagged<Hex, 'account'>;

const UINT64_MAX = 2n ** 64n - 1n;
const UINT128_MAX = 2n ** 128n - 1n;
const UINT32_MAX = 2 ** 32 - 1;

function inRange(name: string, value: bigint, max: bigint): bigint {
  if (value < 0n || value > max) throw new RangeError(`${name} is ${value}; expected 0 … ${max}`);
  return value;
}

// CAST: the functions below are the only doors into their units; each checks the range its wire format allows.
/** @throws RangeError unless 0 ≤ value < 2^128 */
export const tokenAmount = (value: bigint): TokenAmount => inRange('token amount', value, UINT128_MAX) as TokenAmount;
export const cash = (value: bigint): Cash => value as Cash;
/** @throws RangeError if negative */
export const wei = (value: bigint): Wei => inRange('wei', value, 2n ** 256n - 1n) as Wei;
/** @throws RangeError unless 0 ≤ value < 2^64 */
export const gas = (value: bigint): Gas => inRange('gas', value, UINT64_MAX) as Gas;
/** @throws RangeError unless 0 ≤ value < 2^64 */
export const sequence = (value: bigint): Sequence => inRange('sequence', value, UINT64_MAX) as Sequence;
/** @throws RangeError unless 0 ≤ value < 2^64 */
export const blockNumber = (value: bigint): BlockNumber => inRange('block number', value, UINT64_MAX) as BlockNumber;
/** @throws RangeError unless 0 ≤ value < 2^40 */
export const unixSeconds = (value: bigint): UnixSeconds => inRange('unix seconds', value, 2n ** 40n - 1n) as UnixSeconds;
/** @throws RangeError unless 1 ≤ value < 2^32 */
export function eid(value: number): Eid {
  if (!Number.isInteger(value) || value < 1 || value > UINT32_MAX) throw new RangeError(`eid is ${value}; expected 1 … ${UINT32_MAX}`);
  return value as Eid;
}
/** @throws RangeError unless a positive safe integer */
export function chainId(value: number): ChainId {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`chain id is ${value}; expected a positive integer`);
  return value as ChainId;
}
/** @throws RangeError unless 32 bytes of hex */
export function accountId(value: Hex): AccountId {
  if (!/^0x[0-9a-fA-F]{64}$/.test(value)) throw new RangeError(`account is ${value}; expected 32 bytes of hex`);
  return value.toLowerCase() as AccountId;
}

/** Scale of cash: 18 decimals. */
export const CASH_DECIMALS = 18;

/**
 * Cash that `amount` of a settlement token is worth at par: amount × 10^(18 − decimals), exact.
 * @throws RangeError if the token has more than 18 decimals (it could not be converted without loss)
 */
export function toCash(amount: TokenAmount, decimals: number): Cash {
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > CASH_DECIMALS)
    throw new RangeError(`settlement decimals are ${decimals}; expected 0 … ${CASH_DECIMALS}`);
  return cash(amount * 10n ** BigInt(CASH_DECIMALS - decimals));
}
