import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { risk } from '@lockstep/shared';
import { Argument, type Command } from 'commander';
import { firstLine } from '../chain/error-fields.js';

/** What the command line says. */
export interface MarginOptions {
  readonly portfolio: string;
  /** A file, or the name of a parameter set that ships. */
  readonly params: string;
  /** Daily prices: CSV if the name says so, else JSON. */
  readonly history?: string;
  readonly json?: boolean;
  readonly html?: string;
  readonly svg?: string;
}

export type MarginAnswer =
  { readonly kind: 'report'; readonly output: string } | { readonly kind: 'refused'; readonly problems: readonly string[] };

type Read = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Relative names are relative to where the user typed the command, which npm remembers when it changes folders. */
const located = (file: string): string => path.resolve(process.env.INIT_CWD ?? process.cwd(), file);

function readRows(what: string, file: string, format: 'JSON' | 'CSV'): Read {
  try {
    const text = readFileSync(located(file), 'utf8');
    return { kind: 'value', value: format === 'CSV' ? risk.csvRows(text) : JSON.parse(text) };
  } catch (error) {
    const expected = error instanceof SyntaxError ? 'expected JSON' : 'expected a file that can be read';
    return { kind: 'refused', problems: [`${what} ${located(file)}: ${firstLine(error)}; ${expected}`] };
  }
}
const readJson = (what: string, file: string): Read => readRows(what, file, 'JSON');

function readHistory(file: string | undefined): Read {
  if (file === undefined) return { kind: 'value', value: undefined };
  return readRows('history', file, file.toLowerCase().endsWith('.csv') ? 'CSV' : 'JSON');
}

function readParameters(name: string): Read {
  const shipped = risk.PARAMETER_SETS[name];
  if (shipped !== undefined) return { kind: 'value', value: shipped };
  const read = readJson('parameters', name);
  if (read.kind === 'value') return read;
  const names = Object.keys(risk.PARAMETER_SETS).join(', ');
  return { kind: 'refused', problems: read.problems.map((problem) => `${problem}, or one of the names that ship: ${names}`) };
}

/** Values the portfolio, writes the pictures that are asked for and returns what to print. Needs no configuration, chain or database. */
export function marginAnswer(options: MarginOptions): MarginAnswer {
  const [portfolio, parameters] = [readJson('portfolio', options.portfolio), readParameters(options.params)];
  const history = readHistory(options.history);
  if (portfolio.kind === 'refused' || parameters.kind === 'refused' || history.kind === 'refused')
    return {
      kind: 'refused',
      problems: [portfolio, parameters, history].flatMap((read) => (read.kind === 'refused' ? read.problems : [])),
    };
  const result = risk.marginReport(portfolio.value, parameters.value, history.value);
  if (result.kind === 'refused') return result;
  const { report } = result;
  if (options.html !== undefined) writeFileSync(located(options.html), risk.reportHtml(report));
  if (options.svg !== undefined) writeFileSync(located(options.svg), `${risk.surfacesSvg(report.surfaces)}\n`);
  return { kind: 'report', output: options.json ? JSON.stringify(risk.reportJson(report), null, 2) : risk.reportText(report) };
}

/** Adds `schema` to the program: what an editor needs to check and complete the files of `margin`. */
export function addSchema(program: Command): void {
  program
    .command('schema')
    .description('print the JSON schema of a file that margin reads')
    .addArgument(new Argument('<file>').choices(Object.keys(risk.fileSchemas())))
    .action((file: keyof ReturnType<typeof risk.fileSchemas>) => {
      process.stdout.write(`${JSON.stringify(risk.fileSchemas()[file], null, 2)}\n`);
    });
}

/** Adds `margin` to the program. Exit code 2: a file was refused, and why stands on stderr. */
export function addMargin(program: Command): void {
  program
    .command('margin')
    .description('value a portfolio file under a parameter file: margins, scenarios, Greeks, pictures. Needs nothing that runs')
    .requiredOption('--portfolio <file>', 'the account (docs/schemas/portfolio.json)')
    .requiredOption(
      '--params <file or name>',
      `the method (docs/schemas/parameters.json), or one that ships: ${Object.keys(risk.PARAMETER_SETS).join(', ')}`,
    )
    .option('--history <file>', 'daily prices, CSV or JSON: adds Value at Risk, Expected Shortfall and backtests')
    .option('--json', 'print one JSON object instead of tables')
    .option('--html <file>', 'write the report as one HTML page')
    .option('--svg <file>', 'write the picture of P&L over spot and volatility')
    .action((options: MarginOptions) => {
      const answer = marginAnswer(options);
      switch (answer.kind) {
        case 'report':
          process.stdout.write(`${answer.output}\n`);
          return;
        case 'refused':
          process.stderr.write(`${answer.problems.join('\n')}\n`);
          process.exitCode = 2;
          return;
      }
    });
}
