import type { AccountId } from '@lockstep/shared';
import type { Address } from 'viem';
import type { RevertReason } from '../../sender/intent.js';
import type { Became, HubCall } from '../hub-calls.js';
import type { OpenIntent } from '../intents.js';

/** `failed`: nobody could say; the rest goes on. */
export type Outcome = 'sent' | 'waiting' | 'refused' | 'failed';

/** Who sends what a liquidator wants. */
export interface LiquidationSender {
  readonly address: Address;
  /** Why the hub would refuse a call now; null if it would not. */
  refusal(call: Pick<HubCall, 'to' | 'data'>): Promise<RevertReason | null>;
  /** Sends a call if the hub would take it; asked again while the need is there. @param what key derived from the facts that make it necessary */
  want(what: string, call: HubCall): Promise<Exclude<Outcome, 'failed'>>;
  /** Null: nothing was sent for this need, as far as is known. */
  became(what: string): Promise<Became | null>;
  /** Everything that was sent and has no result yet, also by a process before this one where the sender remembers it. */
  open(): Promise<readonly OpenIntent[]>;
}

/** What was wanted, for whom, and what came of it. `because`: of what failed. */
export interface Wish {
  readonly what: string;
  readonly account: AccountId;
  readonly outcome: Outcome;
  readonly because?: string;
}

/** What the hub refused is not tried again for so long, seconds, unless the need has changed. */
const REFUSED = 30n;

/** The sender's door, with a memory of what the hub refused a moment ago. */
export class Wants {
  /** by key of the need, which names the state that made it necessary */
  readonly #refusedAt = new Map<string, bigint>();

  constructor(private readonly sender: LiquidationSender) {}

  get address(): Address {
    return this.sender.address;
  }

  /**
   * Null while it waits because the hub refused the same a moment ago.
   * @param now seconds
   * @param way one of several ways to meet the need; each is refused by itself, one at a time is sent
   */
  async want(what: string, call: HubCall, now: bigint, way = ''): Promise<'sent' | 'waiting' | 'refused' | null> {
    for (const [refused, at] of this.#refusedAt) if (now - at >= REFUSED) this.#refusedAt.delete(refused);
    const own = `${way}|${what}`;
    if (this.#refusedAt.has(own)) return null;
    const outcome = await this.sender.want(what, call);
    if (outcome === 'refused') this.#refusedAt.set(own, now);
    return outcome;
  }

  became(what: string): Promise<Became | null> {
    return this.sender.became(what);
  }
}
