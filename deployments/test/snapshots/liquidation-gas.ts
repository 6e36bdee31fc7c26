import { LiquidationWorld, type Party } from './liquidation-world.js';

const WAD = 10n ** 18n;
/** The fund pays all of it. */
const LITTLE = 1_000n * WAD;
/** More than a thousandth of all cash and than the fund: the first report of it stops cash from leaving and has the market watched. */
const MUCH = 2_000_000n * WAD;

/** Gas of starting auctions and of bids, each in a transaction of its own that finds every slot and account cold. */
export async function measureLiquidation(gas: Record<string, bigint>): Promise<void> {
  const world = await LiquidationWorld.start();
  try {
    const [other, bidder] = [await world.party(2, 'portfolio'), await world.party(3, 'cross')];
    const [one, three] = [await world.party(4, 'cross'), await world.party(5, 'cross')];
    await world.perpetuals(one, other, 1);
    await world.perpetuals(three, other, 3);
    for (const account of [one, three]) await world.impoverish(account);
    gas['liquidation.start.first'] = await world.begin(one);
    gas['liquidation.start.perps3'] = await world.begin(three);
    // Of an account whose positions the bidder does not hold yet, then once more.
    gas['auction.bid.perps.first'] = await world.bid(one, bidder, WAD / 20n);
    gas['auction.bid.perps'] = await world.bid(one, bidder, WAD / 20n);
    gas['auction.bid.perps3.first'] = await world.bid(three, bidder, WAD / 20n);
    gas['auction.bid.perps3'] = await world.bid(three, bidder, WAD / 20n);
    await world.asIfNothingHadHappened(() => measureHardBids(world, other, bidder, gas));

    const [largest, holder] = [await world.party(6, 'portfolio'), await world.party(7, 'portfolio')];
    await world.largest(largest, other);
    await world.impoverish(largest);
    // Nobody waits for a sheet: each strike is priced for itself, of the account before and after and of the bidder.
    await world.asIfNothingHadHappened(async () => {
      gas['liquidation.start.max.sheetless'] = await world.begin(largest);
      gas['auction.bid.max.sheetless'] = await world.bid(largest, holder, WAD / 20n);
    });
    await world.publish();
    await world.asIfNothingHadHappened(async () => {
      await world.ruin(largest, MUCH);
      gas['liquidation.start.max.insolvent'] = await world.begin(largest);
    });
    gas['liquidation.start.max'] = await world.begin(largest);
    gas['auction.bid.max'] = await world.bid(largest, holder, WAD / 20n);
  } finally {
    await world.stop();
  }
}

/** Bids on three perpetuals with more to move than cash, each the second by a bidder who then holds all of it. */
async function measureHardBids(world: LiquidationWorld, other: Party, bidder: Party, gas: Record<string, bigint>): Promise<void> {
  const [secured, insolvent] = [await world.party(8, 'cross'), await world.party(9, 'cross')];
  for (const account of [secured, insolvent]) await world.perpetuals(account, other, 3);
  await world.collateral(secured, 2);
  await world.impoverish(secured);
  await world.begin(secured);
  gas['auction.bid.perps3.collateral.first'] = await world.bid(secured, bidder, WAD / 20n);
  gas['auction.bid.perps3.collateral'] = await world.bid(secured, bidder, WAD / 20n);
  await world.ruin(insolvent, LITTLE);
  gas['liquidation.start.perps3.insolvent'] = await world.begin(insolvent);
  await world.bid(insolvent, bidder, WAD / 20n);
  gas['auction.bid.perps3.insolvent'] = await world.bid(insolvent, bidder, WAD / 20n);
}
