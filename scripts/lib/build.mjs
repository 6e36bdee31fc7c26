import { run, say, secondsSince } from './process.mjs';

/**
 * Builds every package in the order of its imports (shared, contracts, deployments, relayer, test). Nx restores what did not change.
 * @throws with the compiler's own messages shown before
 */
export async function build() {
  const start = performance.now();
  say('▸ build     shared → contracts → deployments → relayer → test');
  const beat = setInterval(() => say(`  build     … ${secondsSince(start)} s`), 15_000);
  const { code, output } = await run('nx', ['run-many', '-t', 'build', '--outputStyle=static'], { quiet: true });
  clearInterval(beat);
  if (code !== 0) {
    process.stderr.write(output);
    throw new Error(`the build ended with code ${code} (its messages are above)`);
  }
  say(`✓ build     ${secondsSince(start)} s`);
}
