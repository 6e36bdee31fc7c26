import { exchange, unixSeconds } from '@lockstep/shared';
import { EXPIRIES, STRIKES, TradeWorld, UNDERLYING, type Deal, type Trader } from './trade-world.js';

const WAD = 10n ** 18n;
const PERPETUAL = exchange.encodeInstrument({ kind: 'perpetual', underlying: UNDERLYING });
/** Fills of one call while positions are built. */
const BATCH = 8;

/** All 64 series: eight expiries of four strikes, calls and puts. */
const SERIES = EXPIRIES.flatMap((expiry) =>
  STRIKES.flatMap((strike) =>
    (['call', 'put'] as const).map((kind) =>
      exchange.encodeInstrument({ kind, underlying: UNDERLYING, expiry: unixSeconds(BigInt(expiry)), strike: exchange.price(strike) }),
    ),
  ),
);

/** Gas of trading, funding and settling expiries, each in a transaction of its own on the whole hub. */
export async function measureTrade(gas: Record<string, bigint>): Promise<void> {
  const world = await TradeWorld.start();
  try {
    const [alice, bob, carol] = [await world.trader(2, 'cross'), await world.trader(3, 'cross'), await world.trader(4, 'cross')];
    const deal = (buyer: Trader, seller: Trader, instrument: exchange.InstrumentId, size = WAD): Deal => ({
      buyer,
      seller,
      instrument,
      size,
    });
    gas['exchange.settle.first'] = await world.settle([deal(alice, bob, PERPETUAL)]);
    gas['exchange.settle'] = await world.settle([deal(alice, bob, PERPETUAL)]);
    gas['exchange.settle.batch8'] = (await world.settle(Array.from({ length: BATCH }, () => deal(alice, bob, PERPETUAL)))) / BigInt(BATCH);
    gas['market.fund'] = await world.fund();

    const [holder, writer] = [await world.trader(5, 'portfolio'), await world.trader(6, 'portfolio')];
    await world.publish();
    for (let i = 0; i < SERIES.length; i += BATCH)
      await world.settle(SERIES.slice(i, i + BATCH).map((series) => deal(holder, writer, series)));
    const [near, far] = [SERIES[0], SERIES[10]];
    if (near === undefined || far === undefined) throw new Error('there are 64 series');
    await world.settle([deal(carol, writer, near), deal(carol, writer, far)]);
    gas['exchange.settle.twoLegs64'] = await world.settle([deal(holder, carol, near), deal(carol, holder, far)]);

    await world.expire(EXPIRIES[0] ?? 0);
    gas['market.settleExpired.first'] = await world.settleExpired(holder);
    gas['market.settleExpired'] = await world.settleExpired(writer);
  } finally {
    await world.stop();
  }
}
