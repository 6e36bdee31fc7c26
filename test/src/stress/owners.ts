import type { ChainName, Owner } from './population.js';

/** Money an owner sends to an account after its first deposit. */
export interface TopUp {
  readonly account: number;
  readonly chain: ChainName;
  readonly cash: number;
  /** seconds from the start of the episode */
  readonly sentAt: number;
  readonly arrivesAt: number;
}

/** How messages travel in a run. */
export interface Messages {
  /** from any chain but the hub, seconds */
  readonly delay: number;
  /** of a chain, nothing arrives in this time, and what is sent in it waits for its end */
  readonly halt: { readonly chain: ChainName; readonly from: number; readonly until: number } | null;
}

/** When a message sent now is at the hub. What a halt catches on its way starts again at its end. */
export function arrival({ delay, halt }: Messages, chain: ChainName, sentAt: number): number {
  const needed = chain === 'hub' ? 0 : delay;
  const arrives = sentAt + needed;
  if (halt === null || halt.chain !== chain || arrives < halt.from || sentAt >= halt.until) return arrives;
  return halt.until + needed;
}

/** What an owner sees of an account. */
export interface Seen {
  readonly equity: number;
  readonly margin: number;
  /** what is left of the savings, cash */
  readonly savings: number;
  /** cash that is on its way */
  readonly underway: number;
}

/**
 * Cash an owner sends now: nothing unless it is time to look and the account, with what is on its way, is below the trigger; else as much as
 * brings it to the goal, or all savings.
 * @param step quarters of an hour since the start
 */
export function topUp(owner: Owner, step: number, { equity, margin, savings, underway }: Seen): number {
  if (owner.looksEvery === 0 || step % owner.looksEvery !== 0 || savings <= 0 || margin <= 0) return 0;
  const awaited = equity + underway;
  if (awaited >= owner.tripsAt * margin) return 0;
  return Math.min(savings, owner.tops * margin - awaited);
}
