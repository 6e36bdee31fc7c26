import { abs, max, WAD } from '../decimal.js';
import type { Surface } from './surface.js';

/** Pictures of a margin report as text: an SVG heat map, and the HTML page around it. Pure: the same report gives the same bytes. */

const CELL = { width: 44, height: 30 };
const LEFT = 64;
const TOP = 44;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
/** Text that is safe inside HTML and SVG, in attributes too. */
export const escapeText = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);

/** A money amount for people: whole units below a million, then thousands or millions with one decimal. */
export function shortAmount(value: bigint): string {
  const size = abs(value);
  const sign = value < 0n ? '−' : '';
  const scaled = (unit: bigint, suffix: string): string => {
    const tenths = (size * 10n) / (unit * WAD);
    return `${sign}${tenths / 10n}.${tenths % 10n}${suffix}`;
  };
  if (size >= 1_000_000n * WAD) return scaled(1_000_000n, 'M');
  if (size >= 10_000n * WAD) return scaled(1_000n, 'k');
  return size < WAD ? '0' : `${sign}${size / WAD}`;
}

/** `+12%` of a relative move. */
const percentText = (move: bigint): string => `${move > 0n ? '+' : move < 0n ? '−' : ''}${(abs(move) * 100n) / WAD}%`;

/** Colour of a P&L: white at zero, to full green or red at the largest size. */
function colour(profit: bigint, largest: bigint): string {
  const share = largest === 0n ? 0 : Number((abs(profit) * 1000n) / largest) / 1000;
  const fade = Math.round(255 - 175 * Math.sqrt(share));
  return profit >= 0n ? `rgb(${fade},${Math.round(255 - 60 * share)},${fade})` : `rgb(${Math.round(255 - 30 * share)},${fade},${fade})`;
}

interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly marks: readonly string[];
}

/** Heat map of a surface: spot moves across, volatility moves down, the amount in each cell. */
function draw(surface: Surface): Drawing {
  const largest = surface.profits.flat().reduce((worst, profit) => max(worst, abs(profit)), 0n);
  const width = LEFT + CELL.width * surface.spotMoves.length + 8;
  const height = TOP + CELL.height * surface.volMoves.length + 8;
  const label = (x: number, y: number, anchor: string, text: string): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeText(text)}</text>`;
  const columns = surface.spotMoves.map((move, i) => label(LEFT + CELL.width * (i + 0.5), TOP - 8, 'middle', percentText(move)));
  const rows = surface.volMoves.map((move, j) => label(LEFT - 6, TOP + CELL.height * (j + 0.62), 'end', percentText(move)));
  const cells = surface.profits.flatMap((row, j) =>
    row.map((profit, i) => {
      const [x, y] = [LEFT + CELL.width * i, TOP + CELL.height * j];
      const box = `<rect x="${x}" y="${y}" width="${CELL.width}" height="${CELL.height}" fill="${colour(profit, largest)}"/>`;
      return box + label(x + CELL.width / 2, y + CELL.height * 0.62, 'middle', shortAmount(profit));
    }),
  );
  const title = `P&L of ${surface.underlying}: spot across, volatility down`;
  return { width, height, title, marks: [label(8, 16, 'start', title), ...columns, ...rows, ...cells] };
}

/** Heat maps of surfaces, one below the other, in one picture. */
export function surfacesSvg(surfaces: readonly Surface[]): string {
  const drawings = surfaces.map(draw);
  const width = drawings.reduce((most, drawing) => Math.max(most, drawing.width), 1);
  const height = drawings.reduce((sum, drawing) => sum + drawing.height, 0);
  const groups = drawings.map(({ marks }, index) => {
    const top = drawings.slice(0, index).reduce((sum, drawing) => sum + drawing.height, 0);
    return `<g transform="translate(0,${top})">\n${marks.join('\n')}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="11">`,
    `<title>${escapeText(drawings.map(({ title }) => title).join('; ') || 'no underlying')}</title>`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...groups,
    '</svg>',
  ].join('\n');
}

/** Heat map of one surface. */
export const surfaceSvg = (surface: Surface): string => surfacesSvg([surface]);
