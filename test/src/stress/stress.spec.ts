import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fundAbi, liquidationAbi, routesAbi } from '@lockstep/contracts';
import { LOCAL_LIQUIDATION } from '@lockstep/deployments';
import { liquidation } from '@lockstep/shared';
import { EID } from './deploy.js';
import { ofAll } from './figures.js';
import { Hub } from './hub.js';
import { pictureSvg } from './picture.js';
import { MODES } from './population.js';
import { NUMBER } from './prices.js';
import type { Replay } from './replay.js';
import { reportMarkdown } from './report.js';
import { ACCOUNTS, episodes, replayEpisode, SCENARIOS, SEED, type EpisodeResult } from './scenarios.js';

/** The shortest record. */
const episode = episodes().reduce((least, one) => (one.paths.BTC.length < least.paths.BTC.length ? one : least));
/** Sums of doubles are compared to this. */
const CENT = 0.01;
/** What a debt is at most in two hours, of what it was: deficits bear interest. */
const INTEREST = 1.0001;
const only = <T>(items: readonly T[]): T => {
  const [item] = items;
  if (item === undefined || items.length > 1) throw new Error(`there are ${items.length}; expected one`);
  return item;
};
const named = (name: string) => SCENARIOS.filter((scenario) => scenario.name === name);

describe('given 200 accounts and the shortest recorded fall, with messages at once and after four hours', () => {
  let result: EpisodeResult;
  // INV-CASH-1 and INV-POS-1 are checked at the end of each replay, INV-LIQ-1 and INV-LIQ-2 by the contracts in each bid.
  beforeAll(async () => {
    result = await replayEpisode(episode, [...named('messages at once'), ...named('240 minutes')], { seed: SEED, accounts: ACCOUNTS });
  }, 600_000);

  it('accounts of every mode are liquidated, and bidders take over what they lose', () => {
    for (const { byMode } of result.replays)
      for (const mode of MODES) {
        expect(byMode[mode].liquidatedAccounts).toBeGreaterThan(0);
        expect(byMode[mode].bids).toBeGreaterThan(0);
        expect(byMode[mode].liquidatedNotional).toBeGreaterThan(0);
        expect(byMode[mode].liquidatedNotional).toBeLessThan(byMode[mode].notional);
        expect(byMode[mode].worstHealth).toBeLessThan(1);
      }
  });

  it('the fund pays what its cash says, and covers all there is', () => {
    for (const replay of result.replays) {
      const used = ofAll(replay, ({ fundUse }) => fundUse);
      expect(used).toBeGreaterThan(0);
      // Start fees come in beside it.
      expect(replay.fundAfter).toBeGreaterThanOrEqual(replay.fundBefore - used - 1);
      expect(ofAll(replay, ({ badDebt }) => badDebt)).toBeLessThan(used);
    }
  });

  it('nothing that a keeper sends is refused but because another changed the same auction in the same block: the contracts see what it sees', () => {
    for (const { overtaken, refused } of result.replays) {
      expect(refused).toEqual({});
      // All of them see the same account at the same block, and each sends a start.
      expect(overtaken).toBeGreaterThan(0);
    }
  });

  it('owners send what they have to their accounts, and some of it comes too late when messages are slow', () => {
    const [quick, slow] = result.replays.map(({ topUps }) => topUps);
    expect(quick?.cash).toBeGreaterThan(0);
    expect(slow?.late).toBeGreaterThan(0);
  });

  it('the page and the picture show each run', () => {
    const page = reportMarkdown({ seed: SEED, accounts: ACCOUNTS, episodes: [result] });
    const svg = pictureSvg(result);
    for (const { scenario } of result.replays) {
      // Columns are as wide as their longest cell.
      expect(page).toMatch(new RegExp(`\\| ${scenario.name} +\\|`));
      expect(svg).toContain(scenario.name);
    }
    expect(svg).not.toContain('NaN');
    expect(page).not.toContain('NaN');
  });
});

describe('given a few accounts, an hour in which a third of the price goes, and a fund that pays a little of what is lost', () => {
  const crash: liquidation.StressEpisode = {
    ...episode,
    ...{ id: 'crash', name: 'crash' },
    paths: {
      BTC: [
        [0, 50_000, 50_000],
        [1, 33_000, 34_000],
        [2, 34_000, 34_000],
      ],
    },
  };
  const FUND_CASH = 100;
  let replay: Replay;
  beforeAll(async () => {
    const scenario = { name: 'small fund', delay: 0, halts: false, bidders: true, fund: FUND_CASH };
    const { replays } = await replayEpisode(crash, [scenario], { seed: 7, accounts: 9 });
    replay = only(replays);
  }, 120_000);

  it('those who gained pay a levy, and never more than the deficit it was opened for (INV-LEVY-1)', () => {
    expect(replay.levies.length).toBeGreaterThan(0);
    for (const { deficit, paid } of replay.levies) {
      expect(paid).toBeGreaterThan(0);
      expect(paid).toBeLessThanOrEqual(deficit + CENT);
    }
    const paid = replay.levies.reduce((sum, one) => sum + one.paid, 0);
    expect(ofAll(replay, ({ levy }) => levy)).toBeCloseTo(paid, 6);
    expect(replay.losses.levy).toBeCloseTo(paid, 6);
    expect(paid).toBeLessThanOrEqual(replay.losses.booked * INTEREST);
  });

  it('each loss has one payer: the fund at once, a levy, the fund later, all cash, or nobody yet', () => {
    const { booked, levy, levyToFund, covered, spread, owed, open } = replay.losses;
    const badDebt = ofAll(replay, (own) => own.badDebt);
    expect(badDebt).toBeCloseTo(booked + open, 6);
    expect(Math.abs(badDebt - (levy - levyToFund) - covered - spread - owed - open)).toBeLessThan(badDebt * (INTEREST - 1));
    // The fund has no more than it began with, start fees, and what a levy did not need.
    const fundUse = ofAll(replay, (own) => own.fundUse);
    expect(fundUse + covered).toBeGreaterThan(0);
    expect(replay.fundAfter).toBeGreaterThanOrEqual(replay.fundBefore - fundUse - covered - CENT);
    expect(replay.fundBefore).toBe(FUND_CASH);
  });
});

describe('given the hub of the replays', () => {
  let hub: Hub;
  beforeAll(async () => {
    const [first] = liquidation.stressSteps(episode);
    if (first === undefined) throw new Error('the episode has no prices');
    hub = await Hub.deploy(first, Date.parse(episode.startUtc) / 1_000);
  }, 60_000);
  afterAll(async () => hub.stop());

  it('fund, auctions, levy and routes are what a local network is deployed with', async () => {
    const { client } = hub.chain;
    const { at } = hub;
    const fund = { address: at.fund, abi: fundAbi } as const;
    const { tranches, exitDelaySeconds } = LOCAL_LIQUIDATION.fund;
    const trancheOf = (number: number) => client.readContract({ ...fund, functionName: 'trancheOf', args: [number] });
    expect([await trancheOf(NUMBER.BTC), await trancheOf(NUMBER.ETH)]).toEqual([tranches['BTC'], tranches['ETH']]);
    expect(await client.readContract({ ...fund, functionName: 'levy' })).toBe(at.levy);
    expect(await client.readContract({ ...fund, functionName: 'exitDelay' })).toBe(exitDelaySeconds);
    const auctions = { address: at.liquidation, abi: liquidationAbi } as const;
    expect(await client.readContract({ ...auctions, functionName: 'routes' })).toBe(at.routes);
    expect(await client.readContract({ ...auctions, functionName: 'deficitSink' })).toBe(at.levy);
    expect(await client.readContract({ ...auctions, functionName: 'termsOf' })).toEqual(LOCAL_LIQUIDATION.terms);
    expect(await client.readContract({ address: at.routes, abi: routesAbi, functionName: 'routes' })).toEqual(Object.values(EID));
  });
});

describe('given a few accounts and hours', () => {
  it('the same seed gives the same figures, to the last digit', async () => {
    const once = () => replayEpisode(episode, named('one chain halted'), { seed: 5, accounts: 9, steps: 12 });
    expect(await once()).toEqual(await once());
  }, 120_000);
});
