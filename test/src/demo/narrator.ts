import { performance } from 'node:perf_hooks';
import { seconds } from './text.js';

/** Tells the audience where the story is. */
export interface Narrator {
  readonly stage: (text: string) => void;
  readonly say: (text: string) => void;
}

/** Tells the story as lines: each stage with the time since the start, what happens in it indented, repeats left out. */
export function linesTo(write: (line: string) => void): Narrator {
  let last = '';
  return {
    stage: (text) => {
      last = '';
      write(`${seconds(performance.now()).padStart(8)}  ${text}`);
    },
    say: (text) => {
      if (text === last) return;
      last = text;
      write(`${' '.repeat(10)}· ${text}`);
    },
  };
}

/**
 * The same for a terminal: what happens in a stage overwrites one line, and its last state stays.
 */
export function terminal(out: NodeJS.WriteStream): Narrator {
  let open = false;
  const close = (): void => {
    if (open) out.write('\n');
    open = false;
  };
  return {
    stage: (text) => {
      close();
      out.write(`\u001b[2m${seconds(performance.now()).padStart(8)}\u001b[0m  \u001b[1m${text}\u001b[0m\n`);
    },
    say: (text) => {
      out.clearLine(0);
      out.cursorTo(0);
      out.write(`${' '.repeat(10)}· ${text.slice(0, Math.max(20, out.columns - 14))}`);
      open = true;
    },
  };
}
