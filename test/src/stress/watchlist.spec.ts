import { describe, expect, it } from '@jest/globals';
import type { liquidation } from '@lockstep/shared';
import fc from 'fast-check';
import { notionalOf } from './figures.js';
import { population, type AccountPlan } from './population.js';
import { money, percent, reportMarkdown, shortRow, textTable } from './report.js';
import type { Replay } from './replay.js';
import { FUND, SMALL_FUND } from './scenarios.js';
import { exposureOf, FAR, mayBeNear, mayBeUneasy } from './watchlist.js';

const STARTS_AT = 1_700_000_000;
const at = (bitcoin: number, ether: number, volatility = 0.6): liquidation.StressStep => ({
  seconds: 0,
  BTC: { price: bitcoin, volatility },
  ETH: { price: ether, volatility },
});
const FIRST = at(50_000, 2_000);
const perpetual = (notional: number): AccountPlan => ({
  mode: 'cross',
  positions: [{ kind: 'perpetual', underlying: 'BTC', notional }],
  coverage: 5,
  holdings: [{ chain: 'hub', asset: 'USDC', weight: 1 }],
  owner: { looksEvery: 0, tripsAt: 1.5, tops: 2, savings: 0, chain: 'hub' },
});

describe('given an account that was valued at earlier prices', () => {
  it('a perpetual that loses as much as it can is near before its health is', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.3, max: 1.5, noNaN: true }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.boolean(),
        (factor, ratio, isLong) => {
          const notional = isLong ? 100_000 : -100_000;
          const [equity, rate] = [100_000 * ratio, 0.03];
          const plan = perpetual(notional);
          const now = at(50_000 * factor, 2_000);
          const exposure = exposureOf(plan, equity, FIRST, STARTS_AT);
          const left = equity + notional * (factor - 1);
          const margin = 100_000 * factor * rate;
          if (left < FAR * margin) expect(mayBeNear(exposure, { equity, margin: 100_000 * rate }, FIRST, now)).toBe(true);
        },
      ),
    );
  });

  it('one that is far stays unread while prices stand still, and a larger move never makes it farther', () => {
    const exposure = exposureOf(perpetual(100_000), 50_000, FIRST, STARTS_AT);
    const known = { equity: 50_000, margin: 3_000 };
    expect(mayBeNear(exposure, known, FIRST, FIRST)).toBe(false);
    const near = [0.99, 0.95, 0.9, 0.8, 0.5].map((factor) => mayBeNear(exposure, known, FIRST, at(50_000 * factor, 2_000)));
    expect(near).toEqual([...near].sort((a, b) => Number(a) - Number(b)));
    expect(near.at(-1)).toBe(true);
  });

  it('volatility counts for options, and collateral for the coin it is', () => {
    const options = population(3, 60).filter(({ positions }) => positions.some(({ kind }) => kind !== 'perpetual'));
    for (const plan of options) {
      const exposure = exposureOf(plan, 10_000, FIRST, STARTS_AT);
      expect(exposure.vega.BTC + exposure.vega.ETH).toBeGreaterThan(0);
    }
    const inCoins: AccountPlan = { ...perpetual(100), holdings: [{ chain: 'north', asset: 'WETH', weight: 1 }] };
    expect(exposureOf(inCoins, 20_000, FIRST, STARTS_AT).units.ETH).toBe(10);
  });

  it('makers and bidders are looked at when they are not at ease, or prices moved', () => {
    expect(mayBeUneasy({ equity: 2, margin: 1 }, FIRST, FIRST)).toBe(true);
    expect(mayBeUneasy({ equity: 4, margin: 1 }, FIRST, FIRST)).toBe(false);
    expect(mayBeUneasy({ equity: 4, margin: 1 }, FIRST, at(48_000, 2_000))).toBe(true);
  });
});

describe('given what moved in a bid, as words', () => {
  it('its notional is size and lots at the marks', () => {
    // Of underlying 1: −2 units of the perpetual and one word of options: 500 lots of a call, −250 of a put.
    const size = BigInt.asUintN(104, -2n * 10n ** 18n);
    const option = (series: bigint, lots: bigint): bigint => series | (BigInt.asUintN(33, lots) << 9n);
    const words = [1n | (1n << 16n) | (size << 24n), option(4n, 500n) | (option(7n, -250n) << 42n)];
    expect(notionalOf(words, FIRST)).toBeCloseTo(50_000 * 2.75, 6);
    expect(notionalOf([], FIRST)).toBe(0);
  });
});

describe('given figures to print', () => {
  it.each([
    [0.2, '0'],
    [999, '999'],
    [12_345, '12.3k'],
    [123_456, '123k'],
    [1_234_567, '1.23M'],
    [-2_500_000, '-2.50M'],
  ])('%d is %s', (value, text) => expect(money(value)).toBe(text));
  it('shares below a tenth keep a decimal', () => expect([percent(0.5), percent(0.0625)]).toEqual(['50%', '6.3%']));
  it('an episode in short says what its runs lie between', () => {
    const mode = { accounts: 1, notional: 100, liquidatedAccounts: 1, auctions: 1, bids: 1, discounts: 0, levy: 0, worstHealth: -1 };
    const replay = (fund: number, bidders: boolean, liquidatedNotional: number, fundUse: number, badDebt: number): Replay => {
      const own = { ...mode, liquidatedNotional, fundUse, badDebt };
      const losses = { booked: 4 * badDebt, covered: 0, levy: 3 * badDebt + 1, levyToFund: 1, spread: badDebt, owed: 0, open: 0 };
      return {
        scenario: { name: 'run', delay: 0, halts: false, bidders, fund },
        byMode: { isolated: own, cross: own, portfolio: own },
        others: own,
        ...{ fundBefore: 0, fundAfter: 0, losses, levies: [], overtaken: 0, refused: {}, moments: [] },
        ...{ topUps: { sent: 0, cash: 0, late: 0 }, gas: { starts: 0, bids: 0 } },
      };
    };
    const replays = [
      replay(FUND, true, 20, 1_000, 2),
      replay(FUND, true, 30, 1_000, 0),
      replay(SMALL_FUND, true, 30, 100, 100),
      replay(FUND, false, 0, 0, 5_000),
    ];
    const episode = { id: '2020-01-01', name: 'a fall', hours: 2, falls: { BTC: -0.5, ETH: -0.0625 }, replays };
    const row = ['A fall', '-50%', '-6.3%', '20% … 30%', '4.0k', '0 … 8', '0 … 6', '0 … 2', '400', '300', '100', '20.0k'];
    expect(shortRow(episode)).toEqual(row);
    const alone = ['A fall', '-50%', '-6.3%', '', '', '', '', '', '', '', '', '20.0k'];
    expect(shortRow({ ...episode, replays: replays.slice(3) })).toEqual(alone);
    const page = reportMarkdown({ seed: 1, accounts: 3, episodes: [episode] });
    expect(page).toContain(`| ${row.slice(0, 1).join('')}  | ${row.slice(1, 2).join('')} |`);
    expect(page).toContain('## A fall, 2020-01-01: 2 hours, BTC -50%, ETH -6.3% at the lowest');
  });
  it('columns stand under their heads', () => expect(textTable(['run', 'n'], [['first', '10']])).toBe('run     n\nfirst  10'));
});
