import { exchange, unixSeconds, type AccountId, type liquidation } from '@lockstep/shared';
import type { Call } from './chain.js';
import { DECIMALS } from './deploy.js';
import { accountOf, type Deposit, type Hub } from './hub.js';
import { UNDERLYINGS, type AccountPlan, type AssetName, type PositionPlan } from './population.js';
import { NUMBER, premiumAt, strikeOf, units, wad } from './prices.js';

/** An account of the population, as it stands on the hub. */
export interface Trader {
  readonly plan: AccountPlan;
  readonly account: AccountId;
  /** cash at the start, all of it */
  readonly equity: number;
}

/** Who bids in auctions. */
export interface BidderPlan {
  readonly name: string;
  /** cash on the hub when the episode begins */
  readonly capital: number;
  /** least gain asked for, of the maintenance margin taken over */
  readonly required: number;
}

export interface Market {
  readonly traders: readonly Trader[];
  /** took the other side of every trade, and stay well covered */
  readonly makers: readonly AccountId[];
  readonly bidders: readonly { readonly plan: BidderPlan; readonly account: AccountId }[];
  readonly fund: AccountId;
}

const MAKERS = 6;
/** What makers have, of the initial margin of their books; beside a reserve in cash. */
const MAKER_COVERAGE = 4;
const MAKER_RESERVE = 1_000_000;
const LOT = 10n ** 15n;
/** What haircuts leave of each asset at the start. */
const KEPT: Readonly<Record<AssetName, number>> = { USDC: 1, WBTC: 0.9, WETH: 0.85 };
const BATCH = 60;

interface Order {
  readonly instrument: bigint;
  readonly size: bigint;
  readonly price: bigint;
}

/** A planned position as a trade at the mark of the first step. */
function orderOf(hub: Hub, plan: PositionPlan, first: liquidation.StressStep, startsAt: number): Order {
  const quote = first[plan.underlying];
  const underlying = NUMBER[plan.underlying];
  if (plan.kind === 'perpetual') {
    const instrument = exchange.encodeInstrument({ kind: 'perpetual', underlying });
    return { instrument, size: wad(Number((plan.notional / quote.price).toPrecision(9))), price: wad(quote.price) };
  }
  const strike = strikeOf(quote.price, plan.strike);
  const expiry = hub.expiries[plan.expiry];
  const lots = BigInt(Math.max(1, Math.round((Math.abs(plan.notional) / quote.price) * 1_000)));
  const isCall = plan.kind === 'call';
  return {
    instrument: exchange.encodeInstrument({
      kind: plan.kind,
      underlying,
      expiry: unixSeconds(BigInt(expiry)),
      strike: exchange.price(strike),
    }),
    size: (plan.notional < 0 ? -lots : lots) * LOT,
    price: wad(Math.max(0.01, premiumAt(quote, { strike: units(strike), expiry, isCall }, startsAt))),
  };
}

/** Cash as units of an asset at the first step. */
function unitsOf(asset: AssetName, cash: number, first: liquidation.StressStep): bigint {
  const price = asset === 'USDC' ? 1 : asset === 'WBTC' ? first.BTC.price : first.ETH.price;
  return wad(Math.max(0, cash) / price) / 10n ** BigInt(18 - DECIMALS[asset]);
}

async function inBatches<T>(hub: Hub, items: readonly T[], call: (item: T) => Call): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) await hub.chain.must(...items.slice(at, at + BATCH).map(call));
}

/**
 * Puts a population on the hub: modes, trades at the mark with makers, then as much collateral as each account's plan covers its initial margin
 * with. Ends with fresh prices and every account at or above initial margin.
 * @throws Error naming the account that is not
 */
export async function populate(
  hub: Hub,
  plans: readonly AccountPlan[],
  bidderPlans: readonly BidderPlan[],
  fund: AccountId,
  first: liquidation.StressStep,
  startsAt: number,
): Promise<Market> {
  const accounts = plans.map((plan, index) => ({ plan, account: accountOf(index) }));
  const makers = Array.from({ length: MAKERS }, (_, index) => accountOf(10_000 + index));
  const bidders = bidderPlans.map((plan, index) => ({ plan, account: accountOf(20_000 + index) }));
  const modes = [
    ...accounts.map(({ plan, account }) => ({ account, mode: plan.mode })),
    ...[...makers, ...bidders.map(({ account }) => account)].map((account) => ({ account, mode: 'portfolio' as const })),
  ];
  await inBatches(hub, modes, ({ account, mode }) => hub.modeCall(account, mode));
  const trades = accounts.flatMap(({ plan, account }) =>
    plan.positions.map((position) => ({ account, ...orderOf(hub, position, first, startsAt) })),
  );
  const numbered = trades.map((trade, index) => ({ ...trade, maker: makers[index % MAKERS] ?? makers[0] ?? trade.account }));
  await inBatches(hub, numbered, ({ account, maker, instrument, size, price }) => hub.tradeCall(account, maker, instrument, size, price));
  await hub.publish(first, hub.chain.now + 1);

  const bare = await hub.watch([...accounts.map(({ account }) => account), ...makers]);
  const inCash = (account: AccountId, amount: number): Deposit => ({
    account,
    chain: 'hub',
    asset: 'USDC',
    amount: unitsOf('USDC', amount, first),
  });
  const deposits = accounts.flatMap(({ plan, account }, at): Deposit[] => {
    const kept = plan.holdings.reduce((sum, { asset, weight }) => sum + weight * KEPT[asset], 0);
    const needed = (plan.coverage * units(bare[at]?.initial ?? 0n) - units(bare[at]?.equity ?? 0n)) / kept;
    return plan.holdings.map(({ chain, asset, weight }) => ({ account, chain, asset, amount: unitsOf(asset, needed * weight, first) }));
  });
  const makerDeposits = makers.map((account, at) => {
    const own = bare[accounts.length + at];
    return inCash(account, MAKER_RESERVE + MAKER_COVERAGE * units(own?.initial ?? 0n) - units(own?.equity ?? 0n));
  });
  const capital = bidders.map(({ plan, account }) => inCash(account, plan.capital));
  await hub.chain.must(...hub.depositCalls([...deposits, ...makerDeposits, ...capital].filter(({ amount }) => amount > 0n)));

  const covered = await hub.watch([...accounts.map(({ account }) => account), ...makers]);
  const short = covered.findIndex(({ equity, initial }) => equity < initial);
  if (short >= 0)
    throw new Error(
      `account ${short} begins with ${covered[short]?.equity} of equity; expected at least its initial margin, ${covered[short]?.initial}`,
    );
  const traders = accounts.map(({ plan, account }, at) => ({ plan, account, equity: units(covered[at]?.equity ?? 0n) }));
  return { traders, makers, bidders, fund };
}

/** The perpetuals of the market: what a bidder sells again. */
export const PERPETUALS = UNDERLYINGS.map((name) => ({
  name,
  instrument: exchange.encodeInstrument({ kind: 'perpetual', underlying: NUMBER[name] }),
}));
