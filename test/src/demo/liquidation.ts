import { encodeAccount } from '@lockstep/shared';
import { developmentUser, LIQUIDATORS } from '../harness/accounts.js';
import { AuctionsView, type ToldAuction } from '../harness/auctions.js';
import type { ClaimState } from '../harness/claims.js';
import { perpetual } from '../harness/markets.js';
import type { LiquidatorTerms } from '../harness/relayer.js';
import { CASH, freshAddress, whole } from '../harness/tokens.js';
import { Trader } from '../harness/trader.js';
import type { Deposit } from '../harness/user.js';
import { eventually } from '../harness/wait.js';
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

/** The relayer of the demo liquidates too: it bids with an account whose owner let its key trade for it. */
export const LIQUIDATOR: LiquidatorTerms = {
  key: KEY,
  bid: { account: encodeAccount({ owner: developmentUser(BIDDER).account.address, home: 0, subaccount: 0n }), budget: '50000' },
};

/** What the chapter came to. */
export interface LiquidationTold {
  readonly deposits: readonly Deposit[];
  readonly auctions: readonly ToldAuction[];
  /** one short line for each bid, and one for how the account stood afterwards */
  readonly lines: readonly string[];
  /** how the bidder was paid */
  readonly claims: readonly ClaimState[];
}

/**
 * User 2 buys a bitcoin on collateral of two chains; the price falls below what that carries. The liquidator sells as much of it as restores the
 * account, and its own owner is paid on the third chain.
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
  await world.withdrawer(BIDDER).setDelegate(hub, KEY.account.address, Permission.trade);
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

  narrator.stage(`The liquidator takes 250 USDC out on ${hub.name}, where it never was, and WETH on ${home.name}`);
  const weth = ((auction.bids[0]?.share ?? 0n) * whole(home, 'WETH', 1n)) / CASH;
  const legs = [
    { chain: hub, asset: 'USDC', fromCash: true, amount: 250n * CASH, receiver: freshAddress(4) },
    { chain: home, asset: 'WETH', amount: weth, receiver: freshAddress(5) },
  ];
  // It holds a part of the position, so its prices must be as new as the request; too late, they are signed again.
  const { claims } = await eventually(
    'the withdrawal to be taken',
    async () => {
      const prices = await world.signedPrices();
      return world.withdrawer(BIDDER).withdraw(legs, world.user(BIDDER).account(), prices);
    },
    wait,
  );
  await world.claims.reached(claims, 'paid', { timeoutMs });
  await world.claims.receipted(claims, { timeoutMs });
  return {
    deposits,
    auctions: await view.all(),
    lines,
    claims: await Promise.all(claims.map((claim) => world.claims.state(claim))),
  };
}

async function health(view: AuctionsView, { account }: Trader): Promise<string> {
  const { equity, maintenanceMargin } = await view.risk(account);
  return `equity ${money(equity)}, maintenance margin ${money(maintenanceMargin)}`;
}

const money = (amount: bigint): string => units((amount / PERCENT) * PERCENT, 18);
const percent = (share: bigint): string => `${units((share * 1_000n) / CASH, 1)}%`;
