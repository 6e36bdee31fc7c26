import { max, mulDown, WAD } from '../decimal.js';
import type { Portfolio, Underlying } from '../portfolio.js';
import { collateralValue, expiryMark, movedForward, optionValue } from '../valuation.js';

/** P&L of everything on one underlying over moves of its spot and of its volatility. */
export interface Surface {
  readonly underlying: string;
  /** Relative moves of spot, wads; columns. */
  readonly spotMoves: readonly bigint[];
  /** Relative moves of every volatility, wads; rows. */
  readonly volMoves: readonly bigint[];
  /** P&L in wads of settlement cash, by row, then column. */
  readonly profits: readonly (readonly bigint[])[];
}

const percents = (from: number, to: number, step: number): bigint[] =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => (BigInt(from + index * step) * WAD) / 100n);

/** Spot −50% … +50% by volatility −50% … +100%. */
export const SPOT_MOVES: readonly bigint[] = percents(-50, 50, 5);
export const VOL_MOVES: readonly bigint[] = percents(-50, 100, 25);

/** Revalues one underlying at every point; no discounts, damping or contingencies: what the market would do to the account. */
export function profitSurface(
  portfolio: Portfolio,
  underlying: Underlying,
  spotMoves: readonly bigint[] = SPOT_MOVES,
  volMoves: readonly bigint[] = VOL_MOVES,
): Surface {
  const linear =
    mulDown(underlying.perpetual?.size ?? 0n, underlying.perpetual?.mark ?? 0n) +
    portfolio.collateral.filter((item) => item.underlying === underlying.name).reduce((sum, item) => sum + collateralValue(item), 0n);
  const marks = underlying.expiries.reduce((sum, expiry) => sum + expiryMark(expiry), 0n);
  const profitAt = (spotMove: bigint, volMove: bigint): bigint => {
    const options = underlying.expiries.flatMap((expiry) =>
      expiry.options.map((option) =>
        optionValue(expiry, option, movedForward(expiry, spotMove), max(0n, mulDown(option.vol, WAD + volMove))),
      ),
    );
    return mulDown(linear, spotMove) + options.reduce((sum, value) => sum + value, 0n) - marks;
  };
  return {
    underlying: underlying.name,
    spotMoves,
    volMoves,
    profits: volMoves.map((volMove) => spotMoves.map((spotMove) => profitAt(spotMove, volMove))),
  };
}
