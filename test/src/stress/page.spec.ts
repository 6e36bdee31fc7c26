import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { liquidation } from '@lockstep/shared';
import { pictureOf, reportMarkdown, ROWS, titleOf, type StressReport } from './report.js';
import { ACCOUNTS, episodes, fallsOf, hoursOf, SCENARIOS, SEED } from './scenarios.js';

const DOCS = path.join(import.meta.dirname, '../../../docs');
const page = readFileSync(path.join(DOCS, 'stress.md'), 'utf8');
const bare: StressReport = {
  ...{ seed: SEED, accounts: ACCOUNTS },
  episodes: episodes().map((episode) => {
    const steps = liquidation.stressSteps(episode);
    return { id: episode.id, name: episode.name, hours: hoursOf(steps), falls: fallsOf(steps), replays: [] };
  }),
};
/** Tables are figures; everything else is words of the command. */
const words = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('|'));
const cells = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('given the page of replays in docs', () => {
  it('its words are those of the command: nobody wrote there', () => expect(words(page)).toEqual(words(reportMarkdown(bare))));

  it.each(bare.episodes)('$id has every run and mode once, and its picture', (episode) => {
    const section = page.slice(page.indexOf(`## ${titleOf(episode)}, ${episode.id}`)).split('\n## ')[0] ?? '';
    const rows = section
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| -'))
      .map(cells);
    const names = SCENARIOS.map(({ name }) => name);
    expect(rows.filter(([, second]) => !ROWS.some((mode) => mode === second)).map(([name]) => name)).toEqual(['run', ...names, 'run']);
    expect(rows.filter(([, second]) => ROWS.some((mode) => mode === second)).map(([name, mode]) => `${name} ${mode}`)).toEqual(
      names.flatMap((name) => ROWS.map((mode) => `${name} ${mode}`)),
    );
    expect(readFileSync(path.join(DOCS, 'images', pictureOf(episode.id)), 'utf8')).toContain('<svg');
  });
});
