import { ledgerAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { assetIdOf } from './deploy.js';
import type { Hub } from './hub.js';
import { CHAINS } from './population.js';

/** Most that roundings may leave over in one replay, 1e-18 cash: one per position and bid, of which there are far fewer. */
const ROUNDINGS = 10n ** 9n;

/**
 * INV-CASH-1 and INV-POS-1 on the hub as it stands.
 * @param accounts all that ever held a position
 * @throws Error naming the invariant and the figures
 */
export async function assertSound(hub: Hub, accounts: readonly AccountId[]): Promise<void> {
  const { client } = hub.chain;
  const ledger = { address: hub.at.ledger, abi: ledgerAbi } as const;
  const [cash, clearing, queued, [, pool], [, due], ...custodies] = await Promise.all([
    client.readContract({ ...ledger, functionName: 'totalCash' }),
    client.readContract({ ...ledger, functionName: 'clearing' }),
    client.readContract({ ...ledger, functionName: 'queuedCash' }),
    client.readContract({ ...ledger, functionName: 'interestOf' }),
    client.readContract({ ...ledger, functionName: 'spreadOf' }),
    ...CHAINS.map((chain) => client.readContract({ ...ledger, functionName: 'custodyOf', args: [assetIdOf(chain, 'USDC')] })),
  ]);
  const free = custodies.reduce((sum, custody) => sum + custody.free, 0n) * 10n ** 12n;
  const left = free - (cash + clearing + queued + pool - due);
  if (left < 0n || left > ROUNDINGS) throw new Error(`INV-CASH-1: free settlement less all claims is ${left}; expected 0 … ${ROUNDINGS}`);

  const sums = new Map<string, bigint>();
  const add = (key: string, size: bigint): void => void sums.set(key, (sums.get(key) ?? 0n) + size);
  for (const { underlyings } of await hub.holdings(accounts))
    for (const { underlying, size, options } of underlyings) {
      add(`perpetual ${underlying}`, size);
      for (const { place, isPut, lots } of options) add(`${isPut ? 'put' : 'call'} ${underlying} at place ${place}`, lots);
    }
  const odd = [...sums].find(([, sum]) => sum !== 0n);
  if (odd !== undefined) throw new Error(`INV-POS-1: sizes of ${odd[0]} sum to ${odd[1]}; expected 0`);
}
