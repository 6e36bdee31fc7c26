import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { marginReport, PARAMETER_SETS, reportJson } from '../../src/risk/index.js';
import { fileSchemas } from '../../src/risk/schema.js';

const root = path.join(import.meta.dirname, '../../..');
const read = (file: string): unknown => JSON.parse(readFileSync(path.join(root, file), 'utf8'));
const examples = readdirSync(path.join(root, 'docs/examples')).filter((file) => file.endsWith('.json'));

describe('given the files that ship with the what-if tool', () => {
  it.each(Object.entries(fileSchemas()))(
    'docs/schemas/%s.json is the schema that checks (else: npm run lockstep -- schema)',
    (name, schema) => {
      expect(read(`docs/schemas/${name}.json`)).toEqual(JSON.parse(JSON.stringify(schema)));
    },
  );
  it('every parameter file has a name', () => {
    const files = readdirSync(path.join(root, 'shared/src/risk/parameters')).map((file) => file.replace('.json', ''));
    expect(Object.keys(PARAMETER_SETS).sort()).toEqual(files.sort());
    for (const file of files) expect(PARAMETER_SETS[file]).toEqual(read(`shared/src/risk/parameters/${file}.json`));
  });
  it.each(examples.flatMap((example) => Object.keys(PARAMETER_SETS).map((name) => [example, name] as const)))(
    '%s is valued under %s',
    (example, name) => {
      const result = marginReport(read(`docs/examples/${example}`), PARAMETER_SETS[name]);
      if (result.kind === 'refused') throw new Error(result.problems.join('\n'));
      const json = reportJson(result.report);
      expect(json.positions.length).toBeGreaterThan(0);
      expect(Number(json.equity)).toBeGreaterThan(0);
      expect(Number(json.initialMargin)).toBeGreaterThan(0);
    },
  );
});
