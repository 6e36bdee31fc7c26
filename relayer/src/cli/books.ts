import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { risk } from '@lockstep/shared';
import type { Command } from 'commander';

/** What the command line says. */
export interface BooksOptions {
  readonly json?: boolean;
  readonly docs?: string;
}

/** Figures of the standard books; with `docs`, the folder whose page and picture are written anew. */
export function booksOutput({ json, docs }: BooksOptions): string {
  const books = risk.capitalEfficiency();
  if (docs !== undefined) {
    // Relative names are relative to where the user typed the command, which npm remembers when it changes folders.
    const folder = path.resolve(process.env.INIT_CWD ?? process.cwd(), docs);
    writeFileSync(path.join(folder, 'capital-efficiency.md'), risk.efficiencyMarkdown(books));
    writeFileSync(path.join(folder, 'images', 'capital-efficiency.svg'), risk.efficiencySvg(books));
  }
  return json ? JSON.stringify(risk.efficiencyJson(books), null, 2) : risk.efficiencyText(books);
}

/** Adds `books` to the program. */
export function addBooks(program: Command): void {
  program
    .command('books')
    .description('capital efficiency of standard books under isolated, cross and portfolio margin. Needs nothing that runs')
    .option('--json', 'print one JSON array instead of tables')
    .option('--docs <folder>', 'write the page and the picture of the docs')
    .action((options: BooksOptions) => {
      process.stdout.write(`${booksOutput(options)}\n`);
    });
}
