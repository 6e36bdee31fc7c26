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
    const tries: number[] = [];
    loops.add({
      name: 'bad',
      everyMs: 20,
      run: () => {
        tries.push(systemClock.now());
        return Promise.reject(new Error('no provider answers'));
      },
    });
    loops.add({ name: 'good', everyMs: 5, run: () => Promise.resolve() });
    loops.onApplicationBootstrap();
    // However busy the machine: both go on.
    while (tries.length < 4 || (beatOf('good')?.runs ?? 0) <= 3) await soon();
    const [first = 0, second = 0, third = 0, fourth = 0] = tries;
    expect([second - first >= 20, third - second >= 40, fourth - third >= 80]).toEqual([true, true, true]);
    expect(beatOf('bad')).toMatchObject({ lastError: 'no provider answers', runs: 0 });
    expect(beatOf('good')).toMatchObject({ failures: 0 });
  });

  it('ends running work before the process ends, and starts none after', async () => {
    let ended = false;
    let finish = (): void => undefined;
    const work = new Promise<void>((resolve) => (finish = resolve));
    loops.add({
      name: 'draining',
      everyMs: 5,
      run: async (signal) => {
        await work;
        ended = signal.aborted;
      },
    });
    loops.onApplicationBootstrap();
    const ending = loops.beforeApplicationShutdown();
    await soon();
    expect(ended).toBe(false);
    finish();
    await ending;
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
