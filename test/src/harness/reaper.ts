/**
 * Outlives the process that started it by a moment and ends what that process left running.
 *
 * Lines on stdin: `+<pid> <signal>` watch, `-<pid>` forget, `d<path>` remove this folder at the end. When stdin closes, which
 * the kernel does even after SIGKILL, every watched process gets its signal and, two seconds later, SIGKILL. Only pids that
 * were handed over are touched.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const GRACE_MS = 2_000;
const watched = new Map<number, NodeJS.Signals>();
const folders: string[] = [];

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false; // already gone
  }
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [first = '', name = 'SIGKILL'] = line.slice(1).split(' ');
    if (line.startsWith('+')) watched.set(Number(first), name as NodeJS.Signals); // CAST: written by processes.ts from a typed value
    if (line.startsWith('-')) watched.delete(Number(first));
    if (line.startsWith('d')) folders.push(line.slice(1));
  })
  .on('close', () => {
    for (const [pid, name] of watched) signal(pid, name);
    const deadline = Date.now() + GRACE_MS;
    const timer = setInterval(() => {
      const alive = [...watched.keys()].filter((pid) => signal(pid, 0));
      if (alive.length > 0 && Date.now() < deadline) return;
      for (const pid of alive) signal(pid, 'SIGKILL');
      clearInterval(timer);
      for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }, 50);
  });
