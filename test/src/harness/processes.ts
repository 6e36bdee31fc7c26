import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';

/** What to start. `logFile` receives stdout and stderr, appended. */
export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** signal that ends the process politely */
  readonly stopSignal?: NodeJS.Signals;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const STOP_GRACE_MS = 8_000;
const TAIL_LINES = 25;

/**
 * The processes of one world. Each is known by its pid only; all of them end with this process, however it ends, because a
 * reaper process holds the list and acts when the pipe to it closes.
 */
export class Processes {
  readonly #running = new Map<number, ManagedProcess>();
  #reaper: ChildProcess | undefined;

  /** Starts a process and keeps it on the list until it exits. @throws if the operating system cannot start it */
  async start(spec: ProcessSpec): Promise<ManagedProcess> {
    const log = createWriteStream(spec.logFile, { flags: 'a' });
    const child = spawn(spec.command, [...spec.args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(spec.env ? { env: spec.env } : {}),
      ...(spec.cwd ? { cwd: spec.cwd } : {}),
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.gid === undefined ? {} : { gid: spec.gid }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new Error(`${spec.name} could not be started: ${error.message}`, { cause: error })));
    });
    const managed = new ManagedProcess(spec, child, log);
    this.#running.set(managed.pid, managed);
    this.#tell(`+${managed.pid} ${spec.stopSignal ?? 'SIGTERM'}`);
    void managed.exited.then(() => {
      this.#running.delete(managed.pid);
      this.#tell(`-${managed.pid}`);
    });
    return managed;
  }

  /** Removes this folder after everything has ended, whichever way. */
  removeAtEnd(folder: string): void {
    this.#tell(`d${folder}`);
  }

  /** Ends all processes and the reaper. Safe to call twice. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.values()].map((p) => p.stop()));
    const reaper = this.#reaper;
    this.#reaper = undefined;
    if (!reaper || reaper.exitCode !== null) return;
    reaper.ref(); // now its end is waited for
    const gone = new Promise<void>((resolve) => reaper.once('exit', () => resolve()));
    reaper.stdin?.end();
    await gone;
  }

  #tell(line: string): void {
    this.#reaper ??= this.#startReaper();
    this.#reaper.stdin?.write(`${line}\n`);
  }

  #startReaper(): ChildProcess {
    const script = path.join(import.meta.dirname, `reaper${path.extname(import.meta.filename)}`);
    const reaper = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    reaper.stdin?.on('error', () => undefined); // the reaper may already be gone when the last line is written
    reaper.unref();
    // CAST: a child's stdin pipe is a socket; unref keeps a forgotten world from holding up the exit of its process.
    (reaper.stdin as Socket | null)?.unref();
    return reaper;
  }
}

/** One running process. */
export class ManagedProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  #exit: Exit | undefined;

  constructor(
    readonly spec: ProcessSpec,
    private readonly child: ChildProcess,
    log: WriteStream,
  ) {
    if (child.pid === undefined) throw new Error(`${spec.name} has no pid`);
    this.pid = child.pid;
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#exit = { code, signal };
        log.end(() => resolve({ code, signal }));
      });
    });
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Sends a signal without waiting. */
  signal(name: NodeJS.Signals): void {
    if (this.running) this.child.kill(name);
  }

  /** Asks politely, then insists after eight seconds. */
  async stop(): Promise<Exit> {
    this.signal(this.spec.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_GRACE_MS);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** kill -9 and wait until it is gone. */
  async kill(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.exited;
  }

  /** The last lines of the log, for error messages. */
  logTail(lines = TAIL_LINES): string {
    return readFileSync(this.spec.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}
