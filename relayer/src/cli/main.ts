#!/usr/bin/env node
import 'reflect-metadata';
import { Command } from 'commander';
import { errorFields } from '../chain/error-fields.js';
import { ConfigError } from '../config/load.js';
import type { Finding } from './doctor.js';
import { addBooks } from './books.js';
import { addLiquidator } from './liquidator.js';
import { addMargin, addSchema } from './margin.js';
import { addReceipts } from './receipts.js';
import type { ResumeAnswer } from './resume.js';
import { addStatus } from './status.js';

// What a command needs is loaded when it runs: `margin` should not wait for a database driver.
const program = new Command('lockstep').description(
  'Operate a Lockstep relayer (with the configuration that LOCKSTEP_CONFIG names), and value portfolios (with none).',
);

program
  .command('doctor')
  .description('check configuration, database, providers, contracts and keys; changes nothing. Exit code 1: something is wrong')
  .option('--json', 'print one JSON object')
  .action(async ({ json }: { json?: boolean }) => {
    const { examine } = await import('./doctor.js');
    const findings = await examine(process.env);
    const ok = findings.every((finding) => finding.ok);
    print(json ? JSON.stringify({ ok, findings }) : findings.map(lineOf).join('\n'));
    process.exitCode = ok ? 0 : 1;
  });

program
  .command('resume <chain>')
  .description('let the follower of a chain halted by a deep reorg undo what is gone and go on')
  .option('--json', 'print one JSON object')
  .action(async (chain: string, { json }: { json?: boolean }) => {
    const { requestResume } = await import('./resume.js');
    const answer = await requestResume(process.env, chain);
    print(json ? JSON.stringify(answer) : sentenceOf(answer));
    process.exitCode = answer.kind === 'unknown' ? 1 : 0;
  });

addMargin(program);
addBooks(program);
addLiquidator(program);
addReceipts(program);
addSchema(program);
addStatus(program);

function lineOf({ check, subject, ok, detail }: Finding): string {
  return `${ok ? 'ok  ' : 'FAIL'}  ${check.padEnd(13)}  ${subject}: ${detail}`;
}

function sentenceOf(answer: ResumeAnswer): string {
  switch (answer.kind) {
    case 'requested':
      return `${answer.chain} was halted by a ${answer.because}; its follower resumes at its next step`;
    case 'not-halted':
      return `${answer.chain} is not halted; nothing to do`;
    case 'unknown':
      return `${answer.chain} is not followed; expected one of ${answer.known.join(', ')}`;
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(error instanceof ConfigError ? `${error.message}\n` : `${errorFields(error).message}\n`);
  process.exitCode = 1;
});
