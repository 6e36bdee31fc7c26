/** Column of a table: its heading, and whether its cells are numbers (right-aligned). */
export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

/** A table of plain text, columns padded to their widest cell. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((c, i) => Math.max(c.title.length, ...rows.map((r) => (r[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (columns[i]?.numeric ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('   ')
      .trimEnd();
  return [line(columns.map((c) => c.title)), widths.map((w) => '─'.repeat(w)).join('───'), ...rows.map((r) => line(r))].join('\n');
}

/** An amount of base units as people write it, without trailing zeros: 1500000, 6 → "1.5". */
export function units(amount: bigint, decimals: number): string {
  const sign = amount < 0n ? '-' : '';
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ',');
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${sign}${whole}${fraction ? `.${fraction}` : ''}`;
}

/** An amount for a picture: at most six decimals, "…" where more were cut (never rounded up). */
export const short = (amount: string): string => amount.replace(/(\.\d{6})\d+$/, '$1…');

/** Seconds with one decimal. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
