import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { booksOutput } from '../src/cli/books.js';

const docs = path.join(import.meta.dirname, '../../docs');

describe('given lockstep books', () => {
  it('prints the same figures as tables and as JSON', () => {
    const books: unknown = JSON.parse(booksOutput({ json: true }));
    expect(books).toContainEqual(expect.objectContaining({ name: 'straddle', notional: '120000' }));
    expect(booksOutput({})).toMatch(/straddle +120,000 +18,000 \(9,000\)/);
  });
  it.each(['capital-efficiency.md', 'images/capital-efficiency.svg'])(
    'docs/%s is what it writes (else: npm run -s lockstep -- books --docs docs)',
    (file) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'books-'));
      mkdirSync(path.join(folder, 'images'));
      booksOutput({ docs: folder });
      expect(readFileSync(path.join(docs, file), 'utf8')).toBe(readFileSync(path.join(folder, file), 'utf8'));
    },
  );
});
