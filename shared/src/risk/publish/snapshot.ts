import type { Address, TypedDataDomain } from 'viem';
import { feedId } from '../feed-word.js';
import { packSlice } from '../smile.js';
import { priceAt, volatilityAt, type PricePath } from './path.js';

/** What signers of the feeds sign, and how a publisher on a local chain makes it from a path. */

/** One value of a snapshot, as `IFeeds.Report`. */
export interface FeedReport {
  readonly feed: bigint;
  readonly value: bigint;
  readonly spread: number;
}

/** EIP-712 types of a snapshot; the domain is {@link feedsDomain}. */
export const FEED_TYPES = {
  Snapshot: [
    { name: 'time', type: 'uint40' },
    { name: 'reports', type: 'Report[]' },
  ],
  Report: [
    { name: 'feed', type: 'uint64' },
    { name: 'value', type: 'uint128' },
    { name: 'spread', type: 'uint32' },
  ],
} as const;

/** EIP-712 domain of the Feeds contract at an address. */
export const feedsDomain = (chainId: number, feeds: Address): TypedDataDomain => ({
  name: 'Lockstep Feeds',
  version: '1',
  chainId,
  verifyingContract: feeds,
});

/** An underlying to publish. */
export interface PublishedUnderlying {
  readonly underlying: number;
  readonly path: PricePath;
  /** Half-width reported with every value, 1e-9 of it. */
  readonly spread: number;
  /** The perpetual's mark over spot, as a share. */
  readonly premium: number;
  /** Continuously compounded, per year: forward = spot·e^(rate·T). */
  readonly rate: number;
  /** Lean of the smile, −1 < lean < 1. */
  readonly lean: number;
  /** How many expiries, and the days between them; each at 08:00 UTC. */
  readonly expiries: { readonly count: number; readonly everyDays: number };
}

const DAY = 86_400;
const YEAR = 365 * DAY;
const EXPIRES_AT = 8 * 3600;
const WINDOW = 30 * 60;
/** A settlement price is reported for this long after its expiry. */
const SETTLES_FOR = 3600;
const SAMPLE = 60;
const WHOLE = 1e9;
/** φ = BEND/√θ keeps wings that do not fall with time; below √2 no lean makes a density negative. */
const BEND = 0.8;
const MOST_PHI = 100;

/** Expiries to trade at a time, nearest first. */
export function expiriesAt({ count, everyDays }: PublishedUnderlying['expiries'], seconds: number): number[] {
  const period = everyDays * DAY;
  const first = (Math.floor((seconds - EXPIRES_AT) / period) + 1) * period + EXPIRES_AT;
  return Array.from({ length: count }, (_, index) => first + index * period);
}

/**
 * Every value of the underlyings at a time, feeds ascending, surfaces free of arbitrage. Settlement averages are reported from 30 minutes
 * before an expiry until an hour after it.
 * @param seconds whole seconds
 */
export function snapshotAt(underlyings: readonly PublishedUnderlying[], seconds: number): FeedReport[] {
  return underlyings.flatMap((published) => reportsOf(published, seconds)).sort((a, b) => (a.feed < b.feed ? -1 : a.feed > b.feed ? 1 : 0));
}

function reportsOf(published: PublishedUnderlying, seconds: number): FeedReport[] {
  const { underlying, path, spread, premium, rate, lean } = published;
  const spot = priceAt(path, seconds);
  const volatility = volatilityAt(path, seconds);
  const price = (kind: 'spot' | 'mark' | 'forward' | 'settlement', expiry: number, value: number): FeedReport => ({
    feed: feedId({ underlying, kind, expiry: BigInt(expiry) }),
    value: wad(value),
    spread,
  });
  const forwards = expiriesAt(published.expiries, seconds).flatMap((expiry) => {
    const years = (expiry - seconds) / YEAR;
    return [
      price('forward', expiry, spot * Math.exp(rate * years)),
      { feed: feedId({ underlying, kind: 'surface', expiry: BigInt(expiry) }), value: slice(volatility, lean, years), spread },
    ];
  });
  const settling = settlingAt(published.expiries, seconds).map((expiry) => price('settlement', expiry, average(path, expiry, seconds)));
  return [price('spot', 0, spot), price('mark', 0, spot * (1 + premium)), ...forwards, ...settling];
}

const slice = (volatility: number, lean: number, years: number): bigint =>
  packSlice({
    vol: BigInt(Math.round(volatility * 1e8)),
    rho: BigInt(Math.round(lean * WHOLE)),
    phi: BigInt(Math.floor(Math.min(MOST_PHI, BEND / (volatility * Math.sqrt(years))) * WHOLE)),
  });

/** Expiries whose average runs or has just ended. */
function settlingAt(expiries: PublishedUnderlying['expiries'], seconds: number): number[] {
  const [next] = expiriesAt({ ...expiries, count: 1 }, seconds);
  if (next === undefined) return [];
  const previous = next - expiries.everyDays * DAY;
  return [previous, next].filter((expiry) => seconds > expiry - WINDOW && seconds < expiry + SETTLES_FOR);
}

/** Mean of the path over what has passed of the 30 minutes before an expiry, a sample a minute. */
function average(path: PricePath, expiry: number, seconds: number): number {
  const begin = expiry - WINDOW;
  const end = Math.min(seconds, expiry);
  const samples = Math.max(1, Math.floor((end - begin) / SAMPLE));
  let sum = 0;
  for (let i = 1; i <= samples; i++) sum += priceAt(path, begin + i * SAMPLE);
  return sum / samples;
}

/** A double as a wad, rounded to its 15 leading digits. */
function wad(value: number): bigint {
  const [digits = '0', exponent = '0'] = value.toExponential(14).split('e');
  const shift = Number(exponent) - 14 + 18;
  const mantissa = BigInt(digits.replace('.', ''));
  return shift >= 0 ? mantissa * 10n ** BigInt(shift) : mantissa / 10n ** BigInt(-shift);
}
