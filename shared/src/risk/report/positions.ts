import { formatDecimal, WAD } from '../decimal.js';
import type { Portfolio, Underlying } from '../portfolio.js';
import { NO_SENSITIVITY, optionMark, optionSensitivities, perpetualProfit, type Sensitivities } from '../valuation.js';

/** One position of the account as a report lists it. */
export interface PositionReport {
  readonly underlying: string;
  /** `perpetual`, or `30d 60000 call`. */
  readonly instrument: string;
  readonly size: bigint;
  /** Marked value of an option, profit since entry of a perpetual. Wad of settlement cash. */
  readonly value: bigint;
  readonly sensitivities: Sensitivities;
}

/** A wad cut to two decimals, as text. */
const hundredths = (value: bigint): string => formatDecimal(value - (value % (WAD / 100n)));

function positionsOf(underlying: Underlying): PositionReport[] {
  const { name, perpetual, expiries } = underlying;
  const own: PositionReport[] =
    perpetual === undefined
      ? []
      : [
          {
            underlying: name,
            instrument: 'perpetual',
            size: perpetual.size,
            value: perpetualProfit(underlying),
            sensitivities: { ...NO_SENSITIVITY, delta: perpetual.size },
          },
        ];
  const options = expiries.flatMap((expiry) =>
    expiry.options.map((option) => ({
      underlying: name,
      instrument: `${hundredths(expiry.days)}d ${formatDecimal(option.strike)} ${option.kind}`,
      size: option.size,
      value: optionMark(expiry, option),
      sensitivities: optionSensitivities(expiry, option),
    })),
  );
  return [...own, ...options];
}

/** Every position of the account, in the order of the file. */
export const positionReports = (portfolio: Portfolio): PositionReport[] => portfolio.underlyings.flatMap(positionsOf);
