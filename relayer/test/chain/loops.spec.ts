import { afterEach, describe, expect, it } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Logger } from '@nestjs/common';
import { systemClock } from '../../src/chain/clock.js';
import { Loops } from '../../src/chain/loops.js';

const soon = () => new Promise((resolve) => setTimeout(resolve, 60));

describe('given loops on the scheduler', () => {
  let loops = made();

  function made(): Loops {
    Logger.overrideLogger(false);
    return new Loops(new SchedulerRegistry(), systemClock, { below: () => 0 });
  }

  afterEach(async () => {
    await loops.beforeApplicationShutdown();
    loops = made();
  });

  const beatOf = (name: string) => loops.beats().find((beat) => beat.name === name);

  it('repeats at once while there is more, then at the next beat', async () => {
    let left = 5;
    loops.add({ name: 'busy', everyMs: 10_000, run: () => Promise.resolve((left -= 1) > 0) });
    loops.onApplicationBootstrap();
    await soon();
    expect(beatOf('busy')).toMatchObject({ runs: 5, failures: 0 });
  });

  it('never runs one loop twice at a time', async () => {
    let running = 0;
    let most = 0;
    loops.add({
      name: 'slow',
      everyMs: 5,
      run: async () => {
        most = Math.max(most, (running += 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
        running -= 1;
      },
    });
    loops.onApplicationBootstrap();
    await soon();
    expect(most).toBe(1);
  });

  it('counts a failure, slows down, and does not touch the others', async () => {
    loops.add({ name: 'bad', everyMs: 20, run: () => Promise.reject(new Error('no provider answers')) });
    loops.add({ name: 'good', everyMs: 5, run: () => Promise.resolve() });
    loops.onApplicationBootstrap();
    await soon();
    const bad = beatOf('bad');
    expect(bad?.lastError).toBe('no provider answers');
    expect(bad?.failuresInARow).toBeLessThanOrEqual(3);
    expect(beatOf('good')?.runs).toBeGreaterThan(3);
  });

  it('ends running work before the process ends, and starts none after', async () => {
    let ended = false;
    loops.add({
      name: 'draining',
      everyMs: 5,
      run: async (signal) => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        ended = signal.aborted;
      },
    });
    loops.onApplicationBootstrap();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await loops.beforeApplicationShutdown();
    expect(ended).toBe(true);
    const { runs } = beatOf('draining') ?? { runs: -1 };
    await soon();
    expect(beatOf('draining')?.runs).toBe(runs);
  });

  it('refuses a second loop of one name', () => {
    loops.add({ name: 'a', everyMs: 5, run: () => Promise.resolve() });
    expect(() => loops.add({ name: 'a', everyMs: 5, run: () => Promise.resolve() })).toThrow('loop a is added twice');
  });
});
