import { encodeAccount } from '@lockstep/shared';
import { developmentUser, LIQUIDATORS } from '../harness/accounts.js';
import { AuctionsView } from '../harness/auctions.js';
import { followRecord, type LiquidationRecord } from '../harness/liquidation-records.js';
import { perpetual } from '../harness/markets.js';
import type { LiquidatorTerms } from '../harness/relayer.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { Trader } from '../harness/trader.js';
import type { Deposit } from '../harness/user.js';
import { Permission } from '../harness/withdrawer.js';
import type { World } from '../harness/world.js';
import type { Narrator } from './narrator.js';
import { moveBitcoin } from './prices.js';
import { units } from './text.js';

const OWNER = 2;
const BIDDER = 3;
const MAKER = 1;
const [KEY] = LIQUIDATORS;

/** How the price falls: to where an account that borrowed against two chains is below maintenance margin, and has equity left. */
const FALL = [60_000, 58_500, 57_000, 55_500] as const;
const PERCENT = CASH / 100n;

/** Who is paid what the liquidator wins. */
const RECEIVER = freshAddress(4);

/**
 * The relayer of the demo liquidates too: it bids with an account whose owner let its key trade and withdraw for it, and has what each bid wins paid out
 * by the bid itself, on a chain where it never brought anything.
 */
export const liquidatorPaidOn = (eid: number): LiquidatorTerms => ({
  key: KEY,
  bid: {
    account: encodeAccount({ owner: developmentUser(BIDDER).account.address, home: 0, subaccount: 0n }),
    budget: '50000',
    payout: { route: `${eid}`, receiver: RECEIVER, least: '1' },
  },
});

/** What the chapter came to. */
export interface LiquidationTold {
  readonly deposits: readonly Deposit[];
  /** of every auction there was: what it touched where, and what its bidders were paid */
  readonly records: readonly LiquidationRecord[];
  /** one short line for each bid, and one for how the account stood afterwards */
  readonly lines: readonly string[];
}

/**
 * User 2 buys a bitcoin on collateral of two chains; the price falls below what that carries. The liquidator sells as much of it as restores the
 * account, and what it wins by that is paid on the third chain, on the route it chose with its bid.
 */
export async function tellLiquidation(world: World, narrator: Narrator, timeoutMs: number): Promise<LiquidationTold> {
  const { hub, chains } = world.stack;
  const [home, away] = chains.filter((c) => c.eid !== hub.eid);
  if (!home || !away) throw new Error(`${chains.length} chains; expected the hub and two others`);
  const wait = { timeoutMs, everyMs: 200 };
  const [owner, maker] = [OWNER, MAKER].map((index) => new Trader(hub, world.relayer.api, world.user(index)));
  if (!owner || !maker) throw new Error('two traders were made');
  const contract = perpetual('BTC');

  narrator.stage(`Another owner brings 1 WETH to ${home.name} and 1 ETH to ${away.name}, a liquidator 100,000 USDC to ${away.name}`);
  const orders = [
    { index: OWNER, chain: home, asset: 'WETH', amount: whole(home, 'WETH', 1n) },
    { index: OWNER, chain: away, asset: 'ETH', amount: whole(away, 'ETH', 1n) },
    { index: BIDDER, chain: away, asset: 'USDC', amount: whole(away, 'USDC', 100_000n) },
  ];
  const deposits = await Promise.all(orders.map(({ index, ...order }) => world.user(index).deposit(order)));
  const bidder = world.withdrawer(BIDDER);
  await bidder.setDelegate(hub, KEY.account.address, Permission.trade | Permission.withdraw);
  await bidder.setDelegate(hub, hub.liquidation, Permission.withdraw);
  await moveBitcoin(world, FALL[0], wait);
  await world.flow.ended(deposits, 'credited', { timeoutMs });

  narrator.stage(`He buys a bitcoin on them, and its price falls from ${FALL[0]} to ${FALL.at(-1) ?? 0}`);
  const limit = BigInt(FALL[0]) * CASH;
  await maker.place({ instrument: contract, side: 'sell', size: CASH, limit });
  await owner.place({ instrument: contract, side: 'buy', size: CASH, limit });
  await owner.settled(1);
  const view = new AuctionsView(hub);
  for (const price of FALL) {
    await moveBitcoin(world, price, wait);
    narrator.say(`BTC at ${price}: ${await health(view, owner)}`);
  }
  const auction = await view.reached(owner.account, 'over', ({ ended }) => ended);
  const { equity, maintenanceMargin } = await view.risk(owner.account);
  const lines = [
    ...auction.bids.map(({ share, price }) => `${percent(share)} of all it had sold for ${money(price)}`),
    `then equity ${money(equity)}, needed ${money(maintenanceMargin)}`,
  ];
  narrator.say(lines.join('; '));

  narrator.stage(`What the liquidator won leaves on ${hub.name}, where neither the account nor it ever was, as it said with its bid`);
  const records: LiquidationRecord[] = [];
  for (const told of await view.all()) records.push(await followRecord(view, world.claims, told, wait));
  narrator.say(`${units(await heldBy(hub, 'USDC', RECEIVER), 6)} USDC at ${RECEIVER}`);
  return { deposits, records, lines };
}

async function health(view: AuctionsView, { account }: Trader): Promise<string> {
  const { equity, maintenanceMargin } = await view.risk(account);
  return `equity ${money(equity)}, maintenance margin ${money(maintenanceMargin)}`;
}

const money = (amount: bigint): string => units((amount / PERCENT) * PERCENT, 18);
const percent = (share: bigint): string => `${units((share * 1_000n) / CASH, 1)}%`;
