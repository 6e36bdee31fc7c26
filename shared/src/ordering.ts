import type { TokenAsset } from './journal.js';

/** A queued claim that nothing but its token holds up, and what the hub's outflow bucket says of it alone. */
export interface OrderableClaim {
  readonly claim: bigint;
  readonly token: TokenAsset;
  /** base units of the token */
  readonly units: bigint;
  /** paid from cash: it takes free settlement when it is ordered; others took their balance when they were made */
  readonly fromCash: boolean;
  /** `outflowAvailable(eid, asset, units)` of the hub; null if no bucket counts it (an unlisted deposit on its way home) */
  readonly bucket: { readonly passes: boolean; readonly room: bigint } | null;
}

/** What orders of a token can draw on now, base units. */
export interface TokenRoom {
  /** free settlement, `liquidityOf` of the ledger */
  readonly free: bigint;
  /** what the outflow bucket holds, the share kept for small orders included: the room it has for an order of nothing */
  readonly level: bigint;
}

export type LeftWaiting = 'Liquidity' | 'OutflowLimit' | 'NextBatch';

/** Which claims to order now, in the order they were made, and what the others wait for. */
export interface OrderChoice {
  readonly ordered: readonly bigint[];
  readonly waiting: readonly { readonly claim: bigint; readonly because: LeftWaiting }[];
}

/**
 * Who is ordered next: the oldest first; one that does not fit what those before it leave of its token is passed over, and holds nobody up.
 * The hub decides the same way, one claim after the other (`ClaimQueue._tryOrder`, `TokenBucket.outflow`), so every claim chosen here is
 * ordered if nothing else moves in between.
 *
 * The share that a bucket keeps for small orders shows in the answers: a small order finds the whole level, a large one the level less that
 * share. An order above everything a bucket can ever give passes a full one alone, and takes all of it that large orders may.
 * @param claims by age
 * @param most   orders in one transaction, at least 1
 */
export function chooseOrders(claims: readonly OrderableClaim[], roomOf: (token: TokenAsset) => TokenRoom, most: number): OrderChoice {
  const drawn = new Map<string, { cash: bigint; outflow: bigint }>();
  const ordered: bigint[] = [];
  const waiting: { claim: bigint; because: LeftWaiting }[] = [];
  for (const candidate of claims) {
    const { claim, token, units, fromCash } = candidate;
    const key = `${token.eid}:${token.asset}`;
    const before = drawn.get(key) ?? { cash: 0n, outflow: 0n };
    const { free, level } = roomOf(token);
    const draws = drawOf(candidate, level, before.outflow);
    if (draws === null) waiting.push({ claim, because: 'OutflowLimit' });
    else if (fromCash && units > free - before.cash) waiting.push({ claim, because: 'Liquidity' });
    else if (ordered.length >= most) waiting.push({ claim, because: 'NextBatch' });
    else {
      ordered.push(claim);
      drawn.set(key, { cash: before.cash + (fromCash ? units : 0n), outflow: before.outflow + draws });
    }
  }
  return { ordered, waiting };
}

/** What a claim takes out of the bucket after others took `before`, null if it does not pass. */
function drawOf({ units, bucket }: OrderableClaim, level: bigint, before: bigint): bigint | null {
  if (bucket === null) return 0n;
  if (!bucket.passes) return null;
  // It passes alone and is larger than what it finds: it takes all that a full bucket gives, so nothing may have been taken before.
  if (units > bucket.room) return before === 0n ? bucket.room : null;
  const room = bucket.room < level ? bucket.room : level;
  return units <= room - before ? units : null;
}
