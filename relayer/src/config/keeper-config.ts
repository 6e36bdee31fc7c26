import { z } from 'zod/v4';

/** Strikes of an expiry: multiples of a round step, as many above its forward as below. */
const strikes = z
  .strictObject({
    /** on each side of the forward when they are listed */
    perSide: z.int().min(1).max(32).default(5),
    /** step between two, as a share of the forward; taken to the nearest round number */
    stepShare: z.number().min(0.001).max(0.5).default(0.04),
    /** when fewer are left on a side, as the forward has moved, the side is filled up */
    keep: z.int().min(1).max(32).default(2),
  })
  .refine(({ perSide, keep }) => keep <= perSide, { path: ['keep'], error: 'expected at most perSide' })
  .refine(({ perSide, stepShare }) => perSide * stepShare < 1, {
    path: ['stepShare'],
    error: 'expected below 1 / perSide: a strike is above 0',
  });

const listing = z.strictObject({
  /** the number that the markets know it by */
  underlying: z.int().min(1).max(65_535),
  /** each at 08:00 UTC; the markets take at most 11; 0: no options, only funding is looked after */
  expiries: z.strictObject({ count: z.int().min(0).max(11), everyDays: z.int().min(1).max(30) }).prefault({ count: 4, everyDays: 7 }),
  strikes: strikes.prefault({}),
});

const seconds = (usual: number) => z.int().min(0).max(2_592_000).default(usual);

/** The keeper of markets: what anyone may do for them, and listing, for which its key needs the role `operator`. */
export const keeperSchema = z
  .strictObject({
    /** seconds between two looks at what is due */
    everySeconds: z.int().min(1).max(3_600).default(10),
    /** options that are kept listed; none: nothing is listed, the rest is done all the same */
    listings: z.array(listing).max(16).default([]),
    /** seconds between two risk sheets of a chunk, if its epoch changed; 0: none is published */
    sheetSeconds: seconds(60),
    /** seconds after which funding of an underlying is brought to now; 0: never */
    fundingSeconds: seconds(3_600),
    /** seconds between two collections of interest for the fund; 0: never */
    interestSeconds: seconds(86_400),
    /** accounts charged in one collection at most: those that owe most interest; the others when their cash moves, or later */
    interestDebtors: z.int().min(1).max(1_000).default(100),
  })
  .refine(({ listings }) => new Set(listings.map(({ underlying }) => underlying)).size === listings.length, {
    path: ['listings'],
    error: 'name an underlying twice; expected each once',
  });
