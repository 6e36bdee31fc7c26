import { decodeAbiParameters, encodeAbiParameters, size, sliceHex, type Hex } from 'viem';
import { feedName } from '../feed-word.js';
import type { FeedReport } from './snapshot.js';

/** Arguments of `IFeeds.submit`, which are the `prices` that every check of margin takes. */
const PRICES = [
  { name: 'time', type: 'uint40' },
  {
    name: 'reports',
    type: 'tuple[]',
    components: [
      { name: 'feed', type: 'uint64' },
      { name: 'value', type: 'uint128' },
      { name: 'spread', type: 'uint32' },
    ],
  },
  { name: 'signatures', type: 'bytes' },
] as const;
const SIGNATURE = 65;

/** A snapshot with the signatures of its signers. */
export interface SignedSnapshot {
  /** Seconds. */
  readonly time: number;
  /** Feeds ascending. */
  readonly reports: readonly FeedReport[];
  /** 65 bytes each. */
  readonly signatures: Hex;
}

/** The bytes that Margin, Exchange, Withdrawals and Liquidation take as `prices`. */
export const encodePrices = ({ time, reports, signatures }: SignedSnapshot): Hex =>
  encodeAbiParameters(PRICES, [time, reports, signatures]);

/** Reads `prices`. @throws RangeError if they are no snapshot, or its signatures are not whole */
export function decodePrices(prices: Hex): SignedSnapshot {
  const [time, reports, signatures] = readPrices(prices);
  if (signatures === '0x' || size(signatures) % SIGNATURE !== 0)
    throw new RangeError(`signatures have ${size(signatures)} bytes; expected a multiple of ${SIGNATURE}, at least one`);
  return { time, reports, signatures };
}

function readPrices(prices: Hex) {
  try {
    return decodeAbiParameters(PRICES, prices);
  } catch (cause) {
    throw new RangeError(
      `prices of ${size(prices)} bytes are no snapshot; expected abi.encode(uint40 time, Report[] reports, bytes signatures)`,
      {
        cause,
      },
    );
  }
}

/** The signatures one by one, in the order of their signers. */
export const splitSignatures = (signatures: Hex): Hex[] =>
  Array.from({ length: Math.floor(size(signatures) / SIGNATURE) }, (_, i) => sliceHex(signatures, i * SIGNATURE, (i + 1) * SIGNATURE));

/** What tells whether a snapshot is wanted. */
export interface DatedSnapshot {
  /** Seconds. */
  readonly time: number;
  readonly feeds: readonly bigint[];
}

/**
 * The fewest newest snapshots that hold the newest value of every feed of the underlyings that is still of use: none of an option that has
 * expired by the newest of them. Newest first.
 * @param underlyings those asked for; null: all
 */
export function newestSnapshots<S extends DatedSnapshot>(snapshots: readonly S[], underlyings: readonly number[] | null): S[] {
  const newestFirst = [...snapshots].sort((a, b) => b.time - a.time);
  const covered = new Set<bigint>();
  return newestFirst.filter(({ feeds }) => {
    const news = feeds.filter((feed) => !covered.has(feed) && isOfUse(feed, newestFirst[0]?.time ?? 0, underlyings));
    for (const feed of news) covered.add(feed);
    return news.length > 0;
  });
}

function isOfUse(feed: bigint, now: number, underlyings: readonly number[] | null): boolean {
  const { underlying, expiry } = feedName(feed);
  return (underlyings === null || underlyings.includes(underlying)) && (expiry === 0n || expiry > BigInt(now));
}
