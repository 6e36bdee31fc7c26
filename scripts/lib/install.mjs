import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectNode, root, run, say, secondsSince } from './process.mjs';

const marker = path.join(root, 'node_modules/.lockstep-installed');
const installedLock = path.join(root, 'node_modules/.package-lock.json');

const lockText = () => readFileSync(path.join(root, 'package-lock.json'), 'utf8');
const lockHash = () => createHash('sha256').update(lockText()).digest('hex');

const forThisMachine = ({ os, cpu }) => (!os || os.includes(process.platform)) && (!cpu || cpu.includes(process.arch));

/** Packages the lock asks for on this machine that npm's own record of `node_modules` does not have in that version. */
function missingPackages() {
  if (!existsSync(installedLock)) return ['everything'];
  const { packages: wanted } = JSON.parse(lockText());
  const { packages: installed } = JSON.parse(readFileSync(installedLock, 'utf8'));
  return Object.entries(wanted)
    .filter(([name, entry]) => name.startsWith('node_modules/') && !entry.optional && !entry.link && forThisMachine(entry))
    .filter(([name, entry]) => installed[name]?.version !== entry.version)
    .map(([name]) => name.slice('node_modules/'.length));
}

function isInstalled() {
  if (existsSync(marker) && readFileSync(marker, 'utf8').trim() === lockHash()) return true;
  if (missingPackages().length > 0) return false;
  writeFileSync(marker, `${lockHash()}\n`); // installed by hand, and complete
  return true;
}

/** npm found the lock file incomplete: a package for another platform was not in the registry the lock was made from. */
const lockHasHoles = (output) => output.includes('EUSAGE') || output.includes('Missing: ');

/**
 * Installs the dependencies when package-lock.json changed since the last time, in one visible step.
 * @throws when npm fails, or when this platform has no prebuilt Node 24 and the one in use is older
 */
export async function ensureInstalled() {
  if (!isInstalled()) {
    const start = performance.now();
    say('▸ install   npm ci (once, about a minute; needs the npm registry and about 1 GB of disk)');
    const beat = setInterval(() => say(`  install   … ${secondsSince(start)} s`), 15_000);
    // Warnings about engines are about npm's own, older Node; the project runs under Node 24.
    const flags = ['--no-audit', '--no-fund', '--loglevel=error'];
    let result = await run('npm', ['ci', ...flags], { capture: true, stdout: process.stderr });
    if (result.code !== 0 && lockHasHoles(result.output)) {
      say('  install   the lock file lacks a package of another platform; npm install completes it');
      result = await run('npm', ['install', ...flags], { capture: true, stdout: process.stderr });
    }
    clearInterval(beat);
    if (result.code !== 0) {
      throw new Error(`npm ended with code ${result.code} (its messages are above). The npm registry must be reachable; nothing else is.`);
    }
    writeFileSync(marker, `${lockHash()}\n`);
    say(`✓ install   ${secondsSince(start)} s`);
  }
  if (projectNode() === null) {
    throw new Error(
      `Node 24 is needed and npm has no prebuilt one for ${process.platform}-${process.arch}; this is Node ${process.versions.node}. ` +
        'Install Node 24 or newer, then repeat the command.',
    );
  }
}
