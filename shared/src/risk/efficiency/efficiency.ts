import { WAD, max } from '../decimal.js';
import { evaluate } from '../evaluate.js';
import { Parameters } from '../parameters.js';
import { PARAMETER_SETS } from '../parameter-sets.js';
import { grossNotional } from '../profile.js';
import { collateralValue } from '../valuation.js';
import { standardBooks, type StandardBook } from './books.js';

/** Margin modes, with the parameter set that each has by default. */
export const MARGIN_MODES = { isolated: 'lockstep-isolated', cross: 'lockstep-cross', portfolio: 'lockstep' } as const;
export type MarginMode = keyof typeof MARGIN_MODES;
/** From the simplest to the one that nets most. */
export const MODES = ['isolated', 'cross', 'portfolio'] as const satisfies readonly MarginMode[];

/** What one mode asks of one book. Money in wads of settlement cash, ratios in wads. */
export interface ModeEfficiency {
  readonly mode: MarginMode;
  readonly initialMargin: bigint;
  readonly maintenanceMargin: bigint;
  /** Least that must be in the account: initial margin, or the book's own collateral if that is worth more. */
  readonly collateral: bigint;
  /** Rounded down. */
  readonly notionalPerMargin: bigint;
  /** Rounded down. */
  readonly notionalPerCollateral: bigint;
}

/** A book under every mode. */
export interface BookEfficiency extends Omit<StandardBook, 'portfolio'> {
  /** Perpetuals at mark and options at spot, long and short added up. */
  readonly notional: bigint;
  readonly modes: readonly ModeEfficiency[];
}

function underMode({ portfolio }: StandardBook, notional: bigint, mode: MarginMode): ModeEfficiency {
  const { initialMargin, maintenanceMargin } = evaluate(portfolio, Parameters.parse(PARAMETER_SETS[MARGIN_MODES[mode]]));
  // What is bought at its mark changes no equity: an account that was given this much is at initial margin after the trades.
  const collateral = portfolio.collateral.map(collateralValue).reduce((a, b) => a + b, 0n);
  const posted = max(initialMargin, collateral);
  return {
    mode,
    initialMargin,
    maintenanceMargin,
    collateral: posted,
    notionalPerMargin: (notional * WAD) / initialMargin,
    notionalPerCollateral: (notional * WAD) / posted,
  };
}

/**
 * How far capital goes: the standard books under each mode, with this system's default parameters. Isolated margin needs a sub-account per
 * instrument; what it asks of a book is the sum over them, which is what its closed form adds up.
 */
export function capitalEfficiency(): BookEfficiency[] {
  return standardBooks().map((book) => {
    const notional = grossNotional(book.portfolio);
    const modes = MODES.map((mode) => underMode(book, notional, mode));
    return { name: book.name, holds: book.holds, notional, modes };
  });
}
