import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod/v4';
import { ACTIONS, GRADES, gradeOf, PERMISSIONS, permissionOf, worstGrade } from '../../../src/risk/feed-grade.js';

const column = z.array(z.string().transform(BigInt));
const flags = z.array(z.boolean());
const table = z
  .object({
    now: z.string().transform(BigInt),
    limits: z.object({
      freshFor: z.string().transform(BigInt),
      staleAfter: z.string().transform(BigInt),
      maxSpread: z.string().transform(BigInt),
    }),
    names: z.object({ grades: z.array(z.string()), actions: z.array(z.string()), permissions: z.array(z.string()) }),
    readings: z.object({
      name: z.array(z.string()),
      value: column,
      time: column,
      spread: column,
      final: flags,
      halted: flags,
      disagrees: flags,
      grade: z.array(z.enum(GRADES)),
    }),
    permissions: z.record(z.enum(GRADES), z.array(z.enum(PERMISSIONS))),
  })
  .parse(JSON.parse(readFileSync(path.join(import.meta.dirname, '../../../vectors/risk/feed-grades.json'), 'utf8')));

describe('given the table of grades', () => {
  const { readings } = table;

  it('names what the code names, in the same order', () => {
    expect(table.names).toEqual({ grades: [...GRADES], actions: [...ACTIONS], permissions: [...PERMISSIONS] });
  });

  it.each(readings.name.map((name, index) => ({ name, index })))('grades a value that is $name', ({ index }) => {
    const at = <T>(values: readonly T[]): T => {
      const value = values[index];
      if (value === undefined) throw new Error(`row ${index} of the table is incomplete`);
      return value;
    };
    const feed = {
      value: at(readings.value),
      time: at(readings.time),
      spread: at(readings.spread),
      final: at(readings.final),
      halted: at(readings.halted),
    };
    expect(gradeOf(feed, table.limits, table.now, at(readings.disagrees))).toBe(at(readings.grade));
  });

  it('has a reading of every grade', () => {
    expect(new Set(readings.grade)).toEqual(new Set(GRADES));
  });

  it.each(GRADES)('permits at %s what the table permits', (grade) => {
    expect(ACTIONS.map((action) => permissionOf(grade, action))).toEqual(table.permissions[grade]);
  });

  it('never lets a worse grade permit more, and never stops a top-up', () => {
    for (const action of ACTIONS) {
      const levels = GRADES.map((grade) => PERMISSIONS.indexOf(permissionOf(grade, action)));
      expect(levels).toEqual([...levels].sort((a, b) => b - a));
    }
    expect(GRADES.every((grade) => permissionOf(grade, 'topUp') === 'allowed')).toBe(true);
  });

  it('takes the worst of several, and fresh for none', () => {
    expect(worstGrade([])).toBe('fresh');
    for (const a of GRADES)
      for (const b of GRADES) expect(GRADES.indexOf(worstGrade([a, b]))).toBe(Math.max(GRADES.indexOf(a), GRADES.indexOf(b)));
  });
});
