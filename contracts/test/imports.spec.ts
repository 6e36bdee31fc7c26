import { readFileSync } from 'node:fs';
import path from 'node:path';
import { filesUnder, sources } from './artifacts.js';

/** Which folders of `src/` a folder may import from. Custody and accounts meet only in the messages between them. */
const mayImport: Record<string, readonly string[]> = {
  types: [],
  math: ['types'],
  message: ['types', 'math'],
  spoke: ['message', 'types', 'math'],
  hub: ['message', 'types', 'math'],
  worker: ['message', 'types', 'math'],
  local: ['hub', 'spoke', 'types'],
};

const folderOf = (file: string): string => path.relative(sources, file).split(path.sep)[0] ?? '';

/** Folders of `src/` that a source imports from, without its own. */
function importedFolders(file: string): string[] {
  const statements = readFileSync(file, 'utf8').matchAll(/^import\s[^;]*?["'](\.{1,2}\/[^"']+)["'];/gm);
  const folders = [...statements].map(([, target]) => folderOf(path.resolve(path.dirname(file), target ?? '')));
  return [...new Set(folders)].filter((folder) => folder !== folderOf(file));
}

describe('given the Solidity sources', () => {
  const files = filesUnder(sources, '.sol');

  it('when listed, every file lives in a folder with a rule', () => {
    expect(files.map(folderOf).filter((folder) => !(folder in mayImport))).toEqual([]);
  });

  it.each(files.map((file) => [path.relative(sources, file), file]))(
    'when %s imports, it stays inside what its folder may know',
    (_name, file) => {
      const allowed = mayImport[folderOf(file)] ?? [];
      expect(importedFolders(file).filter((folder) => !allowed.includes(folder))).toEqual([]);
    },
  );
});
