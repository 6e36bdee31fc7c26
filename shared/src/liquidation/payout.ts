import { floorDiv, max, min, mulDown, WAD } from '../risk/decimal.js';
import type { Eid } from '../units.js';
import { cheapestFirst, type ChainCost, type StateCosts } from './choice.js';
import type { BidDecision } from './keeper.js';

/** Where a liquidator wants cash: on one chain, in parts of 1 (wads) on several, or wherever vaults can pay it soonest and at the least cost. */
export type PayoutRoute =
  | { readonly kind: 'one'; readonly eid: Eid }
  | { readonly kind: 'several'; readonly parts: readonly { readonly eid: Eid; readonly share: bigint }[] }
  | { readonly kind: 'best' };

/** A settlement token that cash can leave by. */
export interface PayoutVault extends ChainCost {
  /** index of the token in its chain's vault */
  readonly asset: number;
  /** free settlement there, cash, 18 decimals */
  readonly free: bigint;
  /** cash of one base unit, 18 decimals, above 0 */
  readonly unit: bigint;
}

/** A leg of IWithdrawals from cash, but for its receiver. */
export interface PayoutLeg {
  readonly eid: Eid;
  readonly asset: number;
  readonly cash: bigint;
}

/**
 * The legs of a bid's payout. On chains that were named they may wait in the queue until their vault has the liquidity; by best free liquidity
 * none waits. Every leg is whole base units, rounded down.
 * @param vaults at most one per chain
 * @returns legs above 0, and what of `cash` stays on the account
 * @throws RangeError if a chain that was named has no vault, or parts do not sum to 1
 */
export function payoutLegs(
  cash: bigint,
  route: PayoutRoute,
  vaults: readonly PayoutVault[],
  costs: StateCosts,
): { legs: PayoutLeg[]; kept: bigint } {
  const wanted = wantedOf(cash, route, vaults, costs);
  const legs = wanted.flatMap(({ vault: { eid, asset, unit }, amount }): PayoutLeg[] => {
    const whole = amount - (amount % unit);
    return whole > 0n ? [{ eid, asset, cash: whole }] : [];
  });
  return { legs, kept: cash - legs.reduce((sum, leg) => sum + leg.cash, 0n) };
}

/** The two accounts of a bid before it is taken. Money is cash, 18 decimals. */
export interface BidSides {
  /** that is sold: its margins, its cash, and what of that is not for sale */
  readonly sold: { readonly initial: bigint; readonly margin: bigint; readonly cash: bigint; readonly reserve: bigint };
  /** that buys: equity above its initial margin, and its cash */
  readonly bidder: { readonly free: bigint; readonly cash: bigint };
}

/**
 * Cash that may leave with a bid: what it wins even at its price limit, as far as the bidder's initial margin and its cash carry that afterwards. What
 * the bidder had before stays; rounded down.
 * @param priceLimit most that the share may cost
 */
export function winnings({ share, price, gain }: BidDecision, priceLimit: bigint, { sold, bidder }: BidSides): bigint {
  const won = gain - (priceLimit - price);
  const secured = -floorDiv(-share * max(sold.initial, sold.margin), WAD);
  const cash = bidder.cash + mulDown(sold.cash - sold.reserve, share) - priceLimit;
  return max(0n, min(won, min(bidder.free + won - secured, cash)));
}

interface Wanted {
  readonly vault: PayoutVault;
  readonly amount: bigint;
}

function wantedOf(cash: bigint, route: PayoutRoute, vaults: readonly PayoutVault[], costs: StateCosts): Wanted[] {
  switch (route.kind) {
    case 'one':
      return [{ vault: vaultOn(route.eid, vaults), amount: cash }];
    case 'several': {
      const total = route.parts.reduce((sum, { share }) => sum + share, 0n);
      if (total !== WAD) throw new RangeError(`the parts of the payout sum to ${total}; expected ${WAD}`);
      let sofar = 0n;
      return route.parts.map(({ eid, share }) => {
        // Of the sum so far, so that no unit is lost between the parts.
        const before = (cash * sofar) / WAD;
        sofar += share;
        return { vault: vaultOn(eid, vaults), amount: (cash * sofar) / WAD - before };
      });
    }
    case 'best': {
      const sources = vaults.map(({ eid, free }, index) => ({ assetId: index, eid, value: min(cash, free), haircut: 0n, liquidity: free }));
      // What a chain's state may cost orders the chains; what is paid counts in full, so no more than the cash is asked for.
      let left = cash;
      return cheapestFirst(cash, sources, vaults, costs).uses.flatMap(({ assetId, value }) => {
        const [vault, amount] = [vaults[assetId], min(value, left)];
        left -= amount;
        return vault === undefined ? [] : [{ vault, amount }];
      });
    }
  }
}

function vaultOn(eid: Eid, vaults: readonly PayoutVault[]): PayoutVault {
  const vault = vaults.find((one) => one.eid === eid);
  if (vault === undefined)
    throw new RangeError(`no vault of chain ${eid} pays cash; expected one of ${vaults.map((one) => one.eid).join()}`);
  return vault;
}
