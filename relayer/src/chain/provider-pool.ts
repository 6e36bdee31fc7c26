import { BaseError, custom, RpcRequestError, type CustomTransport, type EIP1193RequestFn } from 'viem';
import type { Clock } from './clock.js';

const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;

interface Member {
  readonly request: EIP1193RequestFn;
  failuresInARow: number;
  pausedUntil: number;
}

/** How one provider is doing on the read path. */
export interface ProviderState {
  readonly failuresInARow: number;
  readonly paused: boolean;
}

/**
 * Asks the providers in the order of the configuration until one answers. One that does not answer (no connection, a time-out, a limit)
 * is left alone for a while, twice as long each time, so that a hanging provider costs one time-out and not one per request; if all are
 * left alone, all are asked again. A node's word that a call reverts is an answer and is not asked elsewhere.
 */
export class ProviderPool {
  readonly #members: readonly Member[];

  constructor(
    providers: readonly { readonly request: EIP1193RequestFn }[],
    private readonly clock: Clock,
  ) {
    this.#members = providers.map(({ request }) => ({ request, failuresInARow: 0, pausedUntil: 0 }));
  }

  get states(): readonly ProviderState[] {
    return this.#members.map(({ failuresInARow, pausedUntil }) => ({ failuresInARow, paused: pausedUntil > this.clock.now() }));
  }

  /** The pool as a viem transport. Each provider brings its own time-out; nothing is retried here. */
  transport(): CustomTransport {
    return custom({ request: (args: Parameters<EIP1193RequestFn>[0]) => this.#request(args) }, { retryCount: 0, name: 'provider pool' });
  }

  async #request(args: Parameters<EIP1193RequestFn>[0]): Promise<unknown> {
    const now = this.clock.now();
    const ready = this.#members.filter(({ pausedUntil }) => pausedUntil <= now);
    let last: unknown;
    for (const member of ready.length > 0 ? ready : this.#members) {
      try {
        const answer = await member.request(args);
        member.failuresInARow = 0;
        member.pausedUntil = 0;
        return answer;
      } catch (error) {
        last = error;
        switch (meaningOf(error)) {
          case 'reverts':
            throw error;
          case 'refuses':
            break;
          case 'is gone':
            member.failuresInARow += 1;
            member.pausedUntil = this.clock.now() + Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, member.failuresInARow - 1));
        }
      }
    }
    throw last;
  }
}

/** Codes with which providers say "too many requests" inside a JSON-RPC error. */
const LIMIT_CODES: ReadonlySet<number> = new Set([-32_005, 429]);

/** `refuses`: it answered, but does not know or want this; another one may. `is gone`: it did not answer. */
function meaningOf(error: unknown): 'reverts' | 'refuses' | 'is gone' {
  const answer = error instanceof BaseError ? error.walk((inner) => inner instanceof RpcRequestError) : null;
  if (!(answer instanceof RpcRequestError)) return 'is gone';
  if (LIMIT_CODES.has(answer.code)) return 'is gone';
  return answer.code === 3 || /revert/i.test(answer.details) ? 'reverts' : 'refuses';
}
