import { stageOf, type ClaimState } from '../harness/claims.js';
import { assetNamed, type StackChain } from '../harness/stack.js';
import { CASH, freshAddress, heldBy, whole } from '../harness/tokens.js';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';
import type { Narrator } from './narrator.js';
import { units } from './text.js';

/**
 * Four ways out of the account of user 0, at once: cash on a chain it was not deposited on, collateral at home, one asked for through a
 * spoke's log, and one to a contract that takes no coins, which its owner then sends elsewhere. @returns where each claim ended
 */
export async function tellWithdrawals(world: World, narrator: Narrator, timeoutMs: number): Promise<ClaimState[]> {
  const { hub, chains } = world.stack;
  const [home, away] = chains.filter((c) => c.eid !== hub.eid);
  if (!home || !away) throw new Error(`${chains.length} chains; expected the hub and two others`);
  const owner = world.withdrawer(0);
  const [wallet, other] = [freshAddress(1), freshAddress(2)];
  // It has no function that takes coins.
  const refuses = assetNamed(away, 'WETH').token;

  narrator.stage(
    `Four withdrawals: cash on ${away.name}, WETH at home on ${home.name}, one through ${home.name}'s log, one to a contract that refuses coins`,
  );
  const forced = await owner.requestFrom(home, { chain: hub, asset: 'USDC', fromCash: true, amount: 100n * CASH, receiver: wallet });
  const { claims } = await owner.withdraw([
    { chain: away, asset: 'USDC', fromCash: true, amount: 250n * CASH, receiver: wallet },
    { chain: home, asset: 'WETH', amount: whole(home, 'WETH', 1n), receiver: wallet },
    { chain: away, asset: 'ETH', amount: whole(away, 'ETH', 1n) / 50n, receiver: refuses },
  ]);
  const all = await eventually(
    'the withdrawals to be paid or claimable',
    async (note) => {
      const decided = await world.claims.ofRequest(forced);
      const states = await Promise.all([...claims, ...(decided ? [decided] : [])].map((c) => world.claims.state(c)));
      const words = states.map((s) => `${s.claim} ${stageOf(s)}`).join(', ');
      narrator.say(decided ? words : `${words}, one on its way through the log`);
      note(words);
      return decided && states.every((s) => s.payout) ? states : undefined;
    },
    { timeoutMs, everyMs: 300 },
  );

  const refused = all.find((s) => s.payout?.kind === 'claimable');
  if (!refused) throw new Error('no withdrawal became claimable; expected the one to a contract that refuses coins');
  narrator.stage(`Claim ${refused.claim} is claimable on ${away.name}: its owner sends it elsewhere`);
  await owner.claimTo(away, refused.orderSequence, other);
  narrator.say(`${await describe(away, 'ETH', other)} at ${other}`);
  await world.claims.receipted(
    all.map((s) => s.claim),
    { timeoutMs },
  );
  return Promise.all(all.map((s) => world.claims.state(s.claim)));
}

async function describe(chain: StackChain, symbol: string, holder: `0x${string}`): Promise<string> {
  return `${units(await heldBy(chain, symbol, holder), assetNamed(chain, symbol).decimals)} ${symbol}`;
}
