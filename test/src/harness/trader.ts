import { bytecode, keyWalletAbi } from '@lockstep/contracts';
import { cash, encodeAccount, exchange, unixSeconds, type AccountId } from '@lockstep/shared';
import type { Address, Hex } from 'viem';
import { roles } from './accounts.js';
import type { OrderView, RelayerApi, TradeView } from './relayer-api.js';
import type { HubChain } from './stack.js';
import { CASH } from './tokens.js';
import type { User } from './user.js';
import { eventually } from './wait.js';

/** What a trader wants. Sizes and prices in 18 decimals. */
export interface Wish {
  readonly instrument: exchange.InstrumentId;
  readonly side: exchange.Side;
  readonly size: bigint;
  readonly limit: bigint;
  readonly reduceOnly?: boolean;
  /** seconds from now; default: an hour */
  readonly expiresIn?: number;
}

const HOUR = 3_600;
/** Share of size times price that an order may cost: twice what the matcher takes at most. */
const FEE_SHARE = 1_000n;

/** Somebody who trades for an account: signs orders and hands them to the matcher. */
export class Trader {
  #nonce = BigInt(Date.now()) * 1_000n;

  /**
   * @param user whose key signs
   * @param account the key's own, or one for which it may sign
   * @param signer who the signature is by: the key, or a contract that vouches for it
   */
  constructor(
    private readonly hub: HubChain,
    private readonly api: RelayerApi,
    readonly user: User,
    readonly account: AccountId = user.account(),
    private readonly signer: Address = user.address,
  ) {}

  /** The order as a wallet signs it; nobody has heard of it. */
  async sign({ instrument, side, size, limit, reduceOnly = false, expiresIn = HOUR }: Wish): Promise<exchange.SignedOrder> {
    const order: exchange.Order = {
      account: this.account,
      instrument,
      side,
      size: exchange.size(size),
      limit: exchange.price(limit),
      feeCap: cash((size * limit) / CASH / FEE_SHARE + 1n),
      expiry: unixSeconds(BigInt(Math.floor(Date.now() / 1_000) + expiresIn)),
      nonce: ++this.#nonce,
      reduceOnly,
    };
    const domain = exchange.orderDomain(this.hub.chainId, this.hub.exchange);
    const message = exchange.orderMessage(order);
    const signature = await this.user.signTypedData({ domain, types: exchange.ORDER_TYPES, primaryType: 'Order', message });
    return { order, signer: this.signer, signature };
  }

  /** Signs an order and hands it in. @throws ApiError with what is wrong with it */
  async place(wish: Wish, timeInForce?: exchange.TimeInForce): Promise<OrderView> {
    return this.api.placeOrder(await this.sign(wish), timeInForce);
  }

  /** Takes an order out of the book. */
  async cancel({ order }: exchange.SignedOrder): Promise<OrderView> {
    const domain = exchange.orderDomain(this.hub.chainId, this.hub.exchange);
    const message = { account: order.account, nonce: order.nonce };
    const signature = await this.user.signTypedData({ domain, types: exchange.CANCEL_TYPES, primaryType: 'Cancel', message });
    return this.api.cancelOrder(exchange.orderHash(domain, order), this.signer, signature);
  }

  /** Waits until an order is in that state. */
  async reached(hash: Hex, state: string): Promise<OrderView> {
    return eventually(`order ${hash} to be ${state}`, async (note) => {
      const order = await this.api.order(hash);
      note(order);
      return order.state === state ? order : undefined;
    });
  }

  /** Waits until the hub has settled so many trades of the account. @returns them, newest first */
  async settled(count: number): Promise<TradeView[]> {
    return eventually(`${count} trades of ${this.account} to be settled`, async (note) => {
      const trades = await this.api.trades(this.account);
      note(trades);
      const settled = trades.filter(({ state }) => state === 'settled');
      return settled.length >= count ? settled : undefined;
    });
  }
}

/** A contract wallet on the hub whose key is a user's, and the account it owns there. */
export async function contractWallet(hub: HubChain, user: User): Promise<{ readonly address: Address; readonly account: AccountId }> {
  const hash = await hub.client.deployContract({
    account: roles.deployer.account,
    abi: keyWalletAbi,
    bytecode: bytecode.KeyWallet.creation,
    args: [user.address],
  });
  const { contractAddress: address } = await hub.client.waitForTransactionReceipt({ hash, timeout: 60_000 });
  if (!address) throw new Error('the wallet was not deployed on the hub');
  return { address, account: encodeAccount({ owner: address, home: hub.eid, subaccount: 0n }) };
}
