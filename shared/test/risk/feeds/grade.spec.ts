import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod/v4';
import { judgeLeaving, judgeTrade, type Health } from '../../../src/markets/action.js';
import { GRADES, gradeOf, worstGrade, type Grade } from '../../../src/risk/feed-grade.js';

const ACTIONS = ['open', 'reduce', 'topUp', 'withdraw', 'startLiquidation', 'bid'] as const;
/** From the strictest to the freest. */
const PERMISSIONS = ['refused', 'atBand', 'ownPart', 'smallerSteps', 'allowed'] as const;
type Permission = (typeof PERMISSIONS)[number];

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

  it('names grades as the code does, in the same order', () => {
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

  it.each(GRADES)('lets accounts open, reduce and withdraw at %s as the table says', (grade) => {
    const [open, reduce, , withdraw] = table.permissions[grade];
    expect({ open: permissionToOpen(grade), reduce: permissionToReduce(grade), withdraw: permissionToWithdraw(grade) }).toEqual({
      open,
      reduce,
      withdraw,
    });
  });

  it('lets a reduction below initial margin cost no more than its part at fresh prices too', () => {
    expect(permissionByCost('fresh', 5n * WAD)).toBe('ownPart');
  });

  it('never lets a worse grade permit more, and never stops a top-up', () => {
    for (const at of ACTIONS.keys()) {
      const levels = GRADES.map((grade) => PERMISSIONS.indexOf(table.permissions[grade][at] ?? 'allowed'));
      expect(levels).toEqual([...levels].sort((a, b) => b - a));
    }
    expect(GRADES.every((grade) => table.permissions[grade][ACTIONS.indexOf('topUp')] === 'allowed')).toBe(true);
  });

  it('takes the worst of several, and fresh for none', () => {
    expect(worstGrade([])).toBe('fresh');
    for (const a of GRADES)
      for (const b of GRADES) expect(GRADES.indexOf(worstGrade([a, b]))).toBe(Math.max(GRADES.indexOf(a), GRADES.indexOf(b)));
  });
});

const WAD = 10n ** 18n;
const BAND = 5_000_000n;
/** Half of the position is sold for 20: of 10 of maintenance margin 5 are freed; the band is 0.1. */
const TURNOVER = 20n * WAD;

const healthAt = (grade: Grade, equity: bigint, margin: bigint): Health => ({
  ...{ equity, initialMargin: 2n * margin, maintenanceMargin: margin, unrealisedGain: 0n, grade, oldest: 0n },
});
const permitted = (refusal: unknown): Permission => (refusal === null ? 'allowed' : 'refused');

function permissionToOpen(grade: Grade): Permission {
  const after = healthAt(grade, 100n * WAD, 10n * WAD);
  return permitted(judgeTrade({ after, before: null, turnover: TURNOVER, band: BAND, reserved: 0n }));
}

const permissionToWithdraw = (grade: Grade): Permission => permitted(judgeLeaving(healthAt(grade, 100n * WAD, 10n * WAD), 0n, 0n));

/** A rich account's reduction at any price shows whether anything bounds it; then a poor one's what. */
const permissionToReduce = (grade: Grade): Permission =>
  passes(grade, 100n * WAD, 60n * WAD) ? 'allowed' : permissionByCost(grade, 5n * WAD);

function permissionByCost(grade: Grade, equity: bigint): Permission {
  const part = equity / 2n;
  expect(passes(grade, equity, part + WAD / 100n)).toBe(false);
  if (passes(grade, equity, part)) return 'ownPart';
  expect(passes(grade, equity, WAD / 9n)).toBe(false);
  return passes(grade, equity, WAD / 10n) ? 'atBand' : 'refused';
}

function passes(grade: Grade, equity: bigint, cost: bigint): boolean {
  const before = healthAt(grade, equity, 10n * WAD);
  const after = healthAt(grade, equity - cost, 5n * WAD);
  return judgeTrade({ after, before, turnover: TURNOVER, band: BAND, reserved: 0n }) === null;
}
