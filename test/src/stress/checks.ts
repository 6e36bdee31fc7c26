import { ledgerAbi, liquidationAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { assetIdOf } from './deploy.js';
import type { LevyTotals, Losses } from './figures.js';
import type { Hub } from './hub.js';
import { CHAINS } from './population.js';
import { NUMBER, units } from './prices.js';

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

/** What deficit accounts owe, of each underlying and of accounts without positions, cash. */
export async function owedByDeficits({ chain: { client }, at }: Hub): Promise<number> {
  const owed = await Promise.all(
    [0, ...Object.values(NUMBER)].map(async (market) => {
      const call = { address: at.liquidation, abi: liquidationAbi, functionName: 'deficitAccount', args: [market] } as const;
      const account = await client.readContract(call);
      return await client.readContract({ address: at.ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] });
    }),
  );
  return owed.reduce((sum, cash) => sum - Math.min(0, units(cash)), 0);
}

/** Sums of doubles, cash. */
const EXACT = 1e-3;
/** Deficit accounts owe interest like any debtor; in the hours of a replay it is less than this part. */
const INTEREST = 0.005;

/**
 * Every loss has one payer: what deficits were booked for is what levies, the fund later on and all cash paid, and what the ledger says is owed; the
 * fund's own word of what it paid is the auctions' word; no levy takes more than it was opened for.
 * @throws Error naming what does not add up, and the figures
 */
export function assertAccounted(figures: {
  readonly fundUse: number;
  readonly fundPaid: number;
  readonly losses: Losses;
  readonly levies: readonly LevyTotals[];
  readonly owed: number;
}): void {
  const { fundUse, fundPaid, levies, owed } = figures;
  const { booked, covered, levy, levyToFund, spread } = figures.losses;
  const left = booked - covered - (levy - levyToFund) - spread;
  if (owed < left - EXACT || owed > left + INTEREST * booked + EXACT)
    throw new Error(
      `deficit accounts owe ${owed}; expected ${left}: ${booked} booked, ${covered} covered, ${levy} levied (${levyToFund} of it to the fund), ${spread} spread`,
    );
  if (Math.abs(fundPaid - fundUse - covered) > EXACT)
    throw new Error(`the fund paid ${fundPaid}; expected ${fundUse} at once and ${covered} later`);
  const odd = levies.find(({ deficit, paid }) => paid > deficit + EXACT);
  if (odd !== undefined) throw new Error(`INV-LEVY-1: a levy of ${odd.deficit} took ${odd.paid}; expected no more`);
}
