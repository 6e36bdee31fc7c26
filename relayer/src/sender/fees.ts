/** What a transaction offers, wei per gas. */
export type Fees =
  | { readonly kind: 'eip1559'; readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  /** the chain has no base fee */
  | { readonly kind: 'legacy'; readonly gasPrice: bigint };

/** What the chain asks, wei per gas. */
export interface Market {
  /** of the newest block; null on a chain without EIP-1559 */
  readonly baseFee: bigint | null;
  /** tip, or whole gas price without EIP-1559, as the node suggests it */
  readonly suggested: bigint;
}

export interface FeeLimits {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/**
 * Twice the base fee (so that six full blocks do not outbid it) plus the tip, never above the limits.
 * @returns null if even the limit cannot be mined now: wait
 */
export function decideFees(market: Market, limits: FeeLimits): Fees | null {
  if (market.baseFee === null) return market.suggested > limits.maxFeePerGas ? null : { kind: 'legacy', gasPrice: market.suggested };
  if (market.baseFee > limits.maxFeePerGas) return null;
  const tip = min(market.suggested, limits.maxPriorityFeePerGas);
  const maxFeePerGas = min(market.baseFee * 2n + tip, limits.maxFeePerGas);
  return { kind: 'eip1559', maxFeePerGas, maxPriorityFeePerGas: min(tip, maxFeePerGas) };
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
