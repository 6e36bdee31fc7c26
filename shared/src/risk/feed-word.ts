/**
 * Twin of contracts/src/hub/risk/FeedWord.sol: what a feed is called, and the storage word its value is kept in.
 * Id: underlying (16) ‖ kind (8) ‖ expiry (40). Word, low to high: value uint128 | time uint40 | spread uint32 | zeros | final (bit 254) |
 * halted (bit 255).
 */
export const FEED_KINDS = ['spot', 'mark', 'forward', 'surface', 'settlement'] as const;
/** What a feed says. `mark`: the perpetual's fair price. `settlement`: the average price of the 30 minutes before expiry. */
export type FeedKind = (typeof FEED_KINDS)[number];

/** A feed, by name. */
export interface FeedName {
  /** 0 … 65535 */
  readonly underlying: number;
  readonly kind: FeedKind;
  /** Seconds; 0 for a kind without one. */
  readonly expiry: bigint;
}

/** A feed's word, read. */
export interface FeedValue {
  /** A price in wads, or a packed smile slice. */
  readonly value: bigint;
  /** When it was true, seconds. */
  readonly time: bigint;
  /** Half-width of the value, 1e-9 of it. */
  readonly spread: bigint;
  /** A settlement price that will not change. */
  readonly final: boolean;
  readonly halted: boolean;
}

/** The whole value, as a spread. */
export const FEED_SPREAD_ONE = 10n ** 9n;

const FINAL = 1n << 254n;
const HALTED = 1n << 255n;

/** Whether a feed of this kind has an expiry. */
export const hasExpiry = (kind: FeedKind): boolean => {
  switch (kind) {
    case 'spot':
    case 'mark':
      return false;
    case 'forward':
    case 'surface':
    case 'settlement':
      return true;
  }
};

/**
 * The 64-bit id of a feed.
 * @throws RangeError if a field is out of range, or the expiry does not go with the kind
 */
export function feedId({ underlying, kind, expiry }: FeedName): bigint {
  if (!Number.isInteger(underlying) || underlying < 0 || underlying > 0xffff)
    throw new RangeError(`underlying is ${underlying}; expected 0 … 65535`);
  if (hasExpiry(kind) ? expiry < 1n || expiry >= 1n << 40n : expiry !== 0n)
    throw new RangeError(`expiry of a ${kind} feed is ${expiry}; expected ${hasExpiry(kind) ? 'seconds, 1 … 2^40 − 1' : '0'}`);
  return (BigInt(underlying) << 48n) | (BigInt(FEED_KINDS.indexOf(kind)) << 40n) | expiry;
}

/**
 * The feed an id names.
 * @throws RangeError if the number of its kind is none
 */
export function feedName(id: bigint): FeedName {
  const kind = FEED_KINDS[Number((id >> 40n) & 0xffn)];
  if (kind === undefined) throw new RangeError(`feed id ${id} has kind ${(id >> 40n) & 0xffn}; expected 0 … ${FEED_KINDS.length - 1}`);
  return { underlying: Number(id >> 48n), kind, expiry: id & ((1n << 40n) - 1n) };
}

/** Packs a word. @throws RangeError if a field does not fit its bits */
export function packFeed({ value, time, spread, final, halted }: FeedValue): bigint {
  const fields = [
    ['value', value, 128n],
    ['time', time, 40n],
    ['spread', spread, 32n],
  ] as const;
  for (const [name, field, bits] of fields)
    if (field < 0n || field >= 1n << bits) throw new RangeError(`${name} is ${field}; expected 0 … 2^${bits} − 1`);
  return value | (time << 128n) | (spread << 168n) | (final ? FINAL : 0n) | (halted ? HALTED : 0n);
}

/** Reads a word. */
export const unpackFeed = (word: bigint): FeedValue => ({
  value: BigInt.asUintN(128, word),
  time: BigInt.asUintN(40, word >> 128n),
  spread: BigInt.asUintN(32, word >> 168n),
  final: (word & FINAL) !== 0n,
  halted: (word & HALTED) !== 0n,
});
