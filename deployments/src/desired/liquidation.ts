import { z } from 'zod/v4';
import type { DesiredRisk } from './risk.js';

const WAD = 10n ** 18n;
/** `Routes.MAX_GRACE`. */
const MAX_GRACE = 3_600;
/** `Fund.MAX_EXIT_DELAY`. */
const MAX_EXIT_DELAY = 30 * 24 * 3600;
/** Fees above a quarter would make a start worth more than a healing. */
const MOST_FEE = WAD / 4n;

/** A share, 1e-18. */
const share = z.bigint().min(0n).max(WAD);
const seconds = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
const cash = z
  .bigint()
  .min(0n)
  .max(2n ** 128n - 1n);

/** See AuctionTerms in contracts/src/hub/liquidation/AuctionMath.sol. */
const termsSchema = z.object({
  fastFrom: share,
  fastTo: share,
  buffer: share,
  feeLeast: share,
  feeMost: share.max(MOST_FEE),
  feeFullBreach: share.min(1n),
  stepShare: share.min(1n),
  fastSeconds: seconds.min(1),
  slowSeconds: seconds.min(1),
  resumeSeconds: seconds,
  insolventSeconds: seconds.min(1),
  coolOff: seconds.max(3_600),
  smallMargin: cash,
  largeMargin: cash,
});

/** What happens to accounts below maintenance margin, and who pays for those that owe more than they have. */
export const liquidationSchema = z.object({
  terms: termsSchema,
  /** Cash that an account may owe before its collateral is auctioned, 18 decimals, and what of it may be left, 1e-18. */
  shortfall: z.object({ limit: cash.min(1n), restore: share }),
  /** While every chain's deposits are held up, new auctions wait this long, seconds. */
  graceSeconds: z.int().min(0).max(MAX_GRACE),
  fund: z.object({
    /** From the announcement of an exit to the exit, seconds. */
    exitDelaySeconds: z.int().min(0).max(MAX_EXIT_DELAY),
    /** What the fund gets of every fee of a trade, 1e-9; the rest is the matcher's. */
    feeShare: z.int().min(0).max(1_000_000_000),
    /** By symbol of an underlying: share of the fund that its losses may take, 1e-18; all of it where none is given. */
    tranches: z.record(z.string(), share.min(1n)),
  }),
});
export type DesiredLiquidation = z.infer<typeof liquidationSchema>;

/** What does not fit together in the liquidation part of a network. */
export function* liquidationProblems({ terms, fund }: DesiredLiquidation, { underlyings }: DesiredRisk): Generator<string> {
  if (terms.fastTo > terms.fastFrom)
    yield `auctions: fastTo ${terms.fastTo} is above fastFrom ${terms.fastFrom}; expected a discount that grows`;
  if (terms.feeLeast > terms.feeMost) yield `auctions: feeLeast ${terms.feeLeast} is above feeMost ${terms.feeMost}`;
  if (terms.smallMargin > terms.largeMargin)
    yield `auctions: smallMargin ${terms.smallMargin} is above largeMargin ${terms.largeMargin}; expected no account to be both`;
  const symbols = underlyings.map(({ symbol }) => symbol);
  for (const symbol of Object.keys(fund.tranches))
    if (!symbols.includes(symbol)) yield `fund: tranche of ${symbol}, which is no underlying; expected one of ${symbols.join(', ')}`;
}
