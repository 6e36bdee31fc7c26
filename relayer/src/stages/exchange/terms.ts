import { exchange, risk } from '@lockstep/shared';
import type { RelayerConfig } from '../../config/relayer-config.js';

/** What this matcher asks of orders and takes for a match. */
type Terms = RelayerConfig['exchange'];

/** Tick, lot and minimum of an instrument. */
export function stepsOf({ perpetual, option }: Terms, id: exchange.InstrumentId): exchange.Steps {
  const { tick, lot, minimum } = exchange.decodeInstrument(id).kind === 'perpetual' ? perpetual : option;
  const size = (text: string): exchange.Size => exchange.size(risk.parseDecimal(text));
  return { tick: exchange.price(risk.parseDecimal(tick)), lot: size(lot), minimum: size(minimum) };
}

/** Least fee cap with which an order is taken: the taker's fee for all of it at its limit, rounded up. */
export const leastFeeCap = ({ takerFee }: Terms, { size, limit }: Pick<exchange.Order, 'size' | 'limit'>): bigint =>
  risk.mulUp(risk.mulUp(size, limit), risk.parseDecimal(takerFee));

/** Fees of a match, cash of 18 decimals, rounded down; never above an order's share of its cap. */
export function feesOf(
  terms: Terms,
  match: {
    readonly buyer: exchange.Order;
    readonly seller: exchange.Order;
    readonly taker: exchange.Side;
    readonly size: bigint;
    readonly price: bigint;
  },
): { buyFee: bigint; sellFee: bigint } {
  const value = risk.mulDown(match.size, match.price);
  const fee = ({ side, feeCap, size }: exchange.Order): bigint =>
    risk.min(risk.mulDown(value, risk.parseDecimal(side === match.taker ? terms.takerFee : terms.makerFee)), (feeCap * match.size) / size);
  return { buyFee: fee(match.buyer), sellFee: fee(match.seller) };
}
