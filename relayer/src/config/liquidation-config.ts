import { eid, risk, type Eid, type liquidation } from '@lockstep/shared';
import { z } from 'zod/v4';

/** Kept as text: a configuration is printed as JSON, which has no bigints. */
const decimal = (low: string, high: string) =>
  z
    .string()
    .refine((text) => risk.decimalBetween(low, high).safeParse(text).success, { error: `expected a decimal as text, ${low} … ${high}` });

const ONE = risk.parseDecimal('1');
const PART = /^([1-9][0-9]{0,9})(?::(0\.[0-9]{1,18}|1))?$/;

/** A route as it is written; what is wrong with it, where it is none. */
export function payoutRoute(text: string): liquidation.PayoutRoute | string {
  if (text === 'best') return { kind: 'best' };
  const expected = `expected best, an endpoint id, or parts that sum to 1, as in 40001:0.25,40002:0.75`;
  const parts: { readonly eid: Eid; readonly share: bigint }[] = [];
  for (const part of text.split(',')) {
    const [, on, share = '1'] = PART.exec(part) ?? [];
    if (on === undefined) return `${expected}; this is ${JSON.stringify(text)}`;
    parts.push({ eid: eid(Number(on)), share: risk.parseDecimal(share) });
  }
  if (parts.reduce((sum, { share }) => sum + share, 0n) !== ONE) return `${expected}; these do not: ${text}`;
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? { kind: 'one', eid: only.eid } : { kind: 'several', parts };
}

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address');

/** Where what a bid wins is paid out. Money is settlement cash. */
const payout = z.strictObject({
  /** `best`: by free liquidity, at the least expected cost; `40001`: all on one chain, by its endpoint id; `40001:0.25,40002:0.75`: parts of 1 */
  route: z.string().check((context) => {
    const route = payoutRoute(context.value);
    if (typeof route === 'string') context.issues.push({ code: 'custom', message: route, input: context.value });
  }),
  /** on every chain; absent: the owner of the bidding account */
  receiver: address.optional(),
  /** least that is worth a payout */
  least: decimal('0', '1000000').default('10'),
  /** what a payout from one more chain costs: `best` weighs it against the liquidity there */
  messageCost: decimal('0', '1000000').default('1'),
});

/** What a keeper bids with. Money is settlement cash. */
const bidding = z.strictObject({
  /** hub account that takes over what it buys; the keeper's key is its owner, or a delegate that may trade for it */
  account: z.string().regex(/^0x[0-9a-fA-F]{64}$/, 'expected an account: 0x and 64 hex digits'),
  /** most cash paid in 24 hours */
  budget: decimal('0', '1000000000000'),
  /** least gain, as a share of the maintenance margin taken over */
  required: decimal('0', '1').default('0.02'),
  /** absent: what it wins stays on the account */
  payout: payout.optional(),
});

/** The keeper of liquidations: what it does beside starting auctions, and how it leaves room for others. */
export const liquidationSchema = z
  .strictObject({
    /** milliseconds between two looks for a new block of the hub */
    pollMs: z.int().min(50).max(60_000).default(500),
    /** accounts asked about exactly in one block at most, whom most may be lacking first; as many again that are in auction */
    maxChecks: z.int().min(1).max(5_000).default(256),
    /** transactions wanted in one block at most */
    maxSteps: z.int().min(1).max(256).default(16),
    /** keepers that may share the work and do not know each other: each lets others go first for up to so many blocks less one, drawn for each account; 1: at once */
    turns: z.int().min(1).max(16).default(1),
    /** addresses of the keepers that share the work: one of them goes first with an account, the next a block later. The same list may be given to all of them */
    others: z.array(address).max(16).default([]),
    /** least maintenance margin, or least that is lacking of it, that an account is started, bid on or ended for: what is smaller costs more than it can lose */
    leastMargin: decimal('0', '1000000').default('10'),
    /** what a coin costs in which the hub's gas is paid, rather too high: a bid has to gain what its gas costs; 0: gas counts nothing */
    nativePrice: decimal('0', '1000000').default('5000'),
    /** between two looks at losses that nobody's equity covered, at debts past the limit, assets written down and top-up routes; 0: never */
    levySeconds: z.int().min(0).max(3_600).default(5),
    /** absent: auctions are started and closed, nothing is bid */
    bid: bidding.optional(),
  })
  .refine(({ turns, others }) => turns === 1 || others.length === 0, { path: ['turns'], error: 'expected turns or others, not both' });
