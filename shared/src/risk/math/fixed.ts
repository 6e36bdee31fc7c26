/**
 * Twin of contracts/src/math/Fixed.sol, bit for bit. Q64: a number x is the integer ⌊x·2^64⌋. Shifts of negative bigints round down, as
 * SAR does; bigint division truncates, as SDIV does. No function here throws for any input inside the 256-bit words of the EVM.
 */

/** 1 in Q64. */
export const ONE_Q64 = 1n << 64n;
const UINT256_MAX = (1n << 256n) - 1n;

const LN2_Q128 = 0xb17217f7d1cf79abc9e3b39803f2f6afn;
const LN2_Q96 = 0xb17217f7d1cf79abc9e3b398n;
const INVERSE_LN2_Q64 = 0x171547652b82fe177n;
const SQRT2_Q96 = 0x16a09e667f3bcc908b2fb1367n;
const LN_SQRT2_Q96 = 0x58b90bfbe8e7bcd5e4f1d9ccn;

/** From here up exp is 2^256 − 1. */
export const EXP_SATURATES_AT = 133n << 64n;
/** Below this exp is 0: e^−45 < 2^−64. */
export const EXP_VANISHES_AT = -(45n << 64n);

/** Coefficients, lowest first, of the polynomial in w that is 2·atanh(√w)/√w to 3e-21 on [0, (√2−1)²/(√2+1)²], Q96. */
const ATANH_Q96 = [
  0x20000000000000000470ee9c4n,
  0xaaaaaaaaaaaaa4b361072882n,
  0x66666666667b7e58af06e995n,
  0x4924924907e15a3abd1273f1n,
  0x38e38e4c6b1d8a2f59928840n,
  0x2e8b9b73e16990ce09292569n,
  0x276421398f730fbd2aa50bb0n,
  0x21eab5998f2359cfb6c19e7fn,
  0x21f373c78f93f11eac922ab9n,
] as const;

/**
 * e^x. Relative error ≤ 2^−74 before the result is cut to Q64 (rounded down).
 * @param x exponent, Q64
 * @returns Q64; 2^256 − 1 from x = 133, 0 below x = −45
 */
export function exp(x: bigint): bigint {
  if (x >= EXP_SATURATES_AT) return UINT256_MAX;
  if (x < EXP_VANISHES_AT) return 0n;
  const k = (x * INVERSE_LN2_Q64 + (1n << 127n)) >> 128n;
  const r = ((x << 64n) - k * LN2_Q128) >> 32n;
  const w = (r * r) >> 96n;
  const even = ((((((56n * w + (25200n << 96n)) * w) >> 96n) + (1995840n << 96n)) * w) >> 96n) + (17297280n << 96n);
  const odd = (r * (((((((w + (1512n << 96n)) * w) >> 96n) + (277200n << 96n)) * w) >> 96n) + (8648640n << 96n))) >> 96n;
  const q = ((even + odd) << 96n) / (even - odd);
  return k <= 32n ? q >> (32n - k) : q << (k - 32n);
}

/** Natural logarithm of x·2^−bits, Q64, rounded to nearest; error ≤ 0.6·2^−64. x = 0 counts as x = 1. */
function lnScaled(x: bigint, bits: bigint): bigint {
  const top = x === 0n ? 0n : BigInt(x.toString(2).length - 1);
  const m = top >= 96n ? x >> (top - 96n) : (x === 0n ? 1n : x) << (96n - top);
  const z = ((m - SQRT2_Q96) << 96n) / (m + SQRT2_Q96);
  const w = (z * z) >> 96n;
  let series = ATANH_Q96[8];
  for (const coefficient of ATANH_Q96.slice(0, 8).reverse()) series = ((series * w) >> 96n) + coefficient;
  return (((series * z) >> 96n) + (top - bits) * LN2_Q96 + LN_SQRT2_Q96 + (1n << 31n)) >> 32n;
}

/**
 * Natural logarithm; error ≤ 0.6·2^−64.
 * @param x Q64, 0 … 2^256 − 1; 0 counts as 2^−64, so the result saturates at −64·ln 2
 * @returns Q64
 */
export const ln = (x: bigint): bigint => lnScaled(x, 64n);

/**
 * ln(a/b) for 0 ≤ a < 2^128, 0 < b < 2^128 in any common unit; error ≤ 2^−64 plus that of cutting a/b at 2^−128.
 * @returns Q64; b = 0 gives ln(2^127), a = 0 gives ln(2^−128)
 */
export const lnRatio = (a: bigint, b: bigint): bigint => lnScaled(b === 0n ? 1n << 255n : (a << 128n) / b, 128n);

/**
 * Square root, rounded down to Q64 (to Q32 from 2^192 up, where Q64 would not fit).
 * @param x Q64
 * @returns Q64
 */
export function sqrt(x: bigint): bigint {
  return x < 1n << 192n ? isqrt(x << 64n) : isqrt(x) << 32n;
}

/** Integer square root, rounded down. */
export function isqrt(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** Q64 from an 18-decimals value, rounded down. */
export const fromWad = (value: bigint): bigint => {
  const scaled = value << 64n;
  const quotient = scaled / 10n ** 18n;
  return scaled < 0n && quotient * 10n ** 18n !== scaled ? quotient - 1n : quotient;
};
