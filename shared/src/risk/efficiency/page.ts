import { formatDecimal, max, WAD } from '../decimal.js';
import { tableText } from '../report/page.js';
import { escapeText } from '../report/picture.js';
import { amount, type Table } from '../report/tables.js';
import { MODES, type BookEfficiency, type MarginMode } from './efficiency.js';

/** Capital efficiency for people: tables and a picture, as text. Pure: the same figures give the same bytes. */

const times = (ratio: bigint): string => `${amount(ratio, 1)}×`;

/** The mode that asks least of a book; the simplest one of several. */
const leastOf = ({ modes }: BookEfficiency): MarginMode | undefined =>
  modes.reduce((best, mode) => (mode.initialMargin < best.initialMargin ? mode : best), modes[0] ?? { mode: undefined, initialMargin: 0n })
    .mode;

/** Margins, and what a unit of margin and of collateral carries. */
function efficiencyTables(books: readonly BookEfficiency[]): Table[] {
  const cells = (book: BookEfficiency, of: (mode: BookEfficiency['modes'][number]) => string): string[] => [
    book.name,
    ...book.modes.map(of),
  ];
  return [
    {
      title: 'Initial margin (maintenance margin), cash',
      columns: ['book', 'notional', ...MODES],
      rows: books.map((book) => {
        const [name = '', ...margins] = cells(book, (mode) => `${amount(mode.initialMargin, 0)} (${amount(mode.maintenanceMargin, 0)})`);
        return [name, amount(book.notional, 0), ...margins];
      }),
    },
    {
      title: 'Notional per initial margin',
      columns: ['book', ...MODES, 'least asked by'],
      rows: books.map((book) => [...cells(book, (mode) => times(mode.notionalPerMargin)), leastOf(book) ?? '']),
    },
    {
      title: 'Notional per collateral that must be in the account',
      columns: ['book', ...MODES],
      rows: books.map((book) => cells(book, (mode) => times(mode.notionalPerCollateral))),
    },
  ];
}

/** The tables for a terminal. */
export const efficiencyText = (books: readonly BookEfficiency[]): string => efficiencyTables(books).map(tableText).join('\n\n');

/** A table as Markdown, padded as formatters pad it. */
function markdownTable({ columns, rows }: Table): string {
  const all = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(3, ...all.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const padded = (row: readonly string[]): string[] =>
    widths.map((width, column) => (column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)));
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(padded(columns)), line(rule), ...rows.map((row) => line(padded(row)))].join('\n');
}

/** The page of the docs. */
export function efficiencyMarkdown(books: readonly BookEfficiency[]): string {
  return [
    '# How far capital goes',
    'What standard books need under each margin mode, with the default parameters. Written by `npm run -s lockstep -- books --docs docs`; a test keeps this page equal to what the command writes.',
    '![Notional per initial margin of standard books under isolated, cross and portfolio margin](images/capital-efficiency.svg)',
    ...efficiencyTables(books).flatMap((table) => [`## ${table.title}`, markdownTable(table)]),
    '## The books',
    books.map(({ name, holds }) => `- **${name}**: ${holds}.`).join('\n'),
    'Spot is 60,000 for BTC and 3,000 for ETH; everything is bought at its mark. Notional adds up perpetuals at mark and options at spot, long and short. Margin includes the haircut on collateral of the book itself. Collateral is the least that must be in the account: the margin, or what the book itself holds if that is worth more; what is above the margin secures other positions.',
    '## What to read from it',
    'Isolated margin adds up the positions, each in a sub-account of its own. Cross margin nets options of one expiry (the call spread can lose only the distance of its strikes) and nothing else. Portfolio margin nets whatever moves together: expiries, options against perpetuals and against collateral, correlated underlyings. It also asks what a move of 16% would cost, so a book that is not hedged can need more than the closed forms ask, and the account may choose.',
    COVERED_CALL,
  ].join('\n\n');
}

/** The figures are checked by shared/test/risk/efficiency.spec.ts. */
const COVERED_CALL =
  'The covered call is the odd one: it is hedged, and asks more under portfolio margin. There its BTC is looked at twice, by a haircut (6,000) and in the scenarios, where it falls with the market; the worst is the fall of two thirds at a damped weight, in which the BTC loses 9,600 and the call gives little back (9,168 in all), and 300 stand for a short option. Counting both is how the published method works: collateral that offsets risk keeps a haircut beside its scenarios. But the publisher pairs a small haircut with the scenarios (4.5% of BTC) and a large one with its closed forms (30%), so the same book asks 12,778 and 25,950 there. This system has one haircut per asset and chain for all modes, 10% of BTC, because collateral is valued by one contract, with or without positions. That is on the safe side under portfolio margin, and generous under closed forms, which see of a fall of the collateral what the haircut covers and no more. It also means that the first option or perpetual in an underlying brings the account’s collateral of that underlying into the scenarios: margin then rises by up to 16% of that collateral.\n';

const LEFT = 190;
const ROW = 18;
const BAR = 14;
const SPAN = 420;
const COLOURS: Readonly<Record<MarginMode, string>> = { isolated: '#9aa5b1', cross: '#4c78a8', portfolio: '#2f9e64' };

/** Bars of notional per initial margin, a group for each book. */
export function efficiencySvg(books: readonly BookEfficiency[]): string {
  const most = books.flatMap(({ modes }) => modes).reduce((top, { notionalPerMargin }) => max(top, notionalPerMargin), WAD);
  const text = (x: number, y: number, anchor: string, content: string): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeText(content)}</text>`;
  const legend = MODES.map(
    (mode, index) =>
      `<rect x="${LEFT + 110 * index}" y="28" width="12" height="12" fill="${COLOURS[mode]}"/>${text(LEFT + 110 * index + 18, 38, 'start', mode)}`,
  );
  const height = (ROW * 3 + 14) * books.length + 60;
  const groups = books.flatMap((book, group) => {
    const top = 54 + group * (ROW * 3 + 14);
    const bars = book.modes.map(({ mode, notionalPerMargin }, index) => {
      const width = Number((notionalPerMargin * BigInt(SPAN) * 10n) / most) / 10;
      const y = top + index * ROW;
      return `<rect x="${LEFT}" y="${y}" width="${width}" height="${BAR}" fill="${COLOURS[mode]}"/>${text(LEFT + width + 6, y + 11, 'start', times(notionalPerMargin))}`;
    });
    return [text(LEFT - 10, top + ROW + 11, 'end', book.name), ...bars];
  });
  const title = 'Notional per initial margin';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="680" height="${height}" viewBox="0 0 680 ${height}" role="img" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    '<rect width="100%" height="100%" fill="white"/>',
    text(LEFT, 18, 'start', title),
    ...legend,
    ...groups,
    '</svg>',
    '',
  ].join('\n');
}

/** The figures as plain JSON; every amount is exact decimal text. */
export const efficiencyJson = (books: readonly BookEfficiency[]) =>
  books.map(({ name, holds, notional, modes }) => ({
    name,
    holds,
    notional: formatDecimal(notional),
    modes: modes.map(({ mode, ...figures }) => ({
      mode,
      initialMargin: formatDecimal(figures.initialMargin),
      maintenanceMargin: formatDecimal(figures.maintenanceMargin),
      collateral: formatDecimal(figures.collateral),
      notionalPerMargin: formatDecimal(figures.notionalPerMargin),
      notionalPerCollateral: formatDecimal(figures.notionalPerCollateral),
    })),
  }));
