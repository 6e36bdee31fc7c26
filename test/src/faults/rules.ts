import type { JsonValue } from './json-rpc.js';

/** What goes wrong with one call. */
export type Fault =
  /** the connection is cut without an answer */
  | { readonly kind: 'drop' }
  /** the answer comes late */
  | { readonly kind: 'delay'; readonly ms: number }
  /** the node answers with a JSON-RPC error */
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  /** the provider refuses on HTTP level, 429 and the like */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** the node lies: the true result goes in, what is answered comes out */
  | { readonly kind: 'forge'; readonly change: (result: JsonValue, params: JsonValue) => JsonValue }
  /** the request reaches the node (a transaction is taken), but the answer is lost */
  | { readonly kind: 'lose-answer' };

/** Which calls a fault hits. */
export interface FaultRule {
  /** method name, or a pattern for several */
  readonly method: string | RegExp;
  readonly fault: Fault;
  /** hit only this many calls, then the rule is gone; default: until removed */
  readonly times?: number;
  /** hit only every so many-th matching call; default: each */
  readonly every?: number;
  /** hit only calls with such parameters */
  readonly when?: (params: JsonValue) => boolean;
}

/** A rule at work, with a count of what it did. */
export class ActiveRule {
  #seen = 0;
  #hits = 0;

  constructor(readonly rule: FaultRule) {}

  get hits(): number {
    return this.#hits;
  }

  get exhausted(): boolean {
    return this.rule.times !== undefined && this.#hits >= this.rule.times;
  }

  /** Whether this call is hit; counts it. */
  take(method: string, params: JsonValue): boolean {
    const { rule } = this;
    const named = typeof rule.method === 'string' ? rule.method === method : rule.method.test(method);
    if (this.exhausted || !named || !(rule.when?.(params) ?? true)) return false;
    this.#seen += 1;
    if (this.#seen % (rule.every ?? 1) !== 0) return false;
    this.#hits += 1;
    return true;
  }
}
