import { liquidation, risk } from '@lockstep/shared';
import { EXPIRIES, type ExpiryName, type UnderlyingName } from './population.js';

/** Numbers that feeds and markets know the underlyings by. */
export const NUMBER: Readonly<Record<UnderlyingName, number>> = { BTC: 1, ETH: 2 };
/** Seconds from the start of an episode to each expiry, before rounding to 08:00 UTC: none ends while a replay runs. */
const LASTS: Readonly<Record<ExpiryName, number>> = { week: 7 * 86_400, month: 28 * 86_400 };
const DAY = 86_400;
const EXPIRES_AT = 8 * 3_600;
const YEAR = 365 * DAY;
/** Lean and curvature of every smile; what a publisher on local chains uses too. */
const LEAN = -0.3;
const BEND = 0.8;
/** Below 4, see isButterflyFree. */
const STEEPEST = 3.9;

/** A strike as it is listed: what it is times the first spot, to three digits. */
export const strikeOf = (spot: number, moneyness: number): bigint => wad(Number((spot * moneyness).toPrecision(3)));

/** A double as a wad. */
export const wad = (value: number): bigint => {
  const [digits = '0', exponent = '0'] = Math.abs(value).toExponential(14).split('e');
  const shift = Number(exponent) + 4;
  const mantissa = BigInt(digits.replace('.', ''));
  const scaled = shift >= 0 ? mantissa * 10n ** BigInt(shift) : mantissa / 10n ** BigInt(-shift);
  return value < 0 ? -scaled : scaled;
};
/** A wad as a double, for figures and pictures. */
export const units = (value: bigint): number => Number(value / 10n ** 9n) / 1e9;

/** When the options of an episode end, seconds. */
export function expiriesFrom(startsAt: number): Record<ExpiryName, number> {
  const at = (expiry: ExpiryName): number => Math.ceil((startsAt + LASTS[expiry] - EXPIRES_AT) / DAY) * DAY + EXPIRES_AT;
  return { week: at('week'), month: at('month') };
}

/** Every value of the feeds at a step of an episode: spot, mark on spot, forwards on spot, one surface per expiry. Feeds ascend. */
export function reportsAt(step: liquidation.StressStep, time: number, expiries: Readonly<Record<ExpiryName, number>>): risk.FeedReport[] {
  const of = (name: UnderlyingName): risk.FeedReport[] => {
    const { price, volatility } = step[name];
    const report = (kind: risk.FeedKind, value: bigint, expiry = 0): risk.FeedReport => ({
      feed: risk.feedId({ underlying: NUMBER[name], kind, expiry: BigInt(expiry) }),
      value,
      spread: 0,
    });
    return [
      report('spot', wad(price)),
      report('mark', wad(price)),
      ...EXPIRIES.flatMap((expiry) => {
        const years = (expiries[expiry] - time) / YEAR;
        const deviation = volatility * Math.sqrt(years);
        // The second bound keeps every density positive where a fall makes volatility extreme.
        const curve = Math.min(20, BEND / deviation, STEEPEST / (deviation ** 2 * (1 + Math.abs(LEAN))));
        const slice = risk.packSlice({
          vol: BigInt(Math.round(volatility * 1e8)),
          rho: BigInt(Math.round(LEAN * 1e9)),
          phi: BigInt(Math.floor(curve * 1e9)),
        });
        return [report('forward', wad(price), expiries[expiry]), report('surface', slice, expiries[expiry])];
      }),
    ];
  };
  return [...of('BTC'), ...of('ETH')].sort((a, b) => (a.feed < b.feed ? -1 : 1));
}

/** Undiscounted premium of an option per unit at the money volatility of a step: what it is sold for when an episode begins. */
export function premiumAt(
  { price, volatility }: liquidation.StressQuote,
  option: { readonly strike: number; readonly expiry: number; readonly isCall: boolean },
  time: number,
): number {
  const years = (option.expiry - time) / YEAR;
  return risk.floatPrice({ forward: price, strike: option.strike, sigma: volatility, years, discount: 1, isCall: option.isCall });
}
