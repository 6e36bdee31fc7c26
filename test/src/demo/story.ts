import { performance } from 'node:perf_hooks';
import { checkInvariants } from '../invariants/index.js';
import { verdicts, type InvariantName } from '../invariants/report.js';
import { stageOf, type ClaimStage, type ClaimState } from '../harness/claims.js';
import { paidElsewhere, type LiquidationRecord } from '../harness/liquidation-records.js';
import type { StackChain } from '../harness/stack.js';
import { whole } from '../harness/tokens.js';
import type { Deposit, DepositOrder, User } from '../harness/user.js';
import { eventually } from '../harness/wait.js';
import { World, type WorldStage } from '../harness/world.js';
import { liquidatorPaidOn, tellLiquidation, type LiquidationTold } from './liquidation.js';
import type { Narrator } from './narrator.js';
import { PRICES } from './prices.js';
import { tellTrading, type TradingTold } from './trading.js';
import { tellWithdrawals } from './withdrawals.js';

/** The machine-readable outcome of the demo; later features add fields. */
export interface StoryResult {
  /** chains in the network, the hub included */
  readonly chains: number;
  /** deposits made in the vaults */
  readonly deposits: number;
  /** deposits that the hub credited */
  readonly credited: number;
  /** LayerZero packets that carried them */
  readonly packets: number;
  /** payouts asked for */
  readonly withdrawals: number;
  /** of these: paid to their receivers by the vaults */
  readonly paid: number;
  /** of these: refused by their receivers, and kept claimable; their owner then sent them elsewhere */
  readonly claimable: number;
  /** trades that the hub settled */
  readonly trades: number;
  /** auctions that are over, took collateral on two chains or more, and whose bidders were paid on one where nothing was taken: `records` with `counted` */
  readonly liquidations: number;
  /** every auction there was, from what it touched to what was paid for it */
  readonly records: readonly LiquidationLine[];
  /** from the start of this process to the first credit on the hub */
  readonly firstCreditSeconds: number;
  readonly totalSeconds: number;
  readonly invariants: Record<InvariantName, boolean>;
}

/** A record of a liquidation as JSON: integers that may exceed 2^53 are text. */
interface LiquidationLine {
  readonly id: string;
  readonly account: string;
  /** whether it is one of `liquidations` */
  readonly counted: boolean;
  /** endpoint ids of the chains whose collateral was taken */
  readonly chainsTouched: readonly number[];
  /** payouts that were chosen with bids, by the claims they became */
  readonly routes: readonly { readonly bidder: string; readonly claims: readonly string[] }[];
  readonly payouts: readonly {
    readonly claim: string;
    readonly eid: number;
    readonly receiver: string;
    readonly units: string;
    readonly state: ClaimStage;
  }[];
}

/** Where the story stands when it has been told. */
export interface Told {
  readonly result: StoryResult;
  readonly deposits: readonly Deposit[];
  readonly withdrawals: readonly ClaimState[];
  readonly trading: TradingTold;
  readonly liquidation: LiquidationTold;
  readonly user: User;
}

const BLOCK_MS = 500;
const AT_LOAD = 60;
/** Most seconds any step may take before the story is called failed. */
const STEP_MS = 90_000;

const STAGES: Record<WorldStage, string> = {
  'chains and database': 'Starting local chains and PostgreSQL',
  contracts: "Deploying LayerZero V2's and Lockstep's contracts",
  relayer: 'Starting the relayer',
  ready: 'The network is up',
};

/** Starts the network of the demo: a hub with a vault and two spokes. */
export function startNetwork(narrator: Narrator): Promise<World> {
  return World.start({
    spokes: 2,
    blockMs: BLOCK_MS,
    batching: { maxCount: AT_LOAD, maxAgeSeconds: 2, minCount: 1 },
    prices: PRICES,
    liquidator: ({ eid }) => liquidatorPaidOn(eid),
    onStage: (stage) => narrator.stage(STAGES[stage]),
  });
}

/** One account, owned by one key, fed from every chain: a first deposit, many at once, one in a hurry; ways out of it; then trades on it; last, one that falls below its margin. */
export async function tell(world: World, narrator: Narrator): Promise<Told> {
  const user = world.user(0);
  const { hub, chains } = world.stack;
  const spoke = chains.find((c) => c.eid !== hub.eid) ?? hub;
  const deposits: Deposit[] = [];

  narrator.stage(`A first deposit: 1,000 USDC on ${spoke.name}`);
  const first = await user.deposit({ chain: spoke, asset: 'USDC', amount: whole(spoke, 'USDC', 1_000n) });
  deposits.push(first);
  await follow(world, first, narrator);
  const firstCreditSeconds = performance.now() / 1000;
  narrator.say(`credited ${firstCreditSeconds.toFixed(1)} s after the start`);

  narrator.stage(`${AT_LOAD} deposits at once, on ${chains.length} chains, into the same account`);
  const orders = Array.from({ length: AT_LOAD }, (_, i) => order(chains[i % chains.length] ?? hub, i));
  const many = await user.depositMany(orders);
  deposits.push(...many);
  await eventually(
    'the deposits at load to be credited',
    async (note) => {
      const ended = await Promise.all(
        chains.map(async (c) => [...(await world.flow.endings(c.eid)).values()].filter((e) => e === 'credited').length),
      );
      const sum = ended.reduce((a, b) => a + b, 0);
      narrator.say(`${sum - 1} of ${AT_LOAD} credited`);
      note(`${sum} credited`);
      return sum > AT_LOAD ? true : undefined;
    },
    { timeoutMs: STEP_MS, everyMs: 500 },
  );

  narrator.stage(`One in a hurry: 2 WETH on ${spoke.name}, express`);
  const express = await user.deposit({ chain: spoke, asset: 'WETH', amount: whole(spoke, 'WETH', 2n), express: true });
  deposits.push(express);
  await follow(world, express, narrator);

  const left = await tellWithdrawals(world, narrator, STEP_MS);

  const trading = await tellTrading(world, narrator, STEP_MS);
  deposits.push(trading.deposit);

  const liquidation = await tellLiquidation(world, narrator, STEP_MS);
  deposits.push(...liquidation.deposits);
  const withdrawals = [...left, trading.claim, ...liquidation.records.flatMap(({ payouts }) => payouts)];

  narrator.stage('Evaluating the invariants on the chains and in the journal');
  await world.flow.settled({ timeoutMs: STEP_MS });
  const report = await checkInvariants(world.stack, (sql) => world.rows(sql));
  for (const v of report.violations) narrator.say(`${v.invariant} at ${v.where}: ${v.found}; expected ${v.expected}`);
  const endings = await Promise.all(chains.map((c) => world.flow.endings(c.eid)));
  const packets = await Promise.all(chains.map((c) => world.flow.packets(c)));
  return {
    deposits,
    withdrawals,
    trading,
    liquidation,
    user,
    result: {
      chains: chains.length,
      deposits: deposits.length,
      credited: endings.flatMap((e) => [...e.values()]).filter((e) => e === 'credited').length,
      packets: packets.reduce((a, b) => a + b, 0),
      withdrawals: withdrawals.length,
      paid: withdrawals.filter((w) => w.payout?.kind === 'paid').length,
      claimable: withdrawals.filter((w) => w.payout?.kind === 'claimed').length,
      trades: trading.trades.length,
      liquidations: liquidation.records.filter(paidElsewhere).length,
      records: liquidation.records.map(lineOf),
      firstCreditSeconds: round(firstCreditSeconds),
      totalSeconds: round(performance.now() / 1000),
      invariants: verdicts(report),
    },
  };
}

/** Whether every part of the story came out as it should. */
export function worked(result: StoryResult): boolean {
  const { chains, deposits, credited, withdrawals, paid, claimable, trades, liquidations, invariants } = result;
  const allIn = deposits > 0 && credited === deposits;
  const allOut = paid > 0 && claimable > 0 && paid + claimable === withdrawals;
  return chains >= 3 && allIn && allOut && trades >= 3 && liquidations >= 1 && Object.values(invariants).every(Boolean);
}

const lineOf = (record: LiquidationRecord): LiquidationLine => ({
  id: `${record.id}`,
  account: record.account,
  counted: paidElsewhere(record),
  chainsTouched: [...new Set(record.touched.map(({ eid }) => eid))],
  routes: record.routes.map(({ bidder, claims }) => ({ bidder, claims: claims.map(String) })),
  payouts: record.payouts.map((state) => ({
    ...{ claim: `${state.claim}`, eid: state.chain.eid, receiver: state.receiver, units: `${state.units}`, state: stageOf(state) },
  })),
});

const round = (s: number): number => Math.round(s * 10) / 10;

/** Settlement, collateral and the native coin in turn, of different sizes. */
function order(chain: StackChain, i: number): DepositOrder {
  const kinds = [
    { asset: 'USDC', amount: whole(chain, 'USDC', BigInt(50 + i)) },
    { asset: 'WETH', amount: whole(chain, 'WETH', 1n) / BigInt(10 + i) },
    { asset: 'ETH', amount: whole(chain, 'ETH', 1n) / BigInt(20 + i) },
  ];
  return { chain, ...(kinds[Math.floor(i / 3) % kinds.length] ?? { asset: 'USDC', amount: 1n }) };
}

/** Shows a deposit's stages as the relayer reports them, until it is credited. */
async function follow(world: World, deposit: Deposit, narrator: Narrator): Promise<void> {
  let shown = '';
  await eventually(
    `deposit ${deposit.sequence} of ${deposit.chain.name} to be credited`,
    async (note) => {
      const timeline = await world.relayer.api.deposit(deposit.chain.eid, deposit.sequence);
      const line = timeline.steps.map((s) => s.stage).join(' → ');
      if (line !== shown) narrator.say(line);
      shown = line;
      note(timeline);
      return timeline.state === 'delivered' ? true : undefined;
    },
    { timeoutMs: STEP_MS, everyMs: 100 },
  );
}
