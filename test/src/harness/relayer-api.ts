import type { AccountId, exchange } from '@lockstep/shared';
import type { Address, Hex } from 'viem';
import { z } from 'zod/v4';

const json = z.json();

const eid = z.number().int();
// CAST: the pattern is viem's Hex.
const hex = z
  .string()
  .regex(/^0x[0-9a-fA-F]*$/)
  .transform((text) => text as Hex);
const uint = z.string().regex(/^\d+$/).transform(BigInt);

const step = z.object({ stage: z.string() });
const deposit = z.object({ sequence: uint, state: z.string(), steps: z.array(step), next: z.string() });
/** A deposit's story as GET /deposits/… tells it. */
export type DepositView = z.infer<typeof deposit>;

const outlook = z.object({
  ...{ late: z.boolean(), sentence: z.string() },
  calls: z.array(z.object({ by: z.string(), contract: z.string(), function: z.string() })),
});
const withdrawal = z.object({ claim: uint, state: z.string(), steps: z.array(step), outlook });
/** A withdrawal's story as GET /withdrawals/… tells it, and what somebody can do now. */
export type WithdrawalView = z.infer<typeof withdrawal>;

const handed = z.object({ eid, amountBaseUnits: uint });
const liquidation = z.object({
  ...{ id: uint, kind: z.string(), account: hex, state: z.string(), touched: z.array(handed) },
  bids: z.array(z.object({ bidder: hex, tx: hex })),
  payouts: z.array(
    handed.extend({ claim: uint, state: z.string(), receipted: z.boolean(), steps: z.array(step.extend({ eid, tx: hex })) }),
  ),
});
/** A liquidation's record as GET /liquidations/… tells it. */
export type LiquidationView = z.infer<typeof liquidation>;

const request = z.object({ srcEid: eid, sequence: uint, state: z.string(), outlook });
/** A request through a spoke's log, as GET /requests/… tells it. */
export type RequestView = z.infer<typeof request>;

const order = z.object({ hash: hex, state: z.string(), remaining: uint, reason: z.string().nullable() });
/** An order as the matcher knows it. */
export type OrderView = z.infer<typeof order>;

const trade = z.object({
  instrument: z.object({ id: uint }).transform(({ id }) => id),
  ...{ id: uint, size: uint, price: uint, buyer: hex, seller: hex, buyFee: uint, sellFee: uint },
  ...{ state: z.string(), final: z.boolean(), tx: hex.nullable(), reason: z.string().nullable() },
});
/** A trade, on its way to the hub or settled there. */
export type TradeView = z.infer<typeof trade>;

const level = z.object({ price: uint, size: uint, orders: z.number().int() });
const book = z.object({ bids: z.array(level), asks: z.array(level) });
/** Sizes by price of one instrument. */
export type BookView = z.infer<typeof book>;

const reorgedFact = z.object({ eid, kind: z.string(), txHash: z.string() });
/** Something a reorg removed, as GET /reorgs lists it. */
export type ReorgedFact = z.infer<typeof reorgedFact>;

const pathState = z.object({
  ...{ srcEid: eid, dstEid: eid, quarantined: z.boolean() },
  problems: z.array(z.object({ stage: z.string(), code: z.string(), detail: z.string() })),
});
/** A path as GET /paths lists it. */
export type PathView = z.infer<typeof pathState>;

/** Signed prices, newest first, and underlyings without any. */
const prices = z.object({ snapshots: z.array(z.object({ prices: hex })), awaited: z.array(z.number().int()) });

/** What GET /ready says. */
export interface Readiness {
  readonly ready: boolean;
  readonly detail: unknown;
}

/** The relayer's HTTP API did not answer as expected. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly path: string,
    readonly status: number,
    readonly body: string,
  ) {
    super(`${path} answered ${status}: ${body.slice(0, 400)}`);
  }
}

interface Answer {
  readonly status: number;
  readonly body: z.infer<typeof json>;
}

const TIMEOUT_MS = 5_000;

/** A client of the relayer's HTTP API, as a user interface would be. */
export class RelayerApi {
  constructor(readonly url: string) {}

  /** Whether the process is ready; not ready is an answer, not an error. @throws if nothing answers */
  async ready(): Promise<Readiness> {
    const { status, body } = await this.#get('/ready');
    return { ready: status === 200, detail: body };
  }

  /** The deposit at (eid, sequence). @throws ApiError 404 if the relayer has not seen it */
  async deposit(srcEid: number, sequence: bigint): Promise<DepositView> {
    return this.get(`/deposits/${srcEid}/${sequence}`, deposit);
  }

  /** The deposits that a transaction made. */
  async depositsOf(transactionHash: string): Promise<DepositView[]> {
    return this.get(`/deposits?tx=${transactionHash}`, z.array(deposit));
  }

  /** The withdrawal of this claim. @throws ApiError 404 if the relayer has not seen it */
  async withdrawal(claim: bigint): Promise<WithdrawalView> {
    return this.get(`/withdrawals/${claim}`, withdrawal);
  }

  /** The withdrawals that a transaction on the hub asked for. */
  async withdrawalsOf(transactionHash: string): Promise<WithdrawalView[]> {
    return this.get(`/withdrawals?tx=${transactionHash}`, z.array(withdrawal));
  }

  /** The liquidation of this number. @throws ApiError 404 if the relayer has not seen it */
  async liquidation(id: bigint): Promise<LiquidationView> {
    return this.get(`/liquidations/${id}`, liquidation);
  }

  /** The request at (eid, sequence) of a spoke's log. @throws ApiError 404 if the relayer has not seen it */
  async request(srcEid: number, sequence: bigint): Promise<RequestView> {
    return this.get(`/requests/${srcEid}/${sequence}`, request);
  }

  /** Hands a signed order in. @throws ApiError with what is wrong with it */
  async placeOrder(signed: exchange.SignedOrder, timeInForce: exchange.TimeInForce = 'gtc'): Promise<OrderView> {
    const { order: o, signer, signature } = signed;
    const integers = { instrument: o.instrument, size: o.size, limit: o.limit, feeCap: o.feeCap, expiry: o.expiry, nonce: o.nonce };
    const text = Object.fromEntries(Object.entries(integers).map(([key, value]) => [key, value.toString()]));
    const body = { account: o.account, side: o.side, ...text, reduceOnly: o.reduceOnly, signer, signature, timeInForce };
    return this.#send('POST', '/orders', body, order);
  }

  /** Takes an order out of the book. @throws ApiError with what is wrong with the signature */
  async cancelOrder(hash: Hex, signer: Address, signature: Hex): Promise<OrderView> {
    return this.#send('DELETE', `/orders/${hash}`, { signer, signature }, order);
  }

  /** An order and what became of it. */
  async order(hash: Hex): Promise<OrderView> {
    return this.get(`/orders/${hash}`, order);
  }

  /** Trades of an account, newest first. */
  async trades(account: AccountId): Promise<TradeView[]> {
    return this.get(`/trades?account=${account}`, z.array(trade));
  }

  /** What waits in the book of an instrument. */
  async book(instrument: exchange.InstrumentId): Promise<BookView> {
    return this.get(`/books/${instrument}`, book);
  }

  /** Signed prices of every feed for a time after `after`, seconds, as the hub's calls take them. @throws ApiError while nothing is signed for then */
  async prices(after: bigint): Promise<Hex> {
    const { snapshots, awaited } = await this.get(`/prices?after=${after}`, prices);
    const [newest] = snapshots;
    if (!newest || awaited.length > 0) throw new ApiError('GET /prices', 200, `nothing signed for a time after ${after} yet`);
    return newest.prices;
  }

  /** What reorgs removed. */
  async reorgs(): Promise<ReorgedFact[]> {
    return this.get('/reorgs', z.array(reorgedFact));
  }

  /** Every path with its state. */
  async paths(): Promise<PathView[]> {
    return this.get('/paths', z.array(pathState));
  }

  /** GET of any path that must answer 200. @throws ApiError otherwise */
  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const { status, body } = await this.#get(path);
    if (status !== 200) throw new ApiError(`GET ${path}`, status, JSON.stringify(body));
    return schema.parse(body);
  }

  async #send<T>(method: 'POST' | 'DELETE', path: string, sent: unknown, schema: z.ZodType<T>): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    const { status, body } = await this.#fetch(path, { method, headers, body: JSON.stringify(sent) });
    if (status !== 200 && status !== 201) throw new ApiError(`${method} ${path}`, status, JSON.stringify(body));
    return schema.parse(body);
  }

  #get(path: string): Promise<Answer> {
    return this.#fetch(path, {});
  }

  async #fetch(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    try {
      return { status: response.status, body: json.parse(JSON.parse(text)) };
    } catch {
      throw new ApiError(path, response.status, text);
    }
  }
}
