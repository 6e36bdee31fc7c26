import type { AccountId, ChainId, exchange } from '@lockstep/shared';
import type { Address, Hex, TypedDataDomain } from 'viem';
import type { RevertReason } from '../../sender/intent.js';
import type { StoredMatch } from './exchange.repository.js';

/** Token of {@link HubExchange}. */
export const HUB_EXCHANGE = Symbol('HUB_EXCHANGE');

/** What the exchange contract knows of an order. */
export interface OrderStatus {
  /** units of 18 decimals settled by anyone, of one that is filled in parts */
  readonly filled: bigint;
  readonly cancelled: boolean;
  /** one fill filled the whole of it */
  readonly spent: boolean;
}

/** The exchange on the hub chain, as the matcher asks it. Calls that no provider answers throw. */
export interface HubExchange {
  readonly chainId: ChainId;
  /** EIP-712 domain of orders and cancellations */
  readonly domain: TypedDataDomain;
  /** Whether a signature over a digest is by the account's owner, or by a key that may trade for it. */
  isSignedBy(account: AccountId, signer: Address, digest: Hex, signature: Hex): Promise<boolean>;
  /** Whether a signer is a contract, so that what it says of a signature may change. */
  isContract(signer: Address): Promise<boolean>;
  statusOf(account: AccountId, nonce: bigint): Promise<OrderStatus>;
  /** Why an instrument cannot be traded now; null if it can. */
  notTradable(instrument: exchange.Instrument): Promise<string | null>;
  /** Settlement of matches, all or nothing. */
  settlementCall(matches: readonly StoredMatch[]): { readonly to: Address; readonly data: Hex };
  /** Why the contract would refuse to settle these matches together now, or as a block left it; null if it would settle them. */
  refusal(matches: readonly StoredMatch[], block?: bigint): Promise<RevertReason | null>;
}
