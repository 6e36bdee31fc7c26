import type { Moment } from './figures.js';
import type { EpisodeResult } from './scenarios.js';
import { money, titleOf } from './report.js';

const WIDTH = 980;
const LEFT = 70;
const RIGHT = 210;
const PANEL = 150;
const GAP = 44;
const TOP = 64;
const COLOURS = ['#1b7f5c', '#3a6ea5', '#7a5195', '#d1495b', '#c98a1b', '#2f9aa8', '#555555'] as const;

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

interface Line {
  readonly colour: string;
  readonly dashed: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** One panel: lines over the hours of an episode, with least and most beside it. */
function panel(title: string, top: number, hours: number, lines: readonly Line[], fromZero: boolean): string {
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const most = Math.max(...values, fromZero ? 1 : -Infinity);
  const least = fromZero ? Math.min(0, ...values) : Math.min(...values);
  const span = most - least || 1;
  const x = (hour: number): string => (LEFT + (hour / hours) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number): string => (top + PANEL - ((value - least) / span) * PANEL).toFixed(1);
  const ticks = Array.from({ length: Math.floor(hours / 6) + 1 }, (_, at) => at * 6);
  return [
    `<text x="${LEFT}" y="${top - 10}" class="title">${escape(title)}</text>`,
    `<rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${PANEL}" fill="#f7f9fc" stroke="#c9d3e2"/>`,
    ...ticks.map(
      (hour) =>
        `<line x1="${x(hour)}" y1="${top}" x2="${x(hour)}" y2="${top + PANEL}" stroke="#e3e9f2"/><text x="${x(hour)}" y="${top + PANEL + 16}" class="tick" text-anchor="middle">${hour} h</text>`,
    ),
    `<text x="${LEFT - 8}" y="${top + 12}" class="tick" text-anchor="end">${money(most)}</text>`,
    `<text x="${LEFT - 8}" y="${top + PANEL}" class="tick" text-anchor="end">${money(least)}</text>`,
    ...lines.map(
      ({ colour, dashed, points }) =>
        `<polyline fill="none" stroke="${colour}" stroke-width="1.8"${dashed ? ' stroke-dasharray="5 4"' : ''} points="${points.map(([hour, value]) => `${x(hour)},${y(value)}`).join(' ')}"/>`,
    ),
  ].join('\n');
}

/** Price, cumulative liquidated notional, what insolvent accounts owe, and the fund, in every run of an episode, as an SVG document. */
export function pictureSvg(episode: EpisodeResult): string {
  const { replays, hours } = episode;
  const linesOf = (of: (moment: Moment) => number): Line[] =>
    replays.map(({ moments, scenario }, at) => ({
      colour: COLOURS[at % COLOURS.length] ?? '#000000',
      dashed: !scenario.bidders,
      points: moments.map((moment) => [moment.seconds / 3_600, of(moment)] as const),
    }));
  const [first] = replays;
  const price: Line[] =
    first === undefined
      ? []
      : [{ colour: '#16233b', dashed: false, points: first.moments.map(({ seconds, bitcoin }) => [seconds / 3_600, bitcoin] as const) }];
  const panels: readonly (readonly [title: string, lines: Line[], fromZero: boolean])[] = [
    ['BTC', price, false],
    ['Notional liquidated so far', linesOf(({ liquidated }) => liquidated), true],
    ['What insolvent accounts owe', linesOf(({ shortfall }) => shortfall), true],
    ['Insurance fund', linesOf(({ fund }) => fund), true],
  ];
  const height = TOP + panels.length * (PANEL + GAP) + 10;
  const legend = replays.map(
    ({ scenario }, at) =>
      `<line x1="${WIDTH - RIGHT + 20}" y1="${TOP + PANEL + GAP + 14 + at * 24}" x2="${WIDTH - RIGHT + 48}" y2="${TOP + PANEL + GAP + 14 + at * 24}" stroke="${COLOURS[at % COLOURS.length]}" stroke-width="3"${scenario.bidders ? '' : ' stroke-dasharray="5 4"'}/><text x="${WIDTH - RIGHT + 56}" y="${TOP + PANEL + GAP + 18 + at * 24}" class="line">${escape(scenario.name)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif">
<style>.head{font-size:20px;font-weight:600;fill:#16233b}.title{font-size:14px;font-weight:600;fill:#16233b}.line{font-size:13px;fill:#26324a}.tick{font-size:11px;fill:#51607a}</style>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="${LEFT}" y="30" class="head">${escape(`${titleOf(episode)}, ${episode.id}`)}</text>
${panels.map(([title, lines, fromZero], at) => panel(title, TOP + at * (PANEL + GAP), hours, lines, fromZero)).join('\n')}
${legend.join('\n')}
</svg>
`;
}
