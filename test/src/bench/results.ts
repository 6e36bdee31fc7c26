import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod/v4';
import { table } from '../demo/text.js';

/** One number: measured, quoted beside what was aimed at, never asserted. */
export interface Measurement {
  readonly value: number;
  readonly unit: string;
  /** what is aimed at, as in README */
  readonly target: string;
  /** what the best comparable system does */
  readonly peer?: string;
  /** what bounds the value in this run */
  readonly limit?: string;
}

/** name → measurement. */
export type Results = Record<string, Measurement>;

const written = z.record(
  z.string(),
  z.object({ value: z.number(), unit: z.string(), target: z.string(), peer: z.string().optional(), limit: z.string().optional() }),
);

/** Writes the results, sorted by name; what was not measured this time stays as it was. @returns the file's path */
export function writeResults(folder: string, results: Results): string {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'results.json');
  const before = existsSync(file) ? written.parse(JSON.parse(readFileSync(file, 'utf8'))) : {};
  const sorted = Object.fromEntries(Object.entries({ ...before, ...results }).sort(([a], [b]) => a.localeCompare(b)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
  return file;
}

/** The results for people. */
export function showResults(results: Results): string {
  return table(
    [{ title: 'name' }, { title: 'value', numeric: true }, { title: 'unit' }, { title: 'target' }, { title: 'peer or limit' }],
    Object.entries(results).map(([name, m]) => [name, String(m.value), m.unit, m.target, m.peer ?? m.limit ?? '']),
  );
}

/** Rounded to `digits` significant digits, as nothing here is more exact. */
export const significant = (value: number, digits = 3): number => Number(value.toPrecision(digits));
