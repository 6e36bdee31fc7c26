import { beforeAll, describe, expect, it } from '@jest/globals';
import { pictureSvg } from './picture.js';
import { MODES } from './population.js';
import type { Replay } from './replay.js';
import { reportMarkdown } from './report.js';
import { ACCOUNTS, episodes, replayEpisode, SCENARIOS, SEED, type EpisodeResult } from './scenarios.js';

/** The shortest record. */
const episode = episodes().reduce((least, one) => (one.paths.BTC.length < least.paths.BTC.length ? one : least));
const named = (name: string) => SCENARIOS.filter((scenario) => scenario.name === name);

describe('given 200 accounts and the shortest recorded fall, with messages at once and after four hours', () => {
  let result: EpisodeResult;
  // INV-CASH-1 and INV-POS-1 are checked at the end of each replay, INV-LIQ-1 and INV-LIQ-2 by the contracts in each bid.
  beforeAll(async () => {
    result = await replayEpisode(episode, [...named('messages at once'), ...named('240 minutes')], { seed: SEED, accounts: ACCOUNTS });
  }, 600_000);

  const sum = (replay: Replay, of: (mode: (typeof MODES)[number]) => number): number => MODES.reduce((all, mode) => all + of(mode), 0);

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
      const used = sum(replay, (mode) => replay.byMode[mode].fundUse);
      expect(used).toBeGreaterThan(0);
      // Start fees come in beside it.
      expect(replay.fundAfter).toBeGreaterThanOrEqual(replay.fundBefore - used - 1);
      expect(sum(replay, (mode) => replay.byMode[mode].badDebt)).toBeLessThan(used);
    }
  });

  it('nothing that a keeper sends is refused but because another was first: the contracts see what it sees', () => {
    for (const { refused, byMode } of result.replays) {
      const { AuctionOpen: _opened, AuctionNotOpen: _ended, ...others } = refused;
      const bids = MODES.reduce((all, mode) => all + byMode[mode].bids, 0);
      expect(Object.values(others).reduce((all, count) => all + count, 0)).toBeLessThan(bids / 10);
      expect(Object.keys(refused)).not.toContain('HealthyAccount');
      expect(Object.keys(refused)).not.toContain('BidderBelowInitialMargin');
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

describe('given a few accounts and hours', () => {
  it('the same seed gives the same figures, to the last digit', async () => {
    const once = () => replayEpisode(episode, named('one chain halted'), { seed: 5, accounts: 9, steps: 12 });
    expect(await once()).toEqual(await once());
  }, 120_000);
});
