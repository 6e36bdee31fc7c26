import { createRequire } from 'node:module';
import path from 'node:path';
import type { ManagedProcess, Processes } from './processes.js';
import type { LiquidatorTerms } from './relayer.js';
import type { HubChain } from './stack.js';

const require = createRequire(import.meta.url);
const KEY = 'LIQUIDATOR_KEY';
const POLL_MS = 200;

/** Where it runs. */
interface Place {
  readonly name: string;
  readonly dir: string;
  readonly processes: Processes;
  readonly hub: Pick<HubChain, 'liquidation' | 'deployedAt'>;
  readonly rpcUrl: string;
  /** of an operator's API: where prices for payouts come from */
  readonly apiUrl?: string;
}

/** The operator's command `liquidator`, as anyone may run it: an RPC URL and a key, no database. Its log is one JSON object per line. */
export async function startLoneLiquidator(
  { name, dir, processes, hub, rpcUrl, apiUrl }: Place,
  { key, bid }: LiquidatorTerms,
): Promise<ManagedProcess> {
  const bids = bid === undefined ? [] : ['--bid-account', bid.account, '--budget', bid.budget, '--required', bid.required ?? '0.02'];
  const payout = bid?.payout;
  const paid = payout === undefined ? [] : ['--payout', payout.route, '--receiver', payout.receiver, '--least', payout.least];
  const asked = payout === undefined || apiUrl === undefined ? [] : ['--prices', `${apiUrl}/prices`];
  return processes.start({
    name,
    command: process.execPath,
    args: [
      ...['--enable-source-maps', require.resolve('@lockstep/relayer/cli'), 'liquidator', '--json'],
      ...['--rpc', rpcUrl, '--liquidation', hub.liquidation, '--from-block', `${hub.deployedAt}`, '--key-env', KEY],
      ...['--poll-ms', `${POLL_MS}`, ...bids, ...paid, ...asked],
    ],
    logFile: path.join(dir, `${name}.log`),
    env: { ...process.env, [KEY]: key.privateKey },
    stopSignal: 'SIGTERM',
  });
}
