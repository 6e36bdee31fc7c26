import { readFileSync } from 'node:fs';
import path from 'node:path';
import { csvRows } from '../../../src/risk/var/history.js';
import { simulatedPath } from '../../../src/risk/publish/path.js';

const folder = path.join(import.meta.dirname, '../../../../docs/examples/history');
const rows = (file: string): Record<string, string>[] => csvRows(readFileSync(path.join(folder, file), 'utf8'));
const DAY = 86_400;
const moves = (prices: readonly number[]): number[] => prices.slice(1).map((price, i) => Math.log(price / (prices[i] ?? price)));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const covariance = (a: readonly number[], b: readonly number[]): number =>
  mean(a.map((value, i) => (value - mean(a)) * ((b[i] ?? 0) - mean(b))));

describe('given the daily prices that ship for replays', () => {
  const daily = rows('btc-eth-usd.csv');
  const [btc, eth] = ['BTC', 'ETH'].map((column) => daily.map((row) => Number(row[column])));
  if (btc === undefined || eth === undefined) throw new Error('the file has no prices');

  it('are a year without a gap', () => {
    expect(daily).toHaveLength(365);
    const first = Date.parse(daily[0]?.['date'] ?? '');
    expect(daily.map(({ date }) => date)).toEqual(daily.map((_, i) => new Date(first + i * DAY * 1000).toISOString().slice(0, 10)));
  });
  it('hold the recorded closes of BTC', () => {
    expect(daily.map(({ BTC }) => BTC)).toEqual(rows('btc-usd.csv').map(({ BTC }) => BTC));
  });
  it('hold an ETH that was made up as the file says, and moves with BTC about as the real one did', () => {
    const start = btc[0] ?? 0;
    const own = simulatedPath(1, 1, 0.25, btc.length - 1, DAY).prices;
    const model = btc.map((price, i) => ((start / 20) * (price / start) ** 1.13 * (own[i] ?? 0)).toFixed(2));
    expect(daily.map(({ ETH }) => ETH)).toEqual(model);
    const [a, b] = [moves(btc), moves(eth)];
    const correlation = covariance(a, b) / Math.sqrt(covariance(a, a) * covariance(b, b));
    expect(correlation).toBeGreaterThan(0.82);
    expect(correlation).toBeLessThan(0.92);
  });
});
