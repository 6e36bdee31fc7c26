import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { ConfigError, loadConfig, parseConfig } from '../../src/config/load.js';
import { gweiToWei, quorumOf } from '../../src/config/relayer-config.js';

const CANARY = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d';

const valid = () => ({
  network: 'local',
  liveDir: 'live',
  database: { url: 'postgres://app:canary-password@127.0.0.1:5432/relayer' },
  api: { host: '127.0.0.1', port: 8080 },
  chains: [{ chain: 'hub', rpcUrls: ['http://127.0.0.1:8545'], finality: { kind: 'blocks', blocks: 2 }, pollMs: 200 }],
  keys: { submitter: { privateKey: CANARY }, lockstepDvnSigners: [{ env: 'SIGNER' }] },
});

const parse = (raw: unknown, environment: Record<string, string> = { SIGNER: CANARY }) =>
  parseConfig(raw, environment, 'test.json', '/etc/lockstep');

function problemsOf(raw: unknown, environment?: Record<string, string>): Record<string, string> {
  try {
    parse(raw, environment);
  } catch (error) {
    if (error instanceof ConfigError) return Object.fromEntries(error.problems.map(({ key, message }) => [key, message]));
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('given a valid configuration', () => {
  it('fills in defaults, resolves paths and keys, and is frozen', () => {
    const config = parse(valid());
    expect(config.liveDir).toBe('/etc/lockstep/live');
    expect(config.batching).toEqual({ maxCount: 50, maxAgeSeconds: 60, minCount: 1 });
    expect(config.roles).toContain('dvn');
    expect(config.keys.lockstepDvnSigners[0]?.reveal()).toBe(CANARY);
    expect(Object.isFrozen(config.chains[0]?.fees)).toBe(true);
  });

  it('is overridden by DATABASE_URL and LOCKSTEP_ROLES', () => {
    const config = parse(valid(), { SIGNER: CANARY, DATABASE_URL: 'postgres://other@127.0.0.1/other', LOCKSTEP_ROLES: 'index, api' });
    expect(config.database.url.reveal()).toBe('postgres://other@127.0.0.1/other');
    expect(config.roles).toEqual(['index', 'api']);
  });

  it('shows no secret when printed, logged or serialised', () => {
    const config = parse(valid());
    const shown = `${JSON.stringify(config)} ${inspect(config, { depth: 9 })} ${String(config.keys.submitter)}`;
    expect(shown).not.toContain(CANARY.slice(2));
    expect(shown).not.toContain('canary-password');
  });
});

describe('given a keeper of markets', () => {
  const listing = { underlying: 1, strikes: { perSide: 4 } };

  it('keeps nothing without its key, and fills in what it would do', () => {
    const { keys, keeper } = parse({ ...valid(), keeper: { listings: [listing] } });
    expect(keys.keeper).toBeUndefined();
    expect(keeper).toEqual({
      everySeconds: 10,
      listings: [{ underlying: 1, expiries: { count: 4, everyDays: 7 }, strikes: { perSide: 4, stepShare: 0.04, keep: 2 } }],
      sheetSeconds: 60,
      fundingSeconds: 3_600,
      interestSeconds: 86_400,
      interestDebtors: 100,
    });
  });

  it('refuses strikes that would reach 0, sides kept longer than listed, and an underlying named twice', () => {
    const of = (strikes: object) => ({ ...valid(), keeper: { listings: [{ underlying: 1, strikes }] } });
    expect(problemsOf(of({ perSide: 20, stepShare: 0.05 }))).toEqual({
      'keeper.listings.0.strikes.stepShare': 'expected below 1 / perSide: a strike is above 0',
    });
    expect(problemsOf(of({ perSide: 2, keep: 3 }))).toEqual({ 'keeper.listings.0.strikes.keep': 'expected at most perSide' });
    expect(problemsOf({ ...valid(), keeper: { listings: [listing, listing] } })).toEqual({
      'keeper.listings': 'name an underlying twice; expected each once',
    });
  });
});

describe('given a keeper of liquidations', () => {
  it('bids nothing unless told with which account and how much', () => {
    expect(parse(valid()).liquidation).toEqual({
      ...{ pollMs: 500, maxChecks: 256, maxSteps: 16, turns: 1, others: [], levySeconds: 5 },
      ...{ leastMargin: '10', nativePrice: '5000' },
    });
    expect(problemsOf({ ...valid(), liquidation: { bid: { account: '0x12', budget: 'much' } } })).toEqual({
      'liquidation.bid.account': 'expected an account: 0x and 64 hex digits',
      'liquidation.bid.budget': 'expected a decimal as text, 0 … 1000000000000',
    });
    const other = `0x${'0a'.repeat(20)}`;
    expect(parse({ ...valid(), liquidation: { others: [other] } }).liquidation).toMatchObject({ turns: 1, others: [other] });
    expect(problemsOf({ ...valid(), liquidation: { others: [other], turns: 2 } })).toEqual({
      'liquidation.turns': 'expected turns or others, not both',
    });
    expect(problemsOf({ ...valid(), liquidation: { others: ['0x12'] } })).toEqual({ 'liquidation.others.0': 'expected an address' });
  });

  it('pays out on one chain, on several, or by free liquidity, and names a route that is none', () => {
    const routed = (route: string) => ({
      ...valid(),
      liquidation: { bid: { account: `0x${'1'.repeat(64)}`, budget: '1', payout: { route } } },
    });
    for (const route of ['best', '40001', '40001:0.25,40002:0.75'])
      expect(parse(routed(route)).liquidation.bid?.payout).toEqual({ route, least: '10', messageCost: '1' });
    const expected = 'expected best, an endpoint id, or parts that sum to 1, as in 40001:0.25,40002:0.75';
    expect(problemsOf(routed('nowhere'))).toEqual({ 'liquidation.bid.payout.route': `${expected}; this is "nowhere"` });
    expect(problemsOf(routed('1:0.5,2:0.4'))).toEqual({ 'liquidation.bid.payout.route': `${expected}; these do not: 1:0.5,2:0.4` });
  });
});

describe('given a configuration with many mistakes', () => {
  it('lists every one with its key path', () => {
    const raw = valid();
    const problems = problemsOf({
      ...raw,
      api: { host: '127.0.0.1', port: 70_000 },
      typo: 1,
      roles: ['indexer'],
      chains: [
        { ...raw.chains[0], rpcUrls: ['not a url'], finality: { kind: 'tag', tag: 'latest' } },
        { ...raw.chains[0], rpcUrls: [] },
      ],
      keys: { submitter: { privateKey: '0x1234' }, lockstepDvnSigners: [{ env: 'MISSING' }] },
    });
    expect(Object.keys(problems).sort()).toEqual([
      'api.port',
      'chains.0.finality.tag',
      'chains.0.rpcUrls.0',
      'chains.1.rpcUrls',
      'keys.lockstepDvnSigners.0',
      'keys.submitter',
      'roles.0',
      'typo',
    ]);
    expect(problems['keys.lockstepDvnSigners.0']).toContain('MISSING is not set');
    expect(problems['keys.submitter']).toContain('expected 0x and 64 hex digits');
    expect(problems['roles.0']).toContain('expected one of index, attest');
  });

  it.each([
    ['a chain twice', { chains: [valid().chains[0], valid().chains[0]] }, 'chains.1.chain', 'expected each chain once'],
    [
      'a quorum of half',
      { chains: [{ ...valid().chains[0], rpcUrls: ['http://a', 'http://b'], quorum: 1 }] },
      'chains.0.quorum',
      'quorum is 1 of 2 providers; expected more than half',
    ],
    [
      'a provider twice',
      { chains: [{ ...valid().chains[0], rpcUrls: ['http://a', 'http://a'] }] },
      'chains.0.rpcUrls',
      'a provider counts once in a quorum',
    ],
    [
      'a verifier without signers',
      { keys: { submitter: { privateKey: CANARY } } },
      'keys.lockstepDvnSigners',
      'expected at least one signer',
    ],
    ['an impossible batch', { batching: { maxCount: 5, minCount: 9 } }, 'batching.minCount', 'expected at most maxCount, 5'],
    ['another database', { database: { url: 'mysql://x' } }, 'database.url', 'expected a postgres:// URL'],
  ])('refuses %s', (_what, part, key, message) => {
    expect(problemsOf({ ...valid(), ...part })[key]).toContain(message);
  });

  it('never repeats a secret in its message', () => {
    const raw = { ...valid(), keys: { submitter: { privateKey: `${CANARY}00` }, lockstepDvnSigners: [] } };
    expect(() => parse(raw)).toThrow(ConfigError);
    try {
      parse(raw);
    } catch (error) {
      expect(String(error)).not.toContain(CANARY.slice(2));
    }
  });
});

describe('given no usable file', () => {
  it('says which and what was expected', () => {
    expect(() => loadConfig({})).toThrow('LOCKSTEP_CONFIG: is not set; expected the path of a JSON configuration file');
    expect(() => loadConfig({ LOCKSTEP_CONFIG: '/does/not/exist.json' })).toThrow('cannot be read');
    expect(() => loadConfig({ LOCKSTEP_CONFIG: import.meta.filename })).toThrow('is not JSON');
  });
});

describe('given figures of a chain', () => {
  it('takes more than half of the providers as quorum, and gwei exactly', () => {
    expect([1, 2, 3, 4, 5].map((count) => quorumOf({ quorum: undefined, rpcUrls: Array.from({ length: count }, String) }))).toEqual([
      1, 2, 2, 3, 3,
    ]);
    expect(gweiToWei(0.1)).toBe(100_000_000n);
  });
});
