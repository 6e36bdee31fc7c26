import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { iFeedsAbi, iMarketsAbi } from '@lockstep/contracts';
import { exchange, risk, unixSeconds, type UnixSeconds } from '@lockstep/shared';
import { FEED_SIGNERS, type KeyedAccount } from './accounts.js';
import type { HubChain } from './stack.js';

/** The underlyings of a local network, as its feeds number them. */
export const UNDERLYINGS = { BTC: 1, ETH: 2 } as const;
export type Underlying = keyof typeof UNDERLYINGS;

/** Expiries to trade at a time. The nearest may be minutes away. */
const EXPIRIES = { count: 3, everyDays: 1 };
const COLUMN = 'price';

/** How prices go: at equal steps, there and back again for ever. At least two, cash per unit. */
export interface Playback {
  readonly prices: readonly number[];
  readonly stepSeconds: number;
}

/** A price that stays where it is. */
export const flat = (price: number): Playback => ({ prices: [price, price], stepSeconds: 60 });

/** What the relayer is configured with to keep markets open: `publisher` and `keeper` of its configuration. */
export interface MarketsConfig {
  readonly publisher: {
    readonly feeds: string;
    readonly signers: readonly { readonly privateKey: string }[];
    readonly everySeconds: number;
    readonly underlyings: readonly unknown[];
  };
  readonly keeper: { readonly everySeconds: number; readonly listings: readonly unknown[]; readonly sheetSeconds: number };
}

/** Prices of a network, in files that its publisher reads again when they change. */
export class Prices {
  readonly #steps = new Map<Underlying, number>();

  constructor(
    private readonly dir: string,
    prices: Readonly<Record<Underlying, Playback>>,
  ) {
    for (const symbol of symbols) this.set(symbol, prices[symbol]);
  }

  /** What is published from now on, at the steps it was started with. */
  set(symbol: Underlying, { prices, stepSeconds }: Playback): void {
    const steps = this.#steps.get(symbol) ?? stepSeconds;
    if (steps !== stepSeconds) throw new Error(`${stepSeconds} s a step; expected ${steps}, which the publisher was configured with`);
    this.#steps.set(symbol, steps);
    // Renamed when it is whole: the publisher may read at any moment.
    const file = this.#file(symbol);
    writeFileSync(`${file}.new`, `${COLUMN}\n${prices.join('\n')}\n`);
    renameSync(`${file}.new`, file);
  }

  /** The part of the relayer's configuration that publishes them, and keeps options around them listed. */
  config(hub: HubChain): MarketsConfig {
    return {
      publisher: {
        feeds: hub.feeds,
        signers: FEED_SIGNERS.map(({ privateKey }: KeyedAccount) => ({ privateKey })),
        everySeconds: 1,
        underlyings: symbols.map((symbol) => ({
          underlying: UNDERLYINGS[symbol],
          path: { kind: 'recorded', file: this.#file(symbol), column: COLUMN, stepSeconds: this.#steps.get(symbol) },
          expiries: EXPIRIES,
        })),
      },
      keeper: {
        everySeconds: 1,
        listings: symbols.map((symbol) => ({ underlying: UNDERLYINGS[symbol], expiries: EXPIRIES })),
        sheetSeconds: 30,
      },
    };
  }

  #file(symbol: Underlying): string {
    return path.join(this.dir, `${symbol}.csv`);
  }
}

// CAST: the keys of UNDERLYINGS are exactly Underlying.
const symbols = Object.keys(UNDERLYINGS) as Underlying[];

/** The expiry to trade: the first that is a day or more away. */
export function tradedExpiry(seconds: number): UnixSeconds {
  const [, second] = risk.expiriesAt(EXPIRIES, seconds);
  if (second === undefined) throw new Error(`${EXPIRIES.count} expiries; expected at least two`);
  return unixSeconds(BigInt(second));
}

/** The perpetual of an underlying. */
export const perpetual = (symbol: Underlying): exchange.InstrumentId =>
  exchange.encodeInstrument({ kind: 'perpetual', underlying: UNDERLYINGS[symbol] });

/** An option series; the strike in whole units of cash. */
export const option = (kind: 'call' | 'put', symbol: Underlying, expiry: UnixSeconds, strike: bigint): exchange.InstrumentId =>
  exchange.encodeInstrument({ kind, underlying: UNDERLYINGS[symbol], expiry, strike: exchange.price(strike * exchange.ONE) });

/** Whether an option series is listed. */
export async function isListed(hub: HubChain, series: exchange.InstrumentId): Promise<boolean> {
  const [listed] = await hub.client.readContract({ address: hub.markets, abi: iMarketsAbi, functionName: 'seriesOf', args: [series] });
  return listed;
}

/** What the hub takes an underlying to be worth now: the clamped mark, 18 decimals. @throws while there is none */
export async function markOf(hub: HubChain, symbol: Underlying): Promise<bigint> {
  const { value } = await hub.client.readContract({
    address: hub.feeds,
    abi: iFeedsAbi,
    functionName: 'mark',
    args: [UNDERLYINGS[symbol]],
  });
  if (value === 0n) throw new Error(`the hub has no price of ${symbol}; expected the publisher to have submitted one`);
  return value;
}
