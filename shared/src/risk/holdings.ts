/**
 * Twin of contracts/src/hub/risk/Holdings.sol: what an account holds, as the words a risk engine values. From the low bits to the high:
 *   head        cash int128 | collateral words uint8 | underlyings uint8 | initialFactor uint16 | maxLeverage uint32
 *   collateral  twice: amount uint108 | assetId uint16 (0: none)
 *   position    underlying uint16 | option words uint8 | perpetual size int104 | its quote int128
 *   options     six times: series uint9 (place * 2, plus 1 for the put) | size int33 in lots (0: none)
 */

/** One lot of an option, 0.001 of the underlying, 18 decimals. */
export const OPTION_LOT = 10n ** 15n;
/** Options in a word. */
export const OPTIONS_PER_WORD = 6;

/** Balance of one asset. */
export interface HeldCollateral {
  /** 1 … 65535, the ledger's */
  readonly assetId: number;
  /** base units, 0 … 2^108 − 1 */
  readonly amount: bigint;
}

/** Position in one series. */
export interface HeldOption {
  /** of the strike in the underlying's listing, 0 … 255 */
  readonly place: number;
  readonly isPut: boolean;
  /** lots of 0.001, signed, 33 bits; not 0 */
  readonly lots: bigint;
}

/** Positions in one underlying. */
export interface HeldUnderlying {
  /** 0 … 65535 */
  readonly underlying: number;
  /** of the perpetual, signed, 18 decimals, 104 bits */
  readonly size: bigint;
  /** of the perpetual, signed cash of 18 decimals, 128 bits */
  readonly quote: bigint;
  readonly options: readonly HeldOption[];
}

/** Everything an engine needs to know of an account. */
export interface Holdings {
  /** signed, 18 decimals, 128 bits */
  readonly cash: bigint;
  /** hundredths, 0: none */
  readonly initialFactor: number;
  /** hundredths, 0: none */
  readonly maxLeverage: number;
  readonly collateral: readonly HeldCollateral[];
  /** ascending by number */
  readonly underlyings: readonly HeldUnderlying[];
}

const AMOUNT_BITS = 108n;
const ASSET_BITS = 124n;
const SERIES_BITS = 9n;
const LOTS_BITS = 33n;
const OPTION_BITS = SERIES_BITS + LOTS_BITS;

function unsigned(name: string, bits: bigint, value: bigint, least = 0n): bigint {
  if (value < least || value >= 1n << bits) throw new RangeError(`${name} is ${value}; expected ${least} … 2^${bits} − 1`);
  return value;
}

function signed(name: string, bits: bigint, value: bigint): bigint {
  const half = 1n << (bits - 1n);
  if (value < -half || value >= half) throw new RangeError(`${name} is ${value}; expected −2^${bits - 1n} … 2^${bits - 1n} − 1`);
  return BigInt.asUintN(Number(bits), value);
}

const integer = (name: string, bits: bigint, value: number, least = 0n): bigint => {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${name} is ${value}; expected ${least} … 2^${bits} − 1`);
  return unsigned(name, bits, BigInt(value), least);
};

/** Fields one after the other, the first in the low bits. */
const pack = (fields: readonly (readonly [value: bigint, bits: bigint])[]): bigint =>
  fields.reduce(({ word, at }, [value, bits]) => ({ word: word | (value << at), at: at + bits }), { word: 0n, at: 0n }).word;

function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

const lotWord = (lots: readonly HeldCollateral[]): bigint =>
  pack(
    lots.map(({ assetId, amount }) => [
      unsigned('amount of collateral', AMOUNT_BITS, amount) | (integer('assetId', 16n, assetId, 1n) << AMOUNT_BITS),
      ASSET_BITS,
    ]),
  );

/** The words of collateral: the first asset alone, as the ledger's head has room for one, then two in a word. */
export function encodeCollateral(collateral: readonly HeldCollateral[]): bigint[] {
  return [collateral.slice(0, 1), ...inGroups(collateral.slice(1), 2)].filter((lots) => lots.length > 0).map(lotWord);
}

/** One option as its 42 bits. @throws RangeError if a part does not fit, or the size is 0 */
function encodeOption({ place, isPut, lots }: HeldOption): bigint {
  if (lots === 0n) throw new RangeError(`lots of place ${place} are 0; expected a position`);
  return (integer('place', 8n, place) << 1n) | (isPut ? 1n : 0n) | (signed('lots', LOTS_BITS, lots) << SERIES_BITS);
}

function encodeUnderlying({ underlying, size, quote, options }: HeldUnderlying): bigint[] {
  const words = inGroups(options, OPTIONS_PER_WORD).map((group) => pack(group.map((option) => [encodeOption(option), OPTION_BITS])));
  const position = pack([
    [integer('underlying', 16n, underlying), 16n],
    [integer('option words', 8n, words.length), 8n],
    [signed('perpetual size', 104n, size), 104n],
    [signed('perpetual quote', 128n, quote), 128n],
  ]);
  return [position, ...words];
}

/**
 * Words of holdings without holes, in the order given.
 * @throws RangeError if a part does not fit its bits, or the underlyings do not ascend
 */
export function encodeHoldings({ cash, initialFactor, maxLeverage, collateral, underlyings }: Holdings): bigint[] {
  const collateralWords = encodeCollateral(collateral);
  requireAscending(underlyings.map(({ underlying }) => underlying));
  const head = pack([
    [signed('cash', 128n, cash), 128n],
    [integer('collateral words', 8n, collateralWords.length), 8n],
    [integer('underlyings', 8n, underlyings.length), 8n],
    [integer('initialFactor', 16n, initialFactor), 16n],
    [integer('maxLeverage', 32n, maxLeverage), 32n],
  ]);
  return [head, ...collateralWords, ...underlyings.flatMap(encodeUnderlying)];
}

const field = (word: bigint, at: bigint, bits: bigint): bigint => BigInt.asUintN(Number(bits), word >> at);
const signedField = (word: bigint, at: bigint, bits: bigint): bigint => BigInt.asIntN(Number(bits), word >> at);

function decodeCollateral(word: bigint): HeldCollateral[] {
  return [0n, ASSET_BITS]
    .map((at) => ({ assetId: Number(field(word, at + AMOUNT_BITS, 16n)), amount: field(word, at, AMOUNT_BITS) }))
    .filter(({ assetId }) => assetId !== 0);
}

function decodeOptions(word: bigint): HeldOption[] {
  return Array.from({ length: OPTIONS_PER_WORD }, (_, i) => BigInt(i) * OPTION_BITS)
    .map((at) => ({
      place: Number(field(word, at + 1n, 8n)),
      isPut: field(word, at, 1n) === 1n,
      lots: signedField(word, at + SERIES_BITS, LOTS_BITS),
    }))
    .filter(({ lots }) => lots !== 0n);
}

/**
 * Reads words; what is empty (an asset 0, an option of size 0) is left out, so that words with and without holes read alike.
 * @throws RangeError unless there are exactly the words that head and positions count, each of at most 256 bits, underlyings ascending
 */
export function decodeHoldings(words: readonly bigint[]): Holdings {
  words.forEach((word, index) => unsigned(`word ${index}`, 256n, word));
  let next = 0;
  const take = (expected: string, count = 1): bigint[] => {
    const taken = words.slice(next, next + count);
    if (taken.length < count) throw new RangeError(`holdings end after ${words.length} words; expected ${expected} from word ${next} on`);
    next += count;
    return taken;
  };
  const [head = 0n] = take('a head');
  const collateral = take('the collateral the head counts', Number(field(head, 128n, 8n))).flatMap(decodeCollateral);
  const underlyings = Array.from({ length: Number(field(head, 136n, 8n)) }, (): HeldUnderlying => {
    const [position = 0n] = take('a position');
    const options = take('the options the position counts', Number(field(position, 16n, 8n))).flatMap(decodeOptions);
    return {
      underlying: Number(field(position, 0n, 16n)),
      size: signedField(position, 24n, 104n),
      quote: signedField(position, 128n, 128n),
      options,
    };
  });
  if (next !== words.length) throw new RangeError(`holdings have ${words.length} words; expected ${next}`);
  requireAscending(underlyings.map(({ underlying }) => underlying));
  return {
    cash: signedField(head, 0n, 128n),
    initialFactor: Number(field(head, 144n, 16n)),
    maxLeverage: Number(field(head, 160n, 32n)),
    collateral,
    underlyings,
  };
}

function requireAscending(underlyings: readonly number[]): void {
  underlyings.forEach((underlying, index) => {
    const previous = underlyings[index - 1];
    if (previous !== undefined && previous >= underlying)
      throw new RangeError(`underlying ${underlying} comes after ${previous}; expected underlyings that ascend`);
  });
}
