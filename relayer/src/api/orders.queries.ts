import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { exchange, risk, type AccountId } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import type { Hex } from 'viem';
import { z } from 'zod/v4';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';
import { HUB_EXCHANGE, type HubExchange } from '../stages/exchange/hub-exchange.js';
import { MATCH_STATES, orderColumns, orderRow, type StoredOrder } from '../stages/exchange/order-row.js';
import type { BookView, ExchangeView, InstrumentView, OrderView, TradeView } from './order-views.js';

const MOST = 100;
const LEVELS = 50;

const levelRow = z.object({ side: z.enum(['buy', 'sell']), price: z.string(), size: z.string(), orders: z.number() });
const tradeRow = z.object({
  id: z.string(),
  instrument: z.string(),
  size: z.string(),
  price: z.string(),
  taker: z.enum(['buy', 'sell']),
  buyer: z.string(),
  seller: z.string(),
  buyOrder: z.string(),
  sellOrder: z.string(),
  buyFee: z.string(),
  sellFee: z.string(),
  state: z.enum(MATCH_STATES),
  final: z.boolean(),
  tx: z.string().nullable(),
  reason: z.string().nullable(),
  matchedAt: z.date(),
});

/** Reads orders, books and trades, from the tables of the matcher. */
@Injectable()
export class OrderQueries {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'exchange'>,
    @Inject(HUB_EXCHANGE) private readonly hub: HubExchange,
  ) {}

  /** What an order must fit, and the domain it is signed in. */
  terms(): ExchangeView {
    const { makerFee, takerFee, perpetual, option } = this.config.exchange;
    const { name = '', version = '', verifyingContract = '0x' } = this.hub.domain;
    const e18 = (text: string): string => `${risk.parseDecimal(text)}`;
    const steps = ({ tick, lot, minimum }: typeof perpetual) => ({ tick: e18(tick), lot: e18(lot), minimum: e18(minimum) });
    return {
      domain: { name, version, chainId: this.hub.chainId, verifyingContract },
      makerFeeE18: e18(makerFee),
      takerFeeE18: e18(takerFee),
      perpetual: steps(perpetual),
      option: steps(option),
    };
  }

  async order(hash: Hex): Promise<OrderView | null> {
    const [found] = await this.#orders('o.hash = $1', [hash], 1);
    return found ?? null;
  }

  /** Newest first. */
  ofAccount(account: AccountId, state: 'live' | 'all', limit = MOST): Promise<OrderView[]> {
    return this.#orders(`o.account = $1${state === 'live' ? ` and o.state in ('new', 'open')` : ''}`, [account], limit);
  }

  /** Sizes by price of one instrument. */
  async book(instrument: exchange.InstrumentId, levels = LEVELS): Promise<BookView> {
    const [rows, [last]] = await Promise.all([
      this.dataSource.query<unknown>(
        `select side, limit_price::text as price, sum(remaining)::text as size, count(*)::int as orders
         from exchange_orders where state = 'open' and instrument = $1 group by side, limit_price`,
        [instrument.toString()],
      ),
      this.#trades(`m.instrument = $1 and m.state <> 'failed'`, [instrument.toString()], 1),
    ]);
    const found = z.array(levelRow).parse(rows);
    const side = (of: exchange.Side): BookView['bids'] =>
      found
        .filter((level) => level.side === of)
        .map(({ price, size, orders }) => ({ price, size, orders }))
        .sort((a, b) => (BigInt(a.price) < BigInt(b.price) === (of === 'sell') ? -1 : 1))
        .slice(0, levels);
    return {
      instrument: instrumentView(instrument),
      bids: side('buy'),
      asks: side('sell'),
      last: last === undefined ? null : { price: last.price, size: last.size, at: last.matchedAt },
    };
  }

  /** The books in which orders wait. */
  async books(): Promise<BookView[]> {
    const rows: unknown = await this.dataSource.query(
      `select distinct instrument::text as instrument from exchange_orders where state = 'open' order by 1`,
    );
    const instruments = z.array(z.object({ instrument: z.string() })).parse(rows);
    return Promise.all(instruments.map(({ instrument }) => this.book(idOf(instrument), 1)));
  }

  /** Newest first. */
  trades({
    instrument,
    account,
    limit = MOST,
  }: {
    instrument?: bigint | undefined;
    account?: AccountId | undefined;
    limit?: number | undefined;
  }): Promise<TradeView[]> {
    return this.#trades(
      `($1::numeric is null or m.instrument = $1) and ($2::text is null or b.account = $2 or s.account = $2)`,
      [instrument?.toString() ?? null, account ?? null],
      limit,
    );
  }

  async trade(id: string): Promise<TradeView | null> {
    return (await this.#trades('m.id = $1', [id], 1))[0] ?? null;
  }

  async #orders(where: string, parameters: readonly unknown[], limit: number): Promise<OrderView[]> {
    const rows: unknown = await this.dataSource.query(
      `select ${orderColumns('o')} from exchange_orders o where ${where} order by o.id desc limit ${limit}`,
      [...parameters],
    );
    return z.array(orderRow).parse(rows).map(orderView);
  }

  async #trades(where: string, parameters: readonly unknown[], limit: number): Promise<TradeView[]> {
    const rows: unknown = await this.dataSource.query(
      `select m.id::text, m.instrument::text, m.size::text, m.price::text, m.taker, b.account as buyer, s.account as seller,
              b.hash as "buyOrder", s.hash as "sellOrder", m.buy_fee::text as "buyFee", m.sell_fee::text as "sellFee", m.state,
              m.is_final as final, m.tx_hash as tx, m.reason, m.matched_at as "matchedAt"
       from exchange_matches m join exchange_orders b on b.id = m.buy_order join exchange_orders s on s.id = m.sell_order
       where ${where} order by m.id desc limit ${limit}`,
      [...parameters],
    );
    return z
      .array(tradeRow)
      .parse(rows)
      .map(({ instrument, matchedAt, ...trade }) => ({
        ...trade,
        instrument: instrumentView(idOf(instrument)),
        matchedAt: matchedAt.toISOString(),
      }));
  }
}

const idOf = (text: string): exchange.InstrumentId => exchange.encodeInstrument(exchange.decodeInstrument(BigInt(text)));

function instrumentView(id: exchange.InstrumentId): InstrumentView {
  const instrument = exchange.decodeInstrument(id);
  const { kind, underlying } = instrument;
  return instrument.kind === 'perpetual'
    ? { id: `${id}`, kind, underlying, expiry: null, strikeE18: null }
    : {
        id: `${id}`,
        kind,
        underlying,
        expiry: new Date(Number(instrument.expiry) * 1000).toISOString(),
        strikeE18: `${instrument.strike}`,
      };
}

/** An order for everyone to see: without its signature, which would let anyone settle it. */
export function orderView({ hash, order, timeInForce, state, remaining, reason, receivedAt, updatedAt }: StoredOrder): OrderView {
  return {
    hash,
    account: order.account,
    instrument: instrumentView(order.instrument),
    side: order.side,
    size: `${order.size}`,
    limit: `${order.limit}`,
    feeCap: `${order.feeCap}`,
    expiry: `${order.expiry}`,
    nonce: `${order.nonce}`,
    reduceOnly: order.reduceOnly,
    timeInForce,
    state,
    remaining: `${remaining}`,
    reason,
    receivedAt: receivedAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
