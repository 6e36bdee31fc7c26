import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tableAsSolidity, tableAsTypeScript, normalTable } from './table.js';
import { functionVectors, optionVectors } from './vectors.js';

const root = path.join(import.meta.dirname, '../../../..');
/** `UPDATE_VECTORS=1 npm test -- risk/math/committed` writes the files instead of comparing them. */
const update = process.env['UPDATE_VECTORS'] === '1';

function expectCommitted(file: string, text: string): void {
  const full = path.join(root, file);
  if (update) writeFileSync(full, text);
  expect(readFileSync(full, 'utf8')).toBe(text);
}

describe('given the high-precision reference', () => {
  const words = normalTable();
  it('makes the normal table of both languages, byte for byte', () => {
    expectCommitted('shared/src/risk/math/normal-table.ts', tableAsTypeScript(words));
    expectCommitted('contracts/src/math/NormalTable.sol', tableAsSolidity(words));
  });

  it('makes the vectors both languages read', () => {
    expectCommitted('shared/vectors/risk/functions.json', `${JSON.stringify(functionVectors(), null, 1)}\n`);
    expectCommitted('shared/vectors/risk/options.json', `${JSON.stringify(optionVectors(), null, 1)}\n`);
  });
});
