import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { marginAnswer } from '../src/cli/margin.js';

const root = path.join(import.meta.dirname, '../..');
const example = path.join(root, 'docs/examples/straddle.json');
const folder = mkdtempSync(path.join(tmpdir(), 'margin-'));
const file = (name: string, text: string): string => {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};
const problems = (portfolio: string, params: string): string => {
  const answer = marginAnswer({ portfolio, params });
  return answer.kind === 'refused' ? answer.problems.join('\n') : '';
};

describe('given lockstep margin', () => {
  it('prints the same for a parameter set by name and by file', () => {
    const [byName, byFile] = ['lockstep', path.join(root, 'shared/src/risk/parameters/lockstep.json')].map((params) =>
      marginAnswer({ portfolio: example, params, json: true }),
    );
    expect(byName).toEqual(byFile);
    expect(byName?.kind === 'report' ? JSON.parse(byName.output) : null).toMatchObject({ standing: 'healthy' });
  });
  it('writes a page and a picture', () => {
    const [html, svg] = [path.join(folder, 'out.html'), path.join(folder, 'out.svg')];
    marginAnswer({ portfolio: example, params: 'derive-like', html, svg });
    expect(readFileSync(html, 'utf8')).toContain('<h1>Derive-like portfolio margin</h1>');
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [^]*<\/svg>\n$/);
  });
  it('adds tails with a history, and says when it has no column for an underlying', () => {
    const history = path.join(root, 'docs/examples/history/btc-usd.csv');
    const answer = marginAnswer({ portfolio: example, params: 'lockstep', history, json: true });
    expect(answer.kind === 'report' ? JSON.parse(answer.output) : null).toMatchObject({ tails: { level: 0.99, days: 364, window: 182 } });
    const other = marginAnswer({ portfolio: path.join(root, 'docs/examples/calendar.json'), params: 'lockstep', history });
    expect(other).toEqual({
      kind: 'refused',
      problems: ['history at [0]: has no price of ETH; expected one in every row, beside BTC'],
    });
  });
  it('says which file cannot be read, is not JSON, or does not fit', () => {
    expect(problems(path.join(folder, 'none.json'), 'lockstep')).toMatch(
      /^portfolio .*none\.json: .*ENOENT.*; expected a file that can be read$/,
    );
    expect(problems(file('bad.json', '{"cash": }'), 'lockstep')).toMatch(/^portfolio .*bad\.json: Unexpected token.*; expected JSON$/);
    expect(problems(example, 'lockstap')).toContain('or one of the names that ship: lockstep, lockstep-cross');
    expect(problems(file('word.json', '{"cash": "ten"}'), 'lockstep')).toBe(
      'portfolio at cash: "ten" is not a decimal; expected digits with at most 18 places, such as "0.25"',
    );
  });
});
