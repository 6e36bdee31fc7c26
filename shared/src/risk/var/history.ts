import { z } from 'zod/v4';
import { check, type Checked } from '../explain.js';

/** Daily prices of underlyings: rows of a date and one price for each. */
const Price = z.union([z.string(), z.number()]).transform((input, context) => {
  const value = Number(input);
  if (input !== '' && Number.isFinite(value) && value > 0) return value;
  context.issues.push({ code: 'custom', message: `is ${JSON.stringify(input)}; expected a price above 0`, input });
  return z.NEVER;
});
export const PriceHistory = z
  .array(z.object({ date: z.string().regex(/^\d{4}-\d\d-\d\d$/, 'expected a date such as "2024-01-31"') }).catchall(Price))
  .min(61)
  .superRefine((rows, context) => {
    rows.forEach(({ date }, index) => {
      const before = rows[index - 1];
      if (before !== undefined && before.date >= date)
        context.addIssue({ code: 'custom', path: [index, 'date'], message: `is ${date} after ${before.date}; expected rising dates` });
    });
  });
export type PriceHistory = z.infer<typeof PriceHistory>;

/** Rows of a CSV file with a header line; lines that begin with # are remarks. Cells are not quoted. */
export function csvRows(text: string): Record<string, string>[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const names = (lines[0] ?? '').split(',').map((name) => name.trim());
  return lines.slice(1).map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, index) => [name, (cells[index] ?? '').trim()]));
  });
}

/**
 * Daily relative moves of each underlying.
 * @param history rows as JSON.parse or csvRows give them
 */
export function dailyMoves(history: unknown, underlyings: readonly string[]): Checked<ReadonlyMap<string, Float64Array>> {
  const checked = check('history', PriceHistory, history);
  if (checked.kind === 'refused') return checked;
  const rows = checked.value;
  const columns = Object.keys(rows[0] ?? {}).filter((name) => name !== 'date');
  const moves = new Map<string, Float64Array>();
  const problems: string[] = [];
  for (const name of underlyings) {
    const prices = rows.map((row) => row[name]);
    const gap = prices.findIndex((price) => typeof price !== 'number');
    if (gap >= 0)
      problems.push(`history at [${gap}]: has no price of ${name}; expected one in every row, beside ${columns.join(', ') || 'none'}`);
    const numbers = prices.map(Number);
    moves.set(
      name,
      Float64Array.from(numbers.slice(1), (price, index) => price / (numbers[index] ?? price) - 1),
    );
  }
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'value', value: moves };
}
