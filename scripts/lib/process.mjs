import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** The repository's root. */
export const root = path.resolve(import.meta.dirname, '../..');

/** Seconds since `start` (from `performance.now()`), one decimal. */
export const secondsSince = (start) => ((performance.now() - start) / 1000).toFixed(1);

/** Progress goes to stderr, so that the standard output of a task stays its own (the demo's last line is a JSON object). */
export const say = (line) => process.stderr.write(`${line}\n`);

/**
 * The environment of every step: `node_modules/.bin` first on PATH, so that `node` is the repository's Node 24, and Nx without
 * daemon, terminal interface or cache outside the repository.
 */
export function stepEnvironment(extra = {}) {
  return {
    ...process.env,
    PATH: `${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env.PATH ?? ''}`,
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    NX_CACHE_DIRECTORY: path.join(root, '.nx/cache'),
    ...extra,
  };
}

/** The Node that runs the project, or null when only an older one exists (no prebuilt Node 24 for this platform). */
export function projectNode() {
  const installed = path.join(root, 'node_modules/.bin/node');
  if (existsSync(installed)) return installed;
  return Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : null;
}

/** Whether this process was told to stop: what runs ends in its own way, and nothing else is begun. */
let stopped = false;

/**
 * Runs a command to its end.
 *
 * @param options.quiet    keep the output back; it is returned (and shown by the caller when the step fails)
 * @param options.capture  show the output and return it too
 * @param options.minutes  stop the command after that long
 * @param options.stdout   where the command's standard output is shown: this process's own, or its stderr
 * @param options.stderr   where its standard error is shown; null keeps it back unless the command fails
 * @returns `{ code, output, timedOut }`; a command that could not be started has code 127, one that is not begun any more 143
 */
export function run(command, args, options = {}) {
  const { cwd = root, env = {}, quiet = false, capture = false, minutes = 0, stdout = process.stdout, stderr = process.stderr } = options;
  if (stopped)
    return Promise.resolve({ code: 143, output: `not begun, this run was stopped: ${command} ${args.join(' ')}\n`, timedOut: false });
  const piped = quiet || capture || stdout !== process.stdout || stderr !== process.stderr;
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: stepEnvironment(env), stdio: piped ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
    const chunks = [];
    const heldBack = [];
    let timedOut = false;
    const timer =
      minutes > 0
        ? setTimeout(() => {
            timedOut = true;
            child.kill('SIGTERM');
            setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
          }, minutes * 60_000)
        : undefined;
    const collect = (target) => (chunk) => {
      chunks.push(chunk);
      if (target === null) heldBack.push(chunk);
      else if (!quiet) target.write(chunk);
    };
    child.stdout?.on('data', collect(stdout));
    child.stderr?.on('data', collect(stderr));
    // A terminal sends Ctrl-C to the child as well: let it end in its own way, then follow. Other senders reach only this process.
    const wait = () => {
      stopped = true;
    };
    const forward = () => {
      stopped = true;
      child.kill('SIGTERM');
    };
    process.on('SIGINT', wait).on('SIGTERM', forward);
    const end = (code, note = '') => {
      clearTimeout(timer);
      process.off('SIGINT', wait).off('SIGTERM', forward);
      resolve({ code, output: Buffer.concat(chunks).toString('utf8') + note, timedOut });
    };
    child.on('error', (error) => end(127, `could not start ${command}: ${error.message}\n`));
    child.on('close', (code) => {
      if (code !== 0 && !quiet) process.stderr.write(Buffer.concat(heldBack));
      end(code ?? 1);
    });
  });
}
