import { WITHDRAWAL_STAGES } from '@lockstep/shared';
import { createZodDto } from 'nestjs-zod';
import { z } from 'zod/v4';
import { asset, decimal, hex, instant, place, reorged } from './view-fields.js';

const hubPlace = place.extend({ blockNumber: decimal });
const handed = z.object({ ...asset, amountBaseUnits: decimal });

const bidView = hubPlace.extend({
  bidder: hex,
  shareE18: decimal.describe('part that was taken of all that was for sale'),
  priceE18: decimal.describe('cash the bidder paid; below 0: was paid'),
  cashE18: decimal.nullable().describe('cash that was part of the share, signed; null: a shortfall, in which collateral alone is sold'),
  feeE18: decimal.nullable().describe('part of the price that went to the fund; null: the fee was taken at the start'),
  collateral: z.array(handed).describe('what changed hands with it'),
  insolvent: z
    .object({ market: z.int(), reserveE18: decimal, fundE18: decimal, deficitE18: decimal })
    .nullable()
    .describe('who paid the bidder: what earlier bids had paid in, the fund, and what is left to a levy; null: nobody had to'),
  firstClaim: decimal.nullable().describe('of the payout that was chosen with it; null: none was'),
});

const payoutView = z.object({
  claim: decimal,
  bidder: hex,
  ...asset,
  receiver: hex,
  amountBaseUnits: decimal,
  state: z.union([z.enum(WITHDRAWAL_STAGES), z.literal('orphaned')]),
  receipted: z.boolean().describe('the hub has the receipt of its payout'),
  steps: z
    .array(place.extend({ stage: z.string() }))
    .describe('its stages so far, each with its transaction; all of it: GET /withdrawals/{claim}'),
});

const registrationView = hubPlace.extend({
  account: hex,
  profitE18: decimal,
  equityE18: decimal,
  maintenanceMarginE18: decimal,
  registeredE18: decimal.describe('min(profit, equity − maintenance margin), not below 0; the last one of an account counts'),
});
const paymentView = hubPlace.extend({
  account: hex,
  registeredE18: decimal,
  levyE18: decimal.describe('ceil(registered · min(deficit, total) / total)'),
  fundE18: decimal.describe('part of it that was rounding, or that the fund had covered meanwhile'),
});

export const levyView = z.object({
  id: decimal,
  underlying: z.int(),
  deficitE18: decimal,
  priceE18: decimal.describe('at which profits are counted'),
  until: instant.describe('accounts can be registered before it'),
  opened: hubPlace,
  closed: hubPlace
    .extend({ totalE18: decimal.describe('Σ registered'), spreadE18: decimal.describe('what profits left, borne by all cash') })
    .nullable(),
  registrations: z.array(registrationView),
  payments: z.array(paymentView),
});

export const liquidationView = z.object({
  id: decimal.describe('numbers both kinds; of shortfalls from 2^63 + 1 on'),
  kind: z.enum(['margin', 'shortfall']).describe('below maintenance margin; or more debt than the limit, at enough margin'),
  account: hex,
  state: z.enum(['open', 'ended', 'undone', 'orphaned']),
  start: hubPlace,
  margin: z
    .object({
      equityE18: decimal,
      maintenanceMarginE18: decimal,
      penaltyE18: decimal.describe('start fee, by size of the breach; goes back if it is undone'),
      ageSeconds: decimal.describe('of the discount when it started: above 0 if it resumed'),
    })
    .nullable(),
  shortfall: z.object({ debtE18: decimal, limitE18: decimal }).nullable(),
  bids: z.array(bidView),
  touched: z.array(handed).describe('collateral that all bids took together, by chain and token'),
  payouts: z.array(payoutView).describe('claims of the payouts that bidders chose with their bids'),
  insolvencies: z.array(z.object({ opened: hubPlace, closed: hubPlace.nullable() })).describe('when it owed more than it had'),
  levies: z
    .array(levyView)
    .describe('for what neither the account nor the fund paid; with the registrations and payments of this account alone'),
  end: hubPlace.extend({ undone: z.boolean(), debtE18: decimal.nullable() }).nullable(),
  reorged,
});

/** What the keeper of liquidations saw last. */
export const liquidationFiguresView = z.object({
  valuation: z
    .object({
      at: instant.describe('time of the block'),
      blockNumber: decimal,
      watched: z.int().describe('accounts that hold positions or may owe something'),
      suspected: z.int().describe('of these, how many may be below maintenance margin by a filter that leaves nobody out'),
      belowMaintenance: z.int().describe('of these, how many are, by the contracts; at most as many as one look asks about'),
      unanswered: z.int().describe('accounts that the contracts do not value'),
      pricesAt: instant.nullable().describe('time of the oldest price that something was valued by; null: nobody holds anything'),
    })
    .nullable()
    .describe('null: no process of this relayer has looked'),
  losses: z
    .object({
      at: instant.describe('when they were looked at'),
      braked: z.boolean().describe('cash is kept from leaving'),
      deficits: z
        .array(z.object({ market: z.int(), owedE18: decimal, since: instant }))
        .describe('what markets owe that nobody has covered'),
    })
    .nullable(),
});

export type LiquidationFiguresView = z.input<typeof liquidationFiguresView>;
export type LiquidationView = z.input<typeof liquidationView>;
export type LevyView = z.input<typeof levyView>;

export class LiquidationFiguresDto extends createZodDto(liquidationFiguresView) {}
export class LiquidationDto extends createZodDto(liquidationView) {}
export class LevyDto extends createZodDto(levyView) {}
