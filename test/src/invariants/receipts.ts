import { iHandoverAbi, iLedgerAbi, iLevyAbi, iLiquidationAbi, iShortfallsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { liquidation } from '@lockstep/shared';
import { parseEventLogs } from 'viem';
import type { HubChain } from '../harness/stack.js';
import type { Findings } from './report.js';

/** Blocks that are looked at. */
export interface Range {
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
  readonly strict: true;
}

/** INV-LIQ-3: what each levy took of whom, and what each loss of all cash left of a unit of it, is what the hub's own receipts make it. */
export async function checkReceipts(hub: HubChain, range: Range, findings: Findings): Promise<void> {
  const levies = { address: hub.levy, abi: iLevyAbi, ...range } as const;
  const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
  const [opened, registered, closed, paid, lost] = await Promise.all([
    hub.client.getContractEvents({ ...levies, eventName: 'LevyOpened' }),
    hub.client.getContractEvents({ ...levies, eventName: 'Registered' }),
    hub.client.getContractEvents({ ...levies, eventName: 'LevyClosed' }),
    hub.client.getContractEvents({ ...levies, eventName: 'LevyPaid' }),
    hub.client.getContractEvents({ ...ledger, ...range, eventName: 'LossSpread' }),
  ]);
  const told = opened.map(({ args: { id, deficit } }) => ({
    ...{ id, deficit },
    registrations: registered
      .filter(({ args }) => args.id === id)
      .map(({ args: { maintenanceMargin: margin, ...of } }) => ({ ...of, margin })),
    closed: closed.find(({ args }) => args.id === id)?.args ?? null,
    payments: paid.filter(({ args }) => args.id === id).map(({ args }) => args),
  }));
  const spreads = lost.map(({ args: { amount, kept } }) => ({ amount, kept, held: null }));
  for (const { receipt, what, told: said, expected } of liquidation.verifyReceipts({ levies: told, spreads, charges: [] }))
    findings.expect('INV-LIQ-3', false, `${receipt}: ${what}`, () => `${said}`, expected);
  const [kept] = await hub.client.readContract({ ...ledger, functionName: 'spreadOf', blockNumber: range.toBlock });
  const last = lost.at(-1)?.args.kept ?? liquidation.KEPT_ALL;
  findings.expect('INV-LIQ-3', kept === last, 'loss of all cash', () => `a unit has kept ${kept}`, `${last}, as the last loss told`);
}

/**
 * INV-LIQ-3: the record of a liquidation names exactly the payouts that were chosen with its bids; each was chosen by who took a share in the same
 * transaction, and its claims are his, queued there.
 */
export async function checkRoutes(hub: HubChain, range: Range, findings: Findings): Promise<void> {
  const handover = { address: hub.handover, abi: iHandoverAbi } as const;
  const [chosen, queued] = await Promise.all([
    hub.client.getContractEvents({ ...handover, ...range, eventName: 'RouteChosen' }),
    hub.client.getContractEvents({ address: hub.withdrawals, abi: iWithdrawalsAbi, ...range, eventName: 'ClaimQueued' }),
  ]);
  for (const id of new Set(chosen.map(({ args }) => args.id))) {
    const [, routes] = await hub.client.readContract({ ...handover, functionName: 'recordOf', args: [id], blockNumber: range.toBlock });
    const said = routes.map(({ bidder, firstClaim, legs }) => `${bidder}:${firstClaim}:${legs}`).join(', ');
    const own = chosen.filter(({ args }) => args.id === id);
    const events = own.map(({ args: { bidder, firstClaim, legs } }) => `${bidder}:${firstClaim}:${legs}`).join(', ');
    findings.expect('INV-LIQ-3', said === events, `routes of liquidation ${id}`, () => said, `${events}, as they were chosen`);
  }
  for (const { args, transactionHash } of chosen) {
    const { id, bidder, firstClaim, legs } = args;
    const where = `route of ${bidder} in liquidation ${id}`;
    const { logs } = await hub.client.getTransactionReceipt({ hash: transactionHash });
    const bids = [
      ...parseEventLogs({ abi: iLiquidationAbi, eventName: 'BidTaken', logs }),
      ...parseEventLogs({ abi: iShortfallsAbi, eventName: 'ShortfallBidTaken', logs }),
    ];
    const isBid = bids.some((bid) => bid.args.id === id && bid.args.bidder === bidder);
    findings.expect('INV-LIQ-3', isBid, where, () => 'no bid of his in its transaction', 'a bid');
    const claims = queued.filter((claim) => claim.transactionHash === transactionHash && claim.args.account === bidder);
    const numbers = claims.map((claim) => claim.args.claim).join(', ');
    const expected = Array.from({ length: Number(legs) }, (_, i) => firstClaim + BigInt(i)).join(', ');
    findings.expect('INV-LIQ-3', numbers === expected, where, () => `claims ${numbers}`, expected);
  }
}
