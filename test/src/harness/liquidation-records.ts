import type { Hex } from 'viem';
import type { AuctionsView, ToldAuction } from './auctions.js';
import type { Claims, ClaimState } from './claims.js';
import type { WaitOptions } from './wait.js';

/** One liquidation from its start to what its bidders were paid, as the hub's record and the vaults tell it. */
export interface LiquidationRecord {
  readonly id: bigint;
  readonly account: Hex;
  readonly ended: boolean;
  /** bids taken */
  readonly bids: number;
  /** collateral that changed hands, by the chain it is on; base units */
  readonly touched: readonly { readonly eid: number; readonly asset: number; readonly amount: bigint }[];
  /** payouts that bidders chose with their bids */
  readonly routes: readonly { readonly bidder: Hex; readonly claims: readonly bigint[] }[];
  /** where the claims of all routes stand */
  readonly payouts: readonly ClaimState[];
}

/** Follows the record of an auction to its payouts, and waits until the hub has the receipts of all of them. */
export async function followRecord(
  view: AuctionsView,
  claims: Claims,
  { id, account, ended, bids }: ToldAuction,
  wait: WaitOptions = {},
): Promise<LiquidationRecord> {
  const { touched, routes } = await view.record(id);
  const chosen = routes.map(({ bidder, firstClaim, legs }) => ({
    bidder,
    claims: Array.from({ length: legs }, (_, i) => firstClaim + BigInt(i)),
  }));
  const all = chosen.flatMap((route) => route.claims);
  await claims.reached(all, 'paid', wait);
  await claims.receipted(all, wait);
  return {
    ...{ id, account, ended, bids: bids.length },
    touched: touched.map(({ eid, asset, amount }) => ({ eid, asset, amount })),
    routes: chosen,
    payouts: await Promise.all(all.map((claim) => claims.state(claim))),
  };
}

/**
 * Whether it was coordinated over chains: it is over, bidders took collateral on two chains or more, and every payout chosen with a bid was paid, one at
 * least on a chain where nothing was taken.
 */
export function paidElsewhere({ ended, bids, touched, payouts }: LiquidationRecord): boolean {
  const chains = new Set(touched.filter(({ amount }) => amount > 0n).map(({ eid }) => eid));
  const paid = payouts.every(({ payout, units }) => payout?.kind === 'paid' && units > 0n);
  return ended && bids > 0 && chains.size >= 2 && paid && payouts.some(({ chain }) => !chains.has(chain.eid));
}
