import { hashTypedData, type Address, type Hex, type TypedDataDomain } from 'viem';
import type { AccountId, Cash, ChainId, UnixSeconds } from '../units.js';
import type { InstrumentId, Price, Size } from './instrument.js';

export type Side = 'buy' | 'sell';

/**
 * What a trader signs. The contract settles any part of it against an opposite order at a price no worse than the limit, and takes at
 * most its share of `feeCap`; nobody can do more with it.
 */
export interface Order {
  readonly account: AccountId;
  readonly instrument: InstrumentId;
  readonly side: Side;
  readonly size: Size;
  /** worst price */
  readonly limit: Price;
  /** most fee for the whole size, cash; a part may cost its share, rounded down */
  readonly feeCap: Cash;
  /** hub time after which it cannot be settled */
  readonly expiry: UnixSeconds;
  /** unordered; each value names one order of the account */
  readonly nonce: bigint;
  /** settles only what brings the position nearer to zero */
  readonly reduceOnly: boolean;
}

/** An order with the key that signed it: the owner, or a delegate that may trade. */
export interface SignedOrder {
  readonly order: Order;
  readonly signer: Address;
  readonly signature: Hex;
}

/** EIP-712 type of an order; `amount` is the size, positive to buy and negative to sell. */
export const ORDER_TYPES = {
  Order: [
    { name: 'account', type: 'bytes32' },
    { name: 'instrument', type: 'uint256' },
    { name: 'amount', type: 'int128' },
    { name: 'limit', type: 'uint128' },
    { name: 'feeCap', type: 'uint128' },
    { name: 'expiry', type: 'uint40' },
    { name: 'nonce', type: 'uint256' },
    { name: 'reduceOnly', type: 'bool' },
  ],
} as const;

/** Domain of the exchange at `exchange` on the hub chain. */
export function orderDomain(hubChainId: ChainId, exchange: Address): TypedDataDomain {
  return { name: 'Lockstep Exchange', version: '1', chainId: hubChainId, verifyingContract: exchange };
}

/** What a wallet is asked to sign. */
export function orderMessage({ account, instrument, side, size, limit, feeCap, expiry, nonce, reduceOnly }: Order) {
  return { account, instrument, amount: side === 'buy' ? size : -size, limit, feeCap, expiry: Number(expiry), nonce, reduceOnly };
}

/** EIP-712 digest of an order: its identity everywhere. */
export function orderHash(domain: TypedDataDomain, order: Order): Hex {
  return hashTypedData({ domain, types: ORDER_TYPES, primaryType: 'Order', message: orderMessage(order) });
}

/** What is cancelled: an account's order of that nonce, known or not. */
export interface Cancellation {
  readonly account: AccountId;
  readonly nonce: bigint;
}

/** EIP-712 type of a cancellation, in the domain of orders. */
export const CANCEL_TYPES = {
  Cancel: [
    { name: 'account', type: 'bytes32' },
    { name: 'nonce', type: 'uint256' },
  ],
} as const;

/** EIP-712 digest of a cancellation. */
export function cancelHash(domain: TypedDataDomain, { account, nonce }: Cancellation): Hex {
  return hashTypedData({ domain, types: CANCEL_TYPES, primaryType: 'Cancel', message: { account, nonce } });
}
