import { escapeText, surfaceSvg } from './picture.js';
import type { MarginReport } from './report.js';
import { type Table, tablesOf } from './tables.js';

/** A table for a terminal. */
export function tableText({ title, columns, rows, marked }: Table): string {
  const all = [columns, ...rows];
  const widths = columns.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[], index: number): string => {
    const cells = widths.map((width, column) => (column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)));
    return `${index - 1 === marked ? '>' : ' '} ${cells.join('  ')}`.trimEnd();
  };
  return [title, ...all.map(line)].join('\n');
}

/** The report for a terminal. */
export const reportText = (report: MarginReport): string => [report.method, ...tablesOf(report).map(tableText)].join('\n\n');

function tableHtml({ title, columns, rows, marked }: Table): string {
  const cells = (tag: 'th' | 'td', row: readonly string[]): string =>
    row.map((text, column) => `<${column === 0 ? 'th' : tag}>${escapeText(text)}</${column === 0 ? 'th' : tag}>`).join('');
  const body = rows.map((row, index) => `<tr${index === marked ? ' class="worst"' : ''}>${cells('td', row)}</tr>`);
  return `<h2>${escapeText(title)}</h2><table><thead><tr>${cells('th', columns)}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

const STYLE = [
  'body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}',
  'table{border-collapse:collapse}th{text-align:left;font-weight:normal}thead th{color:#666}',
  'td,thead th+th{text-align:right;padding-left:1.5em;font-variant-numeric:tabular-nums}tr.worst{background:#fdd;font-weight:bold}',
  'svg{max-width:100%;height:auto;margin-top:1em}',
].join('');

/** The report as one HTML page without scripts or outside resources. */
export function reportHtml(report: MarginReport): string {
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>Margin</title><style>${STYLE}</style></head><body>`,
    `<h1>${escapeText(report.method)}</h1>`,
    `<p>${escapeText(report.source)}</p>`,
    ...report.surfaces.map(surfaceSvg),
    ...tablesOf(report).map(tableHtml),
    '</body></html>',
    '',
  ].join('\n');
}
