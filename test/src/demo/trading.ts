import { iLedgerAbi, iMarginAbi } from '@lockstep/contracts';
import type { exchange } from '@lockstep/shared';
import type { ClaimState } from '../harness/claims.js';
import { isListed, option, perpetual, tradedExpiry } from '../harness/markets.js';
import type { TradeView } from '../harness/relayer-api.js';
import type { StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { Trader } from '../harness/trader.js';
import type { Deposit } from '../harness/user.js';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';
import type { Narrator } from './narrator.js';
import { moveBitcoin } from './prices.js';
import { units } from './text.js';

/** How the price rises while the account holds its perpetual. */
const RISE = [58_500, 59_100, 59_700] as const;
const STRIKE = 60_000n;
const TENTH = CASH / 10n;
const TICK = CASH / 100n;

/** A trade in words. */
export interface ToldTrade {
  readonly what: string;
  readonly side: exchange.Side;
  readonly size: string;
  readonly price: string;
  readonly fee: string;
}

/** What the trading chapter came to. */
export interface TradingTold {
  /** what the market maker put in */
  readonly deposit: Deposit;
  /** settled by the hub, oldest first */
  readonly trades: readonly ToldTrade[];
  /** what the account still holds */
  readonly positions: readonly string[];
  /** realised by the perpetual, 18 decimals */
  readonly profit: bigint;
  /** the claim that paid it */
  readonly claim: ClaimState;
}

/**
 * User 0 buys a perpetual and a call from a market maker, on all it deposited anywhere; sells the perpetual when the price has risen, and
 * takes the profit out on another chain. Orders are signed, handed to the relayer and settled by the hub.
 */
export async function tellTrading(world: World, narrator: Narrator, timeoutMs: number): Promise<TradingTold> {
  const { hub, chains } = world.stack;
  const [home, away] = chains.filter((c) => c.eid !== hub.eid);
  if (!home || !away) throw new Error(`${chains.length} chains; expected the hub and two others`);
  const { api } = world.relayer;
  const [trader, maker] = [new Trader(hub, api, world.user(0)), new Trader(hub, api, world.user(1))];
  const contract = perpetual('BTC');
  const call = option('call', 'BTC', tradedExpiry(Date.now() / 1_000), STRIKE);
  const wait = { timeoutMs, everyMs: 200 };

  narrator.stage(`A market maker brings 200,000 USDC to ${away.name}`);
  const deposit = await maker.user.deposit({ chain: away, asset: 'USDC', amount: whole(away, 'USDC', 200_000n), express: true });
  await world.flow.ended([deposit], 'credited', { timeoutMs });

  await eventually('the call to be listed', async () => ((await isListed(hub, call)) ? true : undefined), wait);

  narrator.stage('He offers a BTC perpetual and a call; the account buys a tenth of each, on everything it deposited anywhere');
  const entry = await moveBitcoin(world, RISE[0], wait);
  const premium = entry / 200n;
  await maker.place({ instrument: contract, side: 'sell', size: CASH, limit: entry });
  await maker.place({ instrument: call, side: 'sell', size: CASH, limit: premium });
  await trader.place({ instrument: contract, side: 'buy', size: TENTH, limit: entry });
  await trader.place({ instrument: call, side: 'buy', size: TENTH, limit: premium });
  await trader.settled(2);
  const { equity, initialMargin } = await hub.client.readContract({
    ...{ address: hub.margin, abi: iMarginAbi, functionName: 'riskOf', args: [trader.account] },
  });
  narrator.say(`settled: bought at ${money(entry)}; equity ${money(equity)}, initial margin ${money(initialMargin)}`);

  narrator.stage('The price rises by two percent: the perpetual is sold');
  let exit = entry;
  for (const price of RISE) {
    exit = await moveBitcoin(world, price, wait);
    narrator.say(`BTC at ${money(exit)}`);
  }
  const before = await cashOf(world, trader);
  await maker.place({ instrument: contract, side: 'buy', size: TENTH, limit: exit });
  await trader.place({ instrument: contract, side: 'sell', size: TENTH, limit: exit, reduceOnly: true }, 'ioc');
  const trades = await trader.settled(3);
  const profit = (await cashOf(world, trader)) - before;
  narrator.say(`settled: sold at ${money(exit)}; profit ${money(profit)}`);

  narrator.stage(`The profit is withdrawn on ${away.name}, asked for through ${home.name}'s log: prices must be signed after it was`);
  const claim = await takeOut(world, narrator, { home, away, amount: profit, timeoutMs });
  return {
    deposit,
    trades: [...trades].reverse().map((trade) => toldTrade(trade, trader, call)),
    positions: [`0.1 BTC call, strike ${money(STRIKE * CASH)}`],
    profit,
    claim,
  };
}

/** Withdraws cash of user 0 on a chain, whole units of its token, and waits for the receipt. */
async function takeOut(
  world: World,
  narrator: Narrator,
  { home, away, amount, timeoutMs }: { home: StackChain; away: StackChain; amount: bigint; timeoutMs: number },
): Promise<ClaimState> {
  const receiver = freshAddress(3);
  const unit = CASH / whole(away, 'USDC', 1n);
  const leg = { chain: away, asset: 'USDC', fromCash: true, amount: (amount / unit) * unit, receiver };
  const request = await world.withdrawer(0).requestFrom(home, leg);
  const claim = await eventually(
    'the profit to be paid',
    async (note) => {
      const decided = await world.claims.ofRequest(request);
      const state = decided === undefined ? undefined : await world.claims.state(decided);
      note(state);
      return state?.payout ? decided : undefined;
    },
    { timeoutMs, everyMs: 300 },
  );
  await world.claims.receipted([claim], { timeoutMs });
  narrator.say(`${units(await heldBy(away, 'USDC', receiver), 6)} USDC at ${receiver}`);
  return world.claims.state(claim);
}

const money = (amount: bigint): string => units((amount / TICK) * TICK, 18);

const cashOf = (world: World, { account }: Trader): Promise<bigint> =>
  world.stack.hub.client.readContract({ address: world.stack.hub.ledger, abi: iLedgerAbi, functionName: 'cashOf', args: [account] });

function toldTrade({ instrument, size, price, buyer, buyFee, sellFee }: TradeView, { account }: Trader, call: bigint): ToldTrade {
  const side = buyer === account ? 'buy' : 'sell';
  const what = instrument === call ? `BTC call, strike ${money(STRIKE * CASH)}` : 'BTC perpetual';
  return { what, side, size: units(size, 18), price: money(price), fee: units(side === 'buy' ? buyFee : sellFee, 18) };
}
