import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fundAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { assertSound } from './checks.js';
import { Hub } from './hub.js';
import { population } from './population.js';
import { Run, type Replay, type Scenario } from './replay.js';
import { populate, type BidderPlan } from './setup.js';

const MINUTE = 60;

/** What the insurance fund begins with, cash, but where it is said to have less. */
export const FUND = 2_000_000;
export const SMALL_FUND = FUND / 10;

/** What each episode is replayed with. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'messages at once', delay: 0, halts: false, bidders: true, fund: FUND },
  { name: '15 minutes', delay: 15 * MINUTE, halts: false, bidders: true, fund: FUND },
  { name: '60 minutes', delay: 60 * MINUTE, halts: false, bidders: true, fund: FUND },
  { name: '240 minutes', delay: 240 * MINUTE, halts: false, bidders: true, fund: FUND },
  { name: 'one chain halted', delay: 15 * MINUTE, halts: true, bidders: true, fund: FUND },
  { name: 'a tenth of the fund', delay: 15 * MINUTE, halts: false, bidders: true, fund: SMALL_FUND },
  { name: 'nobody bids', delay: 15 * MINUTE, halts: false, bidders: false, fund: FUND },
];

/** Capital, and the least gain each asks for, of the maintenance margin it takes over. */
export const BIDDERS: readonly BidderPlan[] = [
  { name: 'quick', capital: 2_000_000, required: 0.05 },
  { name: 'steady', capital: 6_000_000, required: 0.15 },
  { name: 'patient', capital: 20_000_000, required: 0.4 },
];
export const ACCOUNTS = 200;
export const SEED = 20_260_101;
/** Blocks of the set-up lie before the first price. */
const SET_UP_SECONDS = 300;

export interface EpisodeResult {
  readonly id: string;
  readonly name: string;
  readonly hours: number;
  /** lowest price of the path over the first, less 1 */
  readonly falls: Readonly<Record<'BTC' | 'ETH', number>>;
  readonly replays: readonly Replay[];
}

export interface Options {
  readonly seed: number;
  readonly accounts: number;
  /** steps of an episode to replay; default: all */
  readonly steps?: number;
  readonly say?: (text: string) => void;
}

/** The recorded episodes. @throws Error naming what is wrong with the file */
export function episodes(): liquidation.StressEpisode[] {
  const file = path.join(import.meta.dirname, '../../../shared/vectors/stress/paths.json');
  return liquidation.StressFile.parse(JSON.parse(readFileSync(file, 'utf8'))).episodes;
}

/** Length of what is replayed. */
export const hoursOf = (steps: readonly liquidation.StressStep[]): number => Math.round((steps.at(-1)?.seconds ?? 0) / 3_600);

/** How far prices fell at the lowest. */
export function fallsOf(steps: readonly liquidation.StressStep[]): EpisodeResult['falls'] {
  const lowest = (name: 'BTC' | 'ETH'): number => Math.min(...steps.map((step) => step[name].price)) / (steps[0]?.[name].price ?? 1) - 1;
  return { BTC: lowest('BTC'), ETH: lowest('ETH') };
}

/** Replays one episode under each scenario, from the same first block. */
export async function replayEpisode(
  episode: liquidation.StressEpisode,
  scenarios: readonly Scenario[],
  { seed, accounts, steps: most, say }: Options,
): Promise<EpisodeResult> {
  const steps = liquidation.stressSteps(episode).slice(0, most);
  const [first] = steps;
  if (first === undefined) throw new Error(`episode ${episode.id} has no prices; expected at least two hours`);
  const startsAt = Date.parse(episode.startUtc) / 1_000;
  const hub = await Hub.deploy(first, startsAt - SET_UP_SECONDS);
  try {
    // CAST: the contract's accounts are account ids.
    const fund = (await hub.chain.client.readContract({ address: hub.at.fund, abi: fundAbi, functionName: 'account' })) as AccountId;
    const market = await populate(hub, population(seed, accounts), BIDDERS, fund, first, startsAt);
    const everyone = [...market.traders, ...market.bidders].map(({ account }) => account).concat(market.makers);
    const replays: Replay[] = [];
    let back = await hub.snapshot();
    for (const scenario of scenarios) {
      say?.(`${episode.id}: ${scenario.name}`);
      replays.push(await new Run(hub, market, steps, startsAt, scenario).through());
      await assertSound(hub, everyone);
      await back();
      // A snapshot is used up when it is gone back to.
      back = await hub.snapshot();
    }
    return { id: episode.id, name: episode.name, hours: hoursOf(steps), falls: fallsOf(steps), replays };
  } finally {
    await hub.stop();
  }
}
