import path from 'node:path';

const mark = { passed: '✓', failed: '✗' };

/** One line per test at the moment it ends, with its file, as several may run at once: a run of minutes is never silent. */
export default class ProgressReporter {
  onTestFileStart(test) {
    process.stderr.write(`  ${path.relative(process.cwd(), test.path)}\n`);
  }

  onTestCaseResult(test, { status, fullName, duration }) {
    const seconds = duration > 100 ? ` (${(duration / 1000).toFixed(1)} s)` : '';
    process.stderr.write(`    ${mark[status] ?? '○'} ${path.basename(test.path, '.spec.ts')}: ${fullName}${seconds}\n`);
  }

  onTestFileResult(_test, { failureMessage }) {
    if (failureMessage) process.stderr.write(`${failureMessage}\n`);
  }
}
