/**
 * Arbitrary-precision reference for the risk mathematics: plain decimal bigints with 110 digits after the point. Nothing here shares a
 * method with the fixed-point code it judges: exp by Taylor series after halvings, ln by Halley's iteration on that exp, the normal
 * CDF by its all-positive Maclaurin-type series, and the option price a second time by Fourier integration without any CDF.
 */
export const DIGITS = 110n;
/** One, in oracle units. */
export const ONE = 10n ** DIGITS;

export const mul = (a: bigint, b: bigint): bigint => (a * b) / ONE;
export const div = (a: bigint, b: bigint): bigint => (a * ONE) / b;
/** Exact oracle value of a binary fixed-point number with `bits` after the point (rounded once). */
export const fromFixed = (value: bigint, bits = 64n): bigint => (value * ONE) / 2n ** bits;
/** Nearest binary fixed-point number with `bits` after the point. */
export function toFixed(value: bigint, bits = 64n): bigint {
  const scaled = value * 2n ** (bits + 1n);
  const half = scaled >= 0n ? ONE : -ONE;
  return (scaled + half) / (2n * ONE);
}

/** Integer square root, floor; ⌊√n⌋ by Newton. */
export function isqrt(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

export const sqrt = (a: bigint): bigint => isqrt(a * ONE);

function arctanInverse(n: bigint): bigint {
  let term = ONE / n;
  let sum = term;
  for (let k = 3n, sign = -1n; term !== 0n; k += 2n, sign = -sign) {
    term /= n * n;
    sum += (sign * term) / k;
  }
  return sum;
}

/** π by Machin's formula. */
export const PI = 4n * (4n * arctanInverse(5n) - arctanInverse(239n));
const SQRT_TWO_PI = sqrt(2n * PI);

/** e^a; relative error below 1e-95 for |a| ≤ 200. */
export function exp(a: bigint): bigint {
  if (a < 0n) return div(ONE, exp(-a));
  const halvings = 24n;
  const small = a >> halvings;
  let term = ONE;
  let sum = ONE;
  for (let k = 1n; term !== 0n; k++) {
    term = mul(term, small) / k;
    sum += term;
  }
  for (let k = 0n; k < halvings; k++) sum = mul(sum, sum);
  return sum;
}

/** Natural logarithm of a > 0. */
export function ln(a: bigint): bigint {
  if (a <= 0n) throw new RangeError('ln of a value that is not positive');
  let scaled = a;
  let twos = 0n;
  while (scaled > 2n * ONE) {
    scaled >>= 1n;
    twos++;
  }
  while (scaled < ONE / 2n) {
    scaled <<= 1n;
    twos--;
  }
  // Exact: the power of two removed is put back with the same bits.
  const exact = twos >= 0n ? a / 2n ** twos : a * 2n ** -twos;
  let y = BigInt(Math.round(Math.log(Number(exact / 10n ** (DIGITS - 18n)) / 1e18) * 1e15)) * 10n ** (DIGITS - 15n);
  for (let i = 0; i < 4; i++) {
    const e = exp(y);
    y += div(2n * (exact - e), exact + e);
  }
  return y + twos * LN2;
}
/** ln 2 = 18 atanh(1/26) − 2 atanh(1/4801) + 8 atanh(1/8749). */
export const LN2 = 18n * atanhInverse(26n) - 2n * atanhInverse(4801n) + 8n * atanhInverse(8749n);
function atanhInverse(n: bigint): bigint {
  let term = ONE / n;
  let sum = term;
  for (let k = 3n; term !== 0n; k += 2n) {
    term /= n * n;
    sum += term / k;
  }
  return sum;
}

/** Density of the standard normal. */
export const pdf = (d: bigint): bigint => div(exp(-mul(d, d) / 2n), SQRT_TWO_PI);

/** Distribution function of the standard normal: ½ + φ(d)·Σ d^(2n+1)/(1·3·…·(2n+1)); 0 or 1 beyond 20 (error < 1e-88). */
export function cdf(d: bigint): bigint {
  if (d < 0n) return ONE - cdf(-d);
  if (d > 20n * ONE) return ONE;
  const square = mul(d, d);
  let term = d;
  let sum = d;
  for (let k = 3n; term !== 0n; k += 2n) {
    term = mul(term, square) / k;
    sum += term;
  }
  return ONE / 2n + mul(pdf(d), sum);
}

/** Undiscounted Black-76 call; all arguments and the result in oracle units, forward > 0, strike > 0, totalVol = σ√T. */
export function call(forward: bigint, strike: bigint, totalVol: bigint): bigint {
  if (totalVol === 0n) return forward > strike ? forward - strike : 0n;
  const d1 = div(ln(div(forward, strike)), totalVol) + totalVol / 2n;
  return mul(forward, cdf(d1)) - mul(strike, cdf(d1 - totalVol));
}

function cosine(a: bigint): bigint {
  const halvings = 16n;
  const turn = ((a % (2n * PI)) + 2n * PI) % (2n * PI);
  const square = mul(turn >> halvings, turn >> halvings);
  let term = ONE;
  let sum = ONE;
  for (let k = 2n; term !== 0n; k += 2n) {
    term = -mul(term, square) / (k * (k - 1n));
    sum += term;
  }
  for (let k = 0n; k < halvings; k++) sum = 2n * mul(sum, sum) - ONE;
  return sum;
}

/**
 * The same call by Lewis' Fourier integral, F − √(FK)/π · ∫₀^∞ cos(u ln(F/K)) e^(−v²(u²+¼)/2)/(u²+¼) du, by the trapezoid rule (which
 * converges geometrically here: the nearest pole is ½ from the axis, so the error is about e^(−π/step)). Good to 1e-24 for v ≥ 0.2.
 */
export function callByFourier(forward: bigint, strike: bigint, totalVol: bigint): bigint {
  const step = ONE / 20n;
  const k = ln(div(forward, strike));
  const quarter = ONE / 4n;
  let sum = 0n;
  for (let i = 0n; ; i++) {
    const u = i * step;
    const square = mul(u, u) + quarter;
    const weight = div(exp(-mul(mul(totalVol, totalVol), square) / 2n), square);
    if (weight < ONE / 10n ** 30n) break;
    const value = mul(weight, cosine(mul(u, k)));
    sum += i === 0n ? value / 2n : value;
  }
  return forward - mul(div(sqrt(mul(forward, strike)), PI), mul(sum, step));
}
