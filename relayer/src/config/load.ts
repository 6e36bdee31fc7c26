import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod/v4';
import { relayerConfigSchema, ROLES, type Environment, type RelayerConfig } from './relayer-config.js';

/** One thing that is wrong with a configuration or with what it points to. */
export interface ConfigProblem {
  /** dotted key path, e.g. `chains.0.rpcUrls.1` */
  readonly key: string;
  /** what was wrong and what was expected */
  readonly message: string;
}

/** A process does not start with this: every problem found, each with its key path. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(
    readonly source: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    super(
      [`${source}: ${problems.length} problem(s)`, ...problems.map(({ key, message }) => `  ${key || '(root)'}: ${message}`)].join('\n'),
    );
  }
}

/**
 * Validates a configuration. `DATABASE_URL` and `LOCKSTEP_ROLES` (comma-separated) in the environment override the file;
 * `baseDir` is what a relative `liveDir` starts from.
 * @throws ConfigError listing all problems
 */
export function parseConfig(raw: unknown, environment: Environment, source: string, baseDir: string): RelayerConfig {
  const parsed = relayerConfigSchema(environment).safeParse(withOverrides(raw, environment));
  if (!parsed.success) {
    throw new ConfigError(
      source,
      parsed.error.issues.flatMap((issue) => problemsOf(issue)),
    );
  }
  const { publisher, ...config } = parsed.data;
  return deepFreeze({
    ...config,
    liveDir: path.resolve(baseDir, config.liveDir),
    ...(publisher === undefined ? {} : { publisher: withFilesFrom(baseDir, publisher) }),
  });
}

/**
 * Reads the file that `LOCKSTEP_CONFIG` names.
 * @throws ConfigError if it is not named, not readable, not JSON or not valid
 */
export function loadConfig(environment: Environment): RelayerConfig {
  const file = environment['LOCKSTEP_CONFIG'];
  if (!file)
    throw new ConfigError('environment', [
      { key: 'LOCKSTEP_CONFIG', message: 'is not set; expected the path of a JSON configuration file' },
    ]);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [{ key: '', message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }]);
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may hold a key.
    throw new ConfigError(file, [{ key: '', message: 'is not JSON; expected one JSON object' }]);
  }
  return parseConfig(raw, environment, file, path.dirname(path.resolve(file)));
}

type Publisher = NonNullable<z.output<ReturnType<typeof relayerConfigSchema>>['publisher']>;

/** Files of prices are found from the configuration file, like the live folder. */
const withFilesFrom = (baseDir: string, publisher: Publisher): Publisher => ({
  ...publisher,
  underlyings: publisher.underlyings.map((underlying) =>
    underlying.path.kind === 'recorded'
      ? { ...underlying, path: { ...underlying.path, file: path.resolve(baseDir, underlying.path.file) } }
      : underlying,
  ),
});

function withOverrides(raw: unknown, environment: Environment): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const url = environment['DATABASE_URL'];
  const roles = environment['LOCKSTEP_ROLES'];
  return {
    ...raw,
    ...(url ? { database: { url } } : {}),
    ...(roles ? { roles: roles.split(',').map((role) => role.trim()) } : {}),
  };
}

function problemsOf(issue: z.core.$ZodIssue): ConfigProblem[] {
  const key = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((name) => ({
      key: [key, name].filter(Boolean).join('.'),
      message: 'is not a known key; expected it to be absent',
    }));
  if (issue.code === 'invalid_union') return [{ key, message: `${issue.message}; expected one of the documented forms` }];
  if (issue.code === 'invalid_value' && issue.path[0] === 'roles')
    return [{ key, message: `is not a role; expected one of ${ROLES.join(', ')}` }];
  return [{ key, message: issue.message }];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
