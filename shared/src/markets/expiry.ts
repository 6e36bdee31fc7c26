import { decodeInstrument, type InstrumentId } from '../exchange/instrument.js';
import { max } from '../risk/decimal.js';
import type { AccountId } from '../units.js';
import { expiryCash, type ExpiringOption } from './option.js';
import { type CashMove, type MarketPrices, type MarketsState, NO_POSITIONS, withEntry } from './state.js';

interface Expiring extends ExpiringOption {
  readonly id: InstrumentId;
}

/** An account's options of an underlying whose expiry is over, by expiry. */
function expiredOf(options: ReadonlyMap<InstrumentId, bigint>, underlying: number, now: bigint): Map<bigint, Expiring[]> {
  const expired = new Map<bigint, Expiring[]>();
  for (const [id, lots] of options) {
    const held = decodeInstrument(id);
    if (held.kind === 'perpetual' || held.underlying !== underlying || held.expiry > now) continue;
    expired.set(held.expiry, [...(expired.get(held.expiry) ?? []), { id, kind: held.kind, strike: held.strike, lots }]);
  }
  return expired;
}

/**
 * Ends the account's options of every expiry of the underlying that is over and has a price. The first settlement of an expiry fixes its
 * price for everybody.
 */
export function settleExpired(
  state: MarketsState,
  account: AccountId,
  underlying: number,
  prices: MarketPrices,
): { readonly state: MarketsState; readonly moves: readonly CashMove[] } {
  const positions = state.accounts.get(account) ?? NO_POSITIONS;
  let market = state.markets.get(underlying);
  if (market === undefined) return { state, moves: [] };
  let { options } = positions;
  const moves: CashMove[] = [];
  for (const [expiry, held] of expiredOf(options, underlying, prices.now)) {
    const price: bigint | null = market.settled.get(expiry) ?? prices.settlement(underlying, expiry);
    if (price === null) continue;
    for (const { id } of held) options = withEntry(options, id, undefined);
    const closed = held.reduce((sum, { lots }) => sum + max(0n, lots), 0n);
    market = { ...market, openLots: market.openLots - closed, settled: withEntry(market.settled, expiry, price) };
    moves.push({ account, change: expiryCash(held, price) });
  }
  return {
    state: {
      accounts: options === positions.options ? state.accounts : withEntry(state.accounts, account, { ...positions, options }),
      markets: withEntry(state.markets, underlying, market),
    },
    moves,
  };
}
