import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CLOCK, type Clock } from './clock.js';
import { errorFields, firstLine } from './error-fields.js';
import { RANDOMNESS, type Randomness } from './randomness.js';

/** Work repeated on the scheduler. A run that throws is logged and repeated at the next beat: every run must be safe to repeat. */
export interface Loop {
  /** unique; label of its metrics, e.g. `follower.spoke1` */
  readonly name: string;
  readonly everyMs: number;
  /** @returns true if there is more to do at once. `signal` aborts when the process drains. */
  run(signal: AbortSignal): Promise<boolean | void>;
}

/** How a loop is doing. A beat is a finished run, whether it found work or not, so a stuck loop shows even when nothing happens. */
export interface LoopBeat {
  readonly name: string;
  readonly everyMs: number;
  /** milliseconds since the epoch; null before the first */
  readonly lastBeatAt: number | null;
  readonly runs: number;
  readonly failures: number;
  /** failures since the last good run; also slows the loop down */
  readonly failuresInARow: number;
  readonly lastError: string | null;
}

interface State {
  readonly loop: Loop;
  lastBeatAt: number | null;
  runs: number;
  failures: number;
  failuresInARow: number;
  lastError: string | null;
  /** skip runs until then: back-off after failures */
  notBefore: number;
  running: Promise<void> | null;
}

const MAX_BACKOFF_MS = 5_000;
/** A run that does not end by then is cut off: it is safe to repeat. */
const DRAIN_MS = 25_000;

/** Every repeated work of the process, on @nestjs/schedule's timers, never two runs of one loop at a time; drained at shutdown. */
@Injectable()
export class Loops implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger(Loops.name);
  readonly #states = new Map<string, State>();
  readonly #stop = new AbortController();
  #started = false;

  constructor(
    private readonly scheduler: SchedulerRegistry,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOMNESS) private readonly randomness: Randomness,
  ) {}

  /** Adds a loop; it starts once the whole application is up. @throws Error on a second one of that name */
  add(loop: Loop): void {
    if (this.#states.has(loop.name)) throw new Error(`loop ${loop.name} is added twice`);
    const state: State = { loop, lastBeatAt: null, runs: 0, failures: 0, failuresInARow: 0, lastError: null, notBefore: 0, running: null };
    this.#states.set(loop.name, state);
    if (this.#started) this.#start(state);
  }

  beats(): readonly LoopBeat[] {
    return [...this.#states.values()].map(({ loop, lastBeatAt, runs, failures, failuresInARow, lastError }) => ({
      name: loop.name,
      everyMs: loop.everyMs,
      lastBeatAt,
      runs,
      failures,
      failuresInARow,
      lastError,
    }));
  }

  onApplicationBootstrap(): void {
    this.#started = true;
    for (const state of this.#states.values()) this.#start(state);
  }

  /** Stops the timers, tells the running loops, and waits for them: each ends after its current step. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    for (const { loop } of this.#states.values())
      if (this.scheduler.doesExist('interval', loop.name)) this.scheduler.deleteInterval(loop.name);
    const drained = Promise.all([...this.#states.values()].map(async ({ running }) => running));
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
  }

  #start(state: State): void {
    const beat = (): void => {
      if (state.running || this.#stop.signal.aborted || this.clock.now() < state.notBefore) return;
      state.running = this.#run(state).finally(() => {
        state.running = null;
      });
    };
    this.scheduler.addInterval(state.loop.name, setInterval(beat, state.loop.everyMs));
    beat();
  }

  async #run(state: State): Promise<void> {
    try {
      let more = true;
      while (more && !this.#stop.signal.aborted) {
        more = (await state.loop.run(this.#stop.signal)) === true;
        state.runs += 1;
        state.failuresInARow = 0;
        state.lastBeatAt = this.clock.now();
      }
    } catch (error) {
      state.failures += 1;
      state.failuresInARow += 1;
      state.lastBeatAt = this.clock.now();
      state.lastError = firstLine(error);
      const backoff = Math.min(MAX_BACKOFF_MS, state.loop.everyMs * 2 ** Math.min(10, state.failuresInARow - 1));
      // Up to a quarter more, so that loops that failed together do not come back together.
      state.notBefore = this.clock.now() + backoff + this.randomness.below(Math.ceil(backoff / 4) + 1);
      if (!this.#stop.signal.aborted)
        this.#logger.warn({ event: 'loop.failed', loop: state.loop.name, failuresInARow: state.failuresInARow, error: errorFields(error) });
    }
  }
}
