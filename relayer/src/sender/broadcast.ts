/** What a node said to signed bytes. Only the chain says whether they took effect. */
export type BroadcastAnswer =
  | { readonly kind: 'accepted' }
  /** it has these very bytes already: as good as accepted */
  | { readonly kind: 'known' }
  /** the nonce is used on its chain: by these bytes, or by somebody else's. The watcher finds out */
  | { readonly kind: 'nonce-too-low' }
  /** other bytes wait at this nonce, with a better price */
  | { readonly kind: 'underpriced' }
  | { readonly kind: 'insufficient-funds'; readonly message: string }
  /** full pool, too large a nonce, limits of the node: asked again later */
  | { readonly kind: 'refused'; readonly message: string }
  /** no answer at all: the bytes may or may not have arrived */
  | { readonly kind: 'unreachable'; readonly message: string };

const PATTERNS: readonly (readonly [RegExp, 'known' | 'nonce-too-low' | 'underpriced' | 'insufficient-funds'])[] = [
  [/already known|already imported|known transaction|already exists|alreadyknown/i, 'known'],
  [/nonce too low|nonce is too low|oldnonce|invalid nonce.*expected/i, 'nonce-too-low'],
  [/underpriced|fee too low to replace/i, 'underpriced'],
  [/insufficient funds|insufficient balance|exceeds balance/i, 'insufficient-funds'],
];

/** Reads a node's refusal of a raw transaction. `message`: the node's own words. */
export function classifyRefusal(message: string): BroadcastAnswer {
  const kind = PATTERNS.find(([pattern]) => pattern.test(message))?.[1];
  switch (kind) {
    case 'known':
    case 'nonce-too-low':
    case 'underpriced':
      return { kind };
    case 'insufficient-funds':
      return { kind, message };
    case undefined:
      return { kind: 'refused', message };
  }
}
