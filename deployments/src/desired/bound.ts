import type { Desired, DesiredAsset } from './schema.js';

/** Most of one asset that passes a bucket, base units of the token: at once from a full one, and within an hour and a day as it refills. */
export interface PassBound {
  readonly atOnce: bigint;
  readonly inAnHour: bigint;
  readonly inADay: bigint;
}

/** What a verifier set that is wholly malicious could do with one asset before anyone reacts. */
export interface TakeBound {
  readonly chain: string;
  readonly symbol: string;
  readonly decimals: number;
  /** Deposits it could invent on the hub: what the inflow bucket lets in. Never above the hub's cap. */
  readonly invented: PassBound;
  /** Tokens it could take out of the vault by forged orders: what the vault's outflow bucket lets out. Never above the vault's cap. */
  readonly taken: PassBound;
}

const HOUR = 3_600n;
const DAY = 24n * HOUR;

/**
 * Bounds of every asset that reaches the hub over LayerZero. The hub's own vault is left out: its path never leaves the chain.
 * What is invented can be withdrawn only through the other chains' outflow buckets, by the hub's and by each vault's own.
 */
export function takeBounds(desired: Desired): TakeBound[] {
  return desired.chains
    .filter((chain) => chain.role === 'spoke')
    .flatMap((chain) =>
      chain.assets.map((asset) => ({
        chain: chain.name,
        symbol: asset.symbol,
        decimals: asset.decimals,
        invented: passes({ capacity: asset.inflowCapacity, perSecond: asset.inflowPerSecond }, asset.hubCap),
        taken: passes(asset.outflow.vault, asset.vaultCap),
      })),
    );
}

function passes({ capacity, perSecond }: DesiredAsset['outflow']['vault'], cap: bigint): PassBound {
  const within = (seconds: bigint): bigint => smaller(cap, capacity + perSecond * seconds);
  return { atOnce: within(0n), inAnHour: within(HOUR), inADay: within(DAY) };
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
