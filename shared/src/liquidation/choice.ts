import { floorDiv, max, min, mulDown, WAD } from '../risk/decimal.js';
import type { Eid } from '../units.js';

/** State of a chain, as the hub counts its assets; `recovery` of a written-down one is a wad, 0 … 1. */
export type ChainState =
  | { readonly kind: 'healthy' }
  | { readonly kind: 'degraded' }
  | { readonly kind: 'quarantined' }
  | { readonly kind: 'written-down'; readonly recovery: bigint };

/** Collateral on one chain that could be turned into cash. Money is cash, 18 decimals. */
export interface Source {
  readonly assetId: number;
  readonly eid: Eid;
  /** at the mark */
  readonly value: bigint;
  /** loss expected in selling it, of its value, wad, 0 … 1 */
  readonly haircut: bigint;
  /** most of it, at the mark, that its vault can pay now */
  readonly liquidity: bigint;
}

/** What using a chain at all costs (its packet), and what its state adds per unit of value, wads. */
export interface ChainCost {
  readonly eid: Eid;
  readonly message: bigint;
  readonly state: ChainState;
}

/** Expected loss by state, of value, wads. A written-down chain costs as much as a quarantined one on what it still recovers. */
export interface StateCosts {
  readonly degraded: bigint;
  readonly quarantined: bigint;
}

/** How much of a source is used, at the mark, and what of the need that covers after haircut and expected loss. */
export interface Use {
  readonly assetId: number;
  readonly value: bigint;
  readonly net: bigint;
}
export interface Choice {
  readonly uses: readonly Use[];
  /** value − net of all uses, plus the messages */
  readonly cost: bigint;
  /** what no source covers */
  readonly missing: bigint;
}

/** More chains than this are refused: the search doubles with each. */
const MOST_CHAINS = 16;

function stateCost(state: ChainState, costs: StateCosts): bigint {
  switch (state.kind) {
    case 'healthy':
      return 0n;
    case 'degraded':
      return costs.degraded;
    case 'quarantined':
    case 'written-down':
      return costs.quarantined;
  }
}

interface Offer {
  readonly source: Source;
  readonly most: bigint;
  /** what one unit of value covers, wad */
  readonly rate: bigint;
}

/** What a chain's source can give: written down first, then bounded by liquidity, then by haircut and expected loss. */
function offerOf(source: Source, chain: ChainCost, costs: StateCosts): Offer {
  const value = chain.state.kind === 'written-down' ? mulDown(source.value, chain.state.recovery) : source.value;
  return {
    source,
    most: max(0n, min(value, source.liquidity)),
    rate: max(0n, mulDown(WAD - source.haircut, WAD - stateCost(chain.state, costs))),
  };
}

/** Cheapest first is optimal among chains that are paid for: each unit covered costs 1/rate − 1, whatever else is used. */
function fill(need: bigint, offers: readonly Offer[]): { uses: Use[]; missing: bigint; cost: bigint } {
  const uses: Use[] = [];
  let missing = need;
  for (const { source, most, rate } of offers) {
    if (missing === 0n) break;
    const value = min(most, -floorDiv(-missing * WAD, rate));
    const net = min(missing, mulDown(value, rate));
    if (net === 0n) continue;
    uses.push({ assetId: source.assetId, value, net });
    missing -= net;
  }
  return { uses, missing, cost: uses.reduce((sum, { value, net }) => sum + value - net, 0n) };
}

/**
 * Which collateral covers `need`, cheapest expected cost first: haircut, expected loss by the chain's state, and one message per chain that is
 * used. Covers as much as can be covered, then at the least cost: the exact optimum to a unit of 1e-18 per source, by trying every set of chains.
 * Ties go to the lower asset id, so that every caller gets the same answer.
 * @throws RangeError if a source's chain is not among `chains`, or there are more than 16 chains
 */
export function cheapestFirst(need: bigint, sources: readonly Source[], chains: readonly ChainCost[], costs: StateCosts): Choice {
  if (chains.length > MOST_CHAINS) throw new RangeError(`there are ${chains.length} chains; expected at most ${MOST_CHAINS}`);
  const byEid = new Map(chains.map((chain, index) => [chain.eid, { chain, index }]));
  const offers = sources
    .map((source) => {
      const found = byEid.get(source.eid);
      if (found === undefined)
        throw new RangeError(`asset ${source.assetId} is on chain ${source.eid}; expected one of ${[...byEid.keys()].join()}`);
      return { ...offerOf(source, found.chain, costs), bit: 1 << found.index };
    })
    .filter(({ most, rate }) => most > 0n && rate > 0n)
    .sort((a, b) => (a.rate === b.rate ? a.source.assetId - b.source.assetId : a.rate > b.rate ? -1 : 1));
  let best: Choice = { uses: [], cost: 0n, missing: max(0n, need) };
  for (let set = 1; set < 1 << chains.length; set++) {
    const { uses, missing, cost } = fill(
      max(0n, need),
      offers.filter(({ bit }) => (set & bit) !== 0),
    );
    const messages = chains.reduce((sum, { message }, index) => ((set & (1 << index)) === 0 ? sum : sum + message), 0n);
    const total = cost + messages;
    if (missing < best.missing || (missing === best.missing && total < best.cost)) best = { uses, cost: total, missing };
  }
  return best;
}
