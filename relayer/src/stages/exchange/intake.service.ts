import { Inject, Injectable } from '@nestjs/common';
import { decodeAccount, exchange, risk } from '@lockstep/shared';
import { isAddressEqual, recoverAddress, type Address, type Hex } from 'viem';
import { ChainTime } from '../../chain/chain-time.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { ExchangeRepository } from './exchange.repository.js';
import { HUB_EXCHANGE, type HubExchange } from './hub-exchange.js';
import type { StoredOrder } from './order-row.js';
import { describeRejection } from './rejections.js';
import { leastFeeCap, stepsOf } from './terms.js';

/** Why an order or a cancellation is not taken. */
export type IntakeProblem =
  /** the value cannot be right */
  | { readonly kind: 'invalid'; readonly field: string; readonly value: string; readonly expected: string }
  /** nobody who may trade for the account signed it */
  | { readonly kind: 'unsigned'; readonly detail: string }
  /** another order has this nonce, or the same one is known */
  | { readonly kind: 'conflict'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly detail: string };

export type IntakeResult =
  { readonly kind: 'taken'; readonly order: StoredOrder } | { readonly kind: 'refused'; readonly problem: IntakeProblem };

/** Takes orders and cancellations in: whatever can be known to be wrong is refused before it reaches the book. */
@Injectable()
export class IntakeService {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'exchange'>,
    private readonly repository: ExchangeRepository,
    @Inject(HUB_EXCHANGE) private readonly hub: HubExchange,
    private readonly time: ChainTime,
  ) {}

  /** Takes an order. The same order again changes nothing and is answered with what became of it. */
  async take(signed: exchange.SignedOrder, timeInForce: exchange.TimeInForce): Promise<IntakeResult> {
    const { order, signer, signature } = signed;
    const hash = exchange.orderHash(this.hub.domain, order);
    const known = await this.repository.byHash(hash);
    if (known !== null) return { kind: 'taken', order: known };
    const problem = (await this.#terms(order)) ?? (await this.#standing(order)) ?? (await this.#signature(order, hash, signer, signature));
    if (problem !== null) return { kind: 'refused', problem };
    if (!(await this.repository.add({ order, signer, signature, hash, timeInForce }))) {
      const other = await this.repository.byNonce(order.account, order.nonce);
      if (other?.hash !== hash)
        return refused({
          kind: 'conflict',
          detail: `nonce ${order.nonce} names order ${other?.hash ?? ''} of this account; expected a nonce of its own`,
        });
    }
    return this.#stored(hash);
  }

  /** Takes an order out of the book. It may be settled all the same by whoever holds it, until it is cancelled on the hub too. */
  async cancel(hash: Hex, signer: Address, signature: Hex): Promise<IntakeResult> {
    const stored = await this.repository.byHash(hash);
    if (stored === null) return refused({ kind: 'unknown', detail: `no order ${hash} is known` });
    const { account, nonce } = stored.order;
    const digest = exchange.cancelHash(this.hub.domain, { account, nonce });
    if (!(await this.#isSigned(stored.order, digest, signer, signature)))
      return refused({
        kind: 'unsigned',
        detail: `${signer} did not sign the cancellation of nonce ${nonce}, or may not trade for the account`,
      });
    await this.repository.requestCancel(hash);
    return this.#stored(hash);
  }

  async #stored(hash: Hex): Promise<IntakeResult> {
    const order = await this.repository.byHash(hash);
    if (order === null) throw new Error(`order ${hash} is gone after it was written`);
    return { kind: 'taken', order };
  }

  /** What the order says of itself. */
  async #terms(order: exchange.Order): Promise<IntakeProblem | null> {
    const { tick, lot, minimum } = stepsOf(this.config.exchange, order.instrument);
    const now = await this.time.now(this.hub);
    const least = leastFeeCap(this.config.exchange, order);
    if (order.expiry < now) return invalid('expiry', order.expiry, describeRejection({ code: 'EXPIRED', expiry: order.expiry, now }));
    if (order.limit % tick !== 0n) return invalid('limit', order.limit, `a multiple of ${tick} (${risk.formatDecimal(tick)})`);
    if (order.size % lot !== 0n) return invalid('size', order.size, `a multiple of ${lot} (${risk.formatDecimal(lot)})`);
    if (order.size < minimum) return invalid('size', order.size, `at least ${minimum} (${risk.formatDecimal(minimum)})`);
    if (order.feeCap < least) return invalid('feeCap', order.feeCap, `at least ${least}, the taker's fee of all of it at its limit`);
    return null;
  }

  /** What others say of it: the hub, and the book. */
  async #standing(order: exchange.Order): Promise<IntakeProblem | null> {
    const { maxOrders } = this.config.exchange;
    const [closed, { filled, cancelled, spent }, live] = await Promise.all([
      this.hub.notTradable(exchange.decodeInstrument(order.instrument)),
      this.hub.statusOf(order.account, order.nonce),
      this.repository.countLive(order.account),
    ]);
    if (closed !== null) return invalid('instrument', order.instrument, closed);
    if (cancelled)
      return { kind: 'conflict', detail: `nonce ${order.nonce} of this account was cancelled on the hub; expected a nonce of its own` };
    if (filled > 0n || spent)
      return {
        kind: 'conflict',
        detail: `an order with nonce ${order.nonce} of this account was settled on the hub; expected a nonce of its own`,
      };
    if (live >= maxOrders) return { kind: 'conflict', detail: `${live} orders of this account wait; expected at most ${maxOrders}` };
    return null;
  }

  async #signature(order: exchange.Order, hash: Hex, signer: Address, signature: Hex): Promise<IntakeProblem | null> {
    if (await this.#isSigned(order, hash, signer, signature)) return null;
    return { kind: 'unsigned', detail: `${signer} did not sign order ${hash}, or may not trade for the account` };
  }

  /** An owner who is a key is known without asking the hub. */
  async #isSigned({ account }: exchange.Order, digest: Hex, signer: Address, signature: Hex): Promise<boolean> {
    const { owner, home } = decodeAccount(account);
    if (home === 0 && isAddressEqual(owner, signer) && (await isSignedByKey(digest, signer, signature))) return true;
    return this.hub.isSignedBy(account, signer, digest, signature);
  }
}

async function isSignedByKey(digest: Hex, signer: Address, signature: Hex): Promise<boolean> {
  try {
    return isAddressEqual(await recoverAddress({ hash: digest, signature }), signer);
  } catch {
    // No signature of a key at all.
    return false;
  }
}

const refused = (problem: IntakeProblem): IntakeResult => ({ kind: 'refused', problem });
const invalid = (field: string, value: bigint, expected: string): IntakeProblem => ({
  kind: 'invalid',
  field,
  value: value.toString(),
  expected,
});
