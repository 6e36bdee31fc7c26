import { blockNumber, type BlockNumber, type UnixSeconds } from './units.js';

/** When a block of a chain counts as final. Windows in seconds are preferred over block counts: a fast chain makes counts meaningless. */
export type FinalityPolicy =
  | { readonly kind: 'tag'; readonly tag: 'safe' | 'finalized' }
  | { readonly kind: 'blocks'; readonly blocks: number }
  | { readonly kind: 'seconds'; readonly seconds: number };

/** A block by height and chain time. */
export interface BlockPoint {
  readonly number: BlockNumber;
  readonly timestamp: UnixSeconds;
}

/** What finality is decided from. */
export interface ChainView {
  readonly head: BlockPoint;
  /** height behind the policy's tag, null if the node gave none */
  readonly tagged: BlockNumber | null;
  /** known blocks below the head, any order */
  readonly recent: readonly BlockPoint[];
}

/**
 * Highest final height, or null if none is known yet. It never lies above the head, and it never falls below `previous`:
 * a node that reports a lower final height is lagging, it has not undone finality.
 */
export function finalHeight(policy: FinalityPolicy, view: ChainView, previous: BlockNumber | null): BlockNumber | null {
  const candidate = candidateOf(policy, view);
  if (candidate === null) return previous;
  const capped = candidate > view.head.number ? view.head.number : candidate;
  return previous !== null && previous > capped ? previous : capped;
}

function candidateOf(policy: FinalityPolicy, view: ChainView): BlockNumber | null {
  switch (policy.kind) {
    case 'tag':
      return view.tagged;
    case 'blocks':
      return view.head.number < BigInt(policy.blocks) ? null : blockNumber(view.head.number - BigInt(policy.blocks));
    case 'seconds': {
      const newest = view.head.timestamp - BigInt(policy.seconds);
      const old = [...view.recent, view.head].filter((block) => block.timestamp <= newest).map((block) => block.number);
      return old.length === 0 ? null : old.reduce((a, b) => (a > b ? a : b));
    }
  }
}
