import { flat, markOf, type Playback, type Underlying } from '../harness/markets.js';
import { CASH } from '../harness/tokens.js';
import { eventually, type WaitOptions } from '../harness/wait.js';
import type { World } from '../harness/world.js';

/** Where prices begin; the story moves them. */
export const PRICES: Readonly<Record<Underlying, Playback>> = { BTC: flat(58_500), ETH: flat(3_000) };

/** Has bitcoin published at a price, and waits until the hub knows it. @returns it, 18 decimals */
export async function moveBitcoin(world: World, price: number, wait: WaitOptions): Promise<bigint> {
  world.prices.set('BTC', flat(price));
  const wanted = BigInt(price) * CASH;
  await eventually(
    `the hub to know bitcoin at ${price}`,
    async (note) => {
      const mark = await markOf(world.stack.hub, 'BTC');
      note(mark);
      return mark === wanted ? true : undefined;
    },
    wait,
  );
  return wanted;
}
