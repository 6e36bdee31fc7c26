import type { Desired } from './schema.js';

/** What a verifier set that is wholly malicious could invent of one asset before anyone reacts; base units of the token. */
export interface TakeBound {
  readonly chain: string;
  readonly symbol: string;
  readonly decimals: number;
  /** At once: the inflow bucket is full. */
  readonly atOnce: bigint;
  /** Within an hour and within a day, as the bucket refills. Never above the hub's cap. */
  readonly inAnHour: bigint;
  readonly inADay: bigint;
  readonly cap: bigint;
}

const HOUR = 3_600n;
const DAY = 24n * HOUR;

/**
 * Bounds of every asset that reaches the hub over LayerZero. The hub's own vault is left out: its path never leaves the chain.
 * A forged checkpoint can credit what the inflow bucket lets in, and no more than the asset's cap on the hub.
 */
export function takeBounds(desired: Desired): TakeBound[] {
  return desired.chains
    .filter((chain) => chain.role === 'spoke')
    .flatMap((chain) =>
      chain.assets.map((asset) => {
        const within = (seconds: bigint): bigint => smaller(asset.hubCap, asset.inflowCapacity + asset.inflowPerSecond * seconds);
        return {
          chain: chain.name,
          symbol: asset.symbol,
          decimals: asset.decimals,
          atOnce: within(0n),
          inAnHour: within(HOUR),
          inADay: within(DAY),
          cap: asset.hubCap,
        };
      }),
    );
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
