import { describe, expect, it } from '@jest/globals';
import { numberToHex } from 'viem';
import { LevyKeeper } from '../../src/stages/liquidation/levy.keeper.js';
import type { LevyReader } from '../../src/stages/liquidation/levy.reader.js';
import type { LiquidationSender } from '../../src/stages/liquidation/wants.js';

const at = (number: number) => numberToHex(number, { size: 20 });

/** A hub on which nothing is wrong but the brake. */
const reader = {
  at: { levy: at(1), liquidation: at(2), ledger: at(3) },
  now: () => Promise.resolve(1_000n),
  levies: () => Promise.resolve([]),
  markets: () => Promise.resolve([1]),
  owed: () => Promise.resolve(0n),
  brake: () => Promise.resolve({ isOn: true, isWrong: true }),
};

function keeperWith(want: LiquidationSender['want']): LevyKeeper {
  const sender: LiquidationSender = {
    ...{ address: at(9), want, refusal: () => Promise.resolve(null), became: () => Promise.resolve(null), open: () => Promise.resolve([]) },
  };
  // CAST: nothing else is asked of it here.
  return new LevyKeeper(reader as unknown as LevyReader, sender, { maxSteps: 16 });
}

describe('given a loss, and a database that does not take what was seen of it', () => {
  it('what is due is sent all the same, and the failure told', async () => {
    const wanted: string[] = [];
    const keeper = keeperWith((what) => {
      wanted.push(what);
      return Promise.resolve('sent');
    });
    await expect(keeper.tend(() => Promise.reject(new Error('no database')))).rejects.toThrow('no database');
    expect(wanted).toEqual(['levy-review']);
  });
});

describe('given a loss, and a node that takes no calls', () => {
  it('what was seen is told all the same', async () => {
    const seen: boolean[] = [];
    const keeper = keeperWith(() => Promise.reject(new Error('no node')));
    await expect(keeper.tend(({ isBraked }) => Promise.resolve(void seen.push(isBraked)))).rejects.toThrow('no node');
    expect(seen).toEqual([true]);
  });
});
