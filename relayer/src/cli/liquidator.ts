import type { Command } from 'commander';
import type { HubCall } from '../stages/hub-calls.js';
import type { LiquidatorEvent, LiquidatorOptions } from './liquidator-run.js';

const asText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
const BAR = 30;
const CENT = 10n ** 16n;
const money = (cash: bigint): string => (Number(cash / CENT) / 100).toFixed(2);

/** A line for a person; null for what a person need not see. */
export function tellLiquidator(event: LiquidatorEvent): string | null {
  switch (event.kind) {
    case 'progress':
      return null;
    case 'look': {
      const { block, watched, suspects, accounts } = event.look;
      const lines = accounts.map(
        ({ account, equity, margin, auction }) =>
          `  ${account}  equity ${money(equity)}  maintenance ${money(margin)}${auction === null ? '' : '  in auction'}`,
      );
      return [
        `block ${block}: ${watched} accounts watched, ${suspects} near the line, ${accounts.length} below it or in auction`,
        ...lines,
      ].join('\n');
    }
    case 'transaction':
      return `  ${told(event.purpose)}: ${event.status} (${event.hash})`;
    case 'sent':
      return `  ${told(event.purpose)}: sent (${event.hash})`;
    case 'raised':
      return `  ${told(event.purpose)}: sent again at higher fees (${event.hash})`;
    case 'replaced':
      return `  ${told(event.purpose)}: another transaction of this key took its place`;
    case 'emptied':
      return `  ${told(event.purpose)}: was stuck and not needed any more`;
    case 'would-send':
      return `  would send: ${told(event.purpose)}`;
    case 'refused':
      return `  refused: ${told(event.purpose)}: ${event.because}`;
    case 'dear':
      return `  waits: ${told(event.purpose)}: gas costs more than --max-fee-gwei`;
    case 'failed':
      return `a look failed, the next one follows: ${event.because}`;
  }
}

const told = (purpose: HubCall['purpose']): string =>
  [
    purpose['what'],
    purpose['account'],
    purpose['eid'] === undefined ? undefined : `chain ${String(purpose['eid'])}${purpose['closes'] === true ? ' closed' : ' open'}`,
    purpose['levy'] === undefined ? undefined : `levy ${String(purpose['levy'])}`,
    purpose['payout'] === undefined ? undefined : `paid out: ${String(purpose['payout'])}`,
  ]
    .filter((part) => part !== undefined)
    .join(' ');

function bar(done: bigint, to: bigint): string {
  const full = to === 0n ? BAR : Number((done * BigInt(BAR)) / to);
  return `\rreading events [${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${done}/${to}`;
}

/** Adds `lockstep liquidator`. It needs no configuration and no database. */
export function addLiquidator(program: Command): void {
  program
    .command('liquidator')
    .description(
      'find accounts below maintenance margin, start their auctions and bid; see to losses, debts past the limit, write-downs and top-up routes: with nothing but RPC URLs and a key. Exit code 2: wrong options',
    )
    .requiredOption('--rpc <url...>', 'RPC URLs of the hub chain; the next one is asked when one does not answer')
    .requiredOption('--liquidation <address>', 'the hub’s Liquidation; every other contract is found from it')
    .option('--key-env <name>', 'environment variable that holds the private key')
    .option('--from-block <number>', 'first block whose events are read: that of the deployment; default: 0')
    .option(
      '--bid-account <account>',
      'bid for this account (0x and 64 hex digits), which the key owns or may trade for; default: bid nothing',
    )
    .option('--budget <cash>', 'most cash paid for bids in 24 hours')
    .option('--required <share>', 'least gain, as a share of the maintenance margin taken over; default: 0.02')
    .option('--least-margin <cash>', 'leave alone whose maintenance margin, and what is lacking of it, is less; default: 10')
    .option(
      '--native-price <cash>',
      'what a coin costs in which gas is paid: a bid has to gain its gas; 0: gas counts nothing; default: 5000',
    )
    .option(
      '--payout <route>',
      'pay out what a bid wins: on one chain (its endpoint id), on several (40001:0.25,40002:0.75), or by free liquidity (best); needs --prices; default: it stays',
    )
    .option('--receiver <address>', 'who is paid, on every chain; default: the owner of the bidding account')
    .option('--least <cash>', 'least that is worth a payout; default: 10')
    .option(
      '--prices <url>',
      'GET /prices of an operator: a payout needs prices of the second in which it is asked for, some auctions are undone by prices that nobody handed in, and where the hub’s own are not fresh they are handed in with starts and bids',
    )
    .option(
      '--losses-seconds <number>',
      'between two looks at top-up routes, losses, debts past the limit and assets written down; 0: never; default: 5',
    )
    .option('--shortfalls <address>', 'the hub’s Shortfalls; default: found by events, from --from-block on')
    .option('--stuck-ms <number>', 'send again at higher fees what is not mined after so many milliseconds; default: 15000')
    .option('--max-fee-gwei <number>', 'most that is paid for gas; default: 500')
    .option('--turns <number>', 'let others, of whom nothing is known, go first for up to so many blocks less one; default: 1, at once')
    .option('--others <address...>', 'keepers that share the work: one of them goes first with an account, the next a block later')
    .option('--poll-ms <number>', 'milliseconds between two looks for a new block; default: 1000')
    .option('--once', 'look once and end')
    .option('--dry-run', 'say what would be sent, send nothing; needs no key')
    .option('--json', 'print one JSON object per line')
    .action(async ({ json, ...given }: LiquidatorOptions & { json?: boolean }) => {
      const { LiquidatorError, runLiquidator } = await import('./liquidator-run.js');
      const stop = new AbortController();
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
      const isTerminal = process.stderr.isTTY && json !== true;
      const tell = (event: LiquidatorEvent): void => {
        if (event.kind === 'progress') {
          if (isTerminal) process.stderr.write(event.done < event.to ? bar(event.done, event.to) : '\r\u001b[K');
          return;
        }
        const line = json ? JSON.stringify(event, asText) : tellLiquidator(event);
        if (line !== null) process.stdout.write(`${line}\n`);
      };
      try {
        await runLiquidator(given, process.env, tell, stop.signal);
      } catch (error) {
        if (!(error instanceof LiquidatorError)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 2;
      }
    });
}
