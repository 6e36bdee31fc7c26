import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as contracts from '@lockstep/contracts';
import { desiredSchema } from '@lockstep/deployments';
import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../src/config/load.js';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const under = (folder: string, suffix: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(suffix))
    .map((file) => read(path.join(folder, file)));
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name = '']) => name);

const runbook = read('docs/runbook.md');
const sources = under('relayer/src', '.ts');
const source = sources.join('\n');

/** Names of log lines that are put together when the process runs. */
const COMPOSED: Readonly<Record<string, readonly string[]>> = {
  'sender.${step}': ['sender.rejected', 'sender.deferred', 'sender.too-expensive'],
  'ledger.${what}': ['ledger.quarantine', 'ledger.freeze'],
  '${this.caller.event}.refused': ['margin.keep.refused', 'liquidation.refused'],
};

/** Lines of level warning and error: each of them somebody may have to look up. */
const loud = all(source, /logger\.(?:warn|error)\(\{\s*(?:\.\.\.\{\s*)?event: ['`]([^'`]+)['`]/g).flatMap(
  (name) => COMPOSED[name] ?? [name],
);

const problems = [...new Set(all(read('shared/src/problems.ts'), /readonly code: '([A-Z_]+)'/g))];
const incidents = all(/type IncidentCode =(.+?)\n\n/s.exec(read('relayer/src/sender/intent.ts'))?.[1] ?? '', /\| '([a-z-]+)'/g);
const reconciled = all(/RECONCILED_INVARIANTS = \[([^\]]+)\]/.exec(read('shared/src/reconciliation.ts'))?.[1] ?? '', /'(INV-[A-Z0-9-]+)'/g);
const gauges = [
  ...all(source, /this\.#gauge\('([a-z_]+)'/g).map((name) => `lockstep_${name}`),
  ...all(source, /perChain\(\s*'([a-z_]+)'/g).map((name) => `lockstep_${name}`),
  ...all(source, /gauge\('(margin_[a-z_]+)'/g),
  ...all(source, /name: '(margin_[a-z_]+)'/g),
];

describe('given docs/runbook.md', () => {
  it('finds what the process can raise', () => {
    expect(problems).toContain('RELEASE_LATE');
    expect(incidents).toContain('insufficient-funds');
    expect(loud).toContain('chain.halted');
    expect(gauges).toContain('lockstep_tx_incidents');
    expect(reconciled).toContain('INV-JOURNAL-CHAIN');
    expect(ways.length).toBeGreaterThan(25);
  });

  it('names every log line of level warning and error as a whole', () => {
    expect(loud.filter((name) => name.includes('${'))).toEqual([]);
  });

  it.each([
    ['problem of a path', problems],
    ['incident of the sender', incidents],
    ['invariant that is reconciled', [...reconciled, 'INV-LEDGER-4']],
    ['log line of level warning and error', loud],
    ['metric', gauges],
  ])('has an entry for every %s', (_what, names) => {
    expect(names.filter((name) => !new RegExp(`(?<![\\w.-])${name.replaceAll('.', '\\.')}(?![\\w-])`).test(runbook))).toEqual([]);
  });
});

interface Item {
  readonly type: string;
  readonly name: string;
  readonly inputs: number;
}

/** Functions, events and errors by contract: `Messenger` and `IMessenger` are one. */
const abis = new Map<string, Item[]>();
for (const [name, abi] of Object.entries(contracts)) {
  if (!name.endsWith('Abi') || !Array.isArray(abi)) continue;
  const contract = name
    .replace(/Abi$/, '')
    .replace(/^i(?=[A-Z])/, '')
    .toLowerCase();
  const items = abi.flatMap((item: unknown): Item[] => {
    if (typeof item !== 'object' || item === null || !('name' in item) || !('type' in item)) return [];
    const inputs = 'inputs' in item && Array.isArray(item.inputs) ? item.inputs.length : 0;
    return [{ type: String(item.type), name: String(item.name), inputs }];
  });
  abis.set(contract, [...(abis.get(contract) ?? []), ...items]);
}

const PAGES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...['runbook', 'operating', 'trading'].map((page) => `docs/${page}.md`)];

/** `GET /queue`, a pattern for each way of the API; what stands in braces, or after a last slash, is a parameter. */
const ways = sources.flatMap((file) => {
  const prefix = /@Controller\('?([\w-]*)'?\)/.exec(file)?.[1];
  if (prefix === undefined) return [];
  return [...file.matchAll(/@(Get|Post|Delete|Sse)\('?([\w/:-]*)'?\)/g)].map(([, verb = '', way = '']) => {
    const steps = [...prefix.split('/'), ...way.split('/')].filter((step) => step !== '');
    const method = verb === 'Sse' ? 'GET' : verb.toUpperCase();
    return new RegExp(`^${method} ${steps.map((step) => (step.startsWith(':') ? '/[^/]*' : `/${step}`)).join('')}$`);
  });
});

/** Options of node, anvil and npm. */
const OF_OTHERS: ReadonlySet<string> = new Set(['--input-type', '--port', '--chain-id', '--dry-run']);

/** Arguments of a call as it is written: commas outside of brackets of its own. */
function argumentsOf(text: string): number {
  if (text.trim() === '') return 0;
  let depth = 0;
  let count = 1;
  for (const character of text) {
    if ('([{'.includes(character)) depth++;
    if (')]}'.includes(character)) depth--;
    if (character === ',' && depth === 0) count++;
  }
  return count;
}

describe.each(PAGES)('given %s', (page) => {
  const text = read(page);

  it('calls only functions that contracts have, with as many arguments as they take', () => {
    const wrong = [...text.matchAll(/\b([A-Z][A-Za-z]+)\.([a-z][A-Za-z]+)(?:\(((?:[^()`]|\([^()`]*\))*)\))?/g)].flatMap(
      ([call, contract = '', name = '', given]) => {
        const items = abis.get(contract.toLowerCase());
        if (items === undefined || name === 'sol') return [];
        const found = items.filter((item) => item.type === 'function' && item.name === name);
        const fits = found.some(({ inputs }) => given === undefined || given.includes('…') || inputs === argumentsOf(given));
        return fits ? [] : [call];
      },
    );
    expect(wrong).toEqual([]);
  });

  it('names only ways that the API has', () => {
    const named = all(text, /\b((?:GET|POST|DELETE) \/[^\s`?)]*)/g);
    expect(named.filter((name) => !ways.some((way) => way.test(name)))).toEqual([]);
  });

  it('names only options that a command has', () => {
    const commands = [...sources, ...under('deployments/src/cli', '.ts'), ...under('test/src', '.ts')].join('\n');
    const options = [...new Set(all(text, /(?<![\w-])(--[a-z][a-z-]+)/g))].filter((option) => !OF_OTHERS.has(option));
    expect(options.filter((option) => !new RegExp(`['\`]${option}(?![\\w-])`).test(commands))).toEqual([]);
  });
});

describe('given docs/operating.md', () => {
  it('has a configuration that a relayer takes, with every role and every sending key', () => {
    const json = /```json\n([^`]+)```/.exec(read('docs/operating.md'))?.[1] ?? '';
    const key = `0x${'11'.repeat(32)}`;
    const environment = Object.fromEntries(all(json, /"env": "([A-Z0-9_]+)"/g).map((name) => [name, key]));
    const config = parseConfig(JSON.parse(json), environment, 'docs/operating.md', root);
    expect(config.chains.map(({ chain }) => chain)).toEqual(['arbitrum-sepolia', 'sepolia']);
    for (const role of config.roles) expect(read('docs/operating.md')).toMatch(new RegExp(`^\\| \`${role}\``, 'm'));
  });

  it('has a desired state that deployments take', async () => {
    const example: unknown = await import(path.join(root, 'docs/examples/network.mjs'));
    const desired = typeof example === 'object' && example !== null && 'desired' in example ? example.desired : undefined;
    expect(desiredSchema.safeParse(desired).error?.issues).toBeUndefined();
  });
});

describe('given links between pages', () => {
  const pages = [
    ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'],
    ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => path.join('docs', file)),
  ];
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-');

  it.each(pages)('%s leads to files and headings that are there', (page) => {
    const broken = all(read(page), /\]\(([^)\s]+)\)/g).filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      if (!existsSync(path.join(root, target))) return true;
      return anchor !== undefined && !all(read(target), /^#+ (.+)$/gm).some((heading) => slug(heading) === anchor);
    });
    expect(broken).toEqual([]);
  });
});
