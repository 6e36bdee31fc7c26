import fc from 'fast-check';
import { encodeAccount } from '../../src/account.js';
import { encodeInstrument, price, type InstrumentId } from '../../src/exchange/instrument.js';
import type { AccountId } from '../../src/units.js';
import { unixSeconds } from '../../src/units.js';
import { NO_POSITIONS, type Market, type MarketPrices, type MarketsState } from '../../src/markets/state.js';

/** A small hub for tests: five accounts, two underlyings, three expiries of two strikes each. */

export const START = 1_800_000_000n;
export const HOUR = 3600n;
export const EXPIRIES = [START + 4n * HOUR, START + 12n * HOUR, START + 48n * HOUR].map(unixSeconds);
export const STRIKES = [50_000n, 61_000n].map((strike) => price(strike * 10n ** 18n));
export const UNDERLYINGS = [1, 2] as const;
export const ACCOUNTS: readonly AccountId[] = [1n, 2n, 3n, 4n, 5n].map((subaccount) =>
  encodeAccount({ owner: '0x00000000000000000000000000000000000000aa', home: 0, subaccount }),
);

export const perpetualOf = (underlying: number): InstrumentId => encodeInstrument({ kind: 'perpetual', underlying });
export const SERIES: readonly InstrumentId[] = UNDERLYINGS.flatMap((underlying) =>
  EXPIRIES.flatMap((expiry) =>
    STRIKES.flatMap((strike) => (['call', 'put'] as const).map((kind) => encodeInstrument({ kind, underlying, expiry, strike }))),
  ),
);
export const INSTRUMENTS: readonly InstrumentId[] = [...UNDERLYINGS.map(perpetualOf), ...SERIES];

export const market = (): Market => ({
  standing: 'open',
  fundingTerms: { cap: 4_000_000n, base: 12_500n },
  perpetualCap: 10n ** 26n,
  optionCap: 2n ** 40n - 1n,
  funding: { index: 0n, perHour: 0n, since: START },
  openPerpetual: 0n,
  openLots: 0n,
  series: new Map(SERIES.map((id) => [id, 0n])),
  settled: new Map(),
});

export const fresh = (): MarketsState => ({
  markets: new Map(UNDERLYINGS.map((underlying) => [underlying, market()])),
  accounts: new Map(ACCOUNTS.map((account) => [account, NO_POSITIONS])),
});

/** Prices at a time: mark and spot for every underlying, and settlement at spot once an expiry is over. */
export const pricesAt = (now: bigint, mark: bigint, spot: bigint): MarketPrices => ({
  now,
  funding: () => ({ mark, spot }),
  settlement: (_, expiry) => (now >= expiry ? spot : null),
});

export type Step =
  | {
      readonly kind: 'trade';
      readonly buyer: number;
      readonly seller: number;
      readonly instrument: number;
      readonly lots: bigint;
      readonly dust: bigint;
      readonly price: bigint;
    }
  | { readonly kind: 'settle'; readonly account: number; readonly underlying: number }
  | { readonly kind: 'wait'; readonly seconds: bigint; readonly mark: bigint; readonly spot: bigint };

const around = fc.bigInt(30_000n * 10n ** 18n, 90_000n * 10n ** 18n);
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('trade' as const),
      buyer: fc.nat(4),
      seller: fc.nat(4),
      instrument: fc.oneof(fc.nat(1), fc.nat(INSTRUMENTS.length - 1)),
      lots: fc.bigInt(1n, 5000n),
      dust: fc.bigInt(0n, 10n ** 15n - 1n),
      price: around,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('settle' as const), account: fc.nat(4), underlying: fc.constantFrom(...UNDERLYINGS) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.bigInt(0n, 5n * HOUR), mark: around, spot: around }),
  },
);
