import { iMessengerAbi, liquidationAbi, routesAbi } from '@lockstep/contracts';
import { encodeFunctionData, zeroAddress, type Address, type PublicClient } from 'viem';
import type { HubCall } from '../hub-calls.js';
import { inBatches } from '../in-batches.js';
import type { LiquidationHub } from './hub.js';
import { Wants, type LiquidationSender, type Outcome } from './wants.js';

/** A top-up route that the hub has otherwise than its path is. */
export interface Misbooked {
  readonly eid: number;
  /** its path is quarantined, and the hub does not know yet */
  readonly closes: boolean;
}

/** What came of reporting one. */
export interface RouteReport extends Misbooked {
  readonly outcome: Outcome;
}

/** What `Routes.report` says where there is nothing to book. */
const UNCHANGED = 'RouteUnchanged';

/**
 * Books which top-up routes are closed (`Routes.report`), as anyone may: the grace of an outage begins when the last one that is closed is booked, and
 * ends with the first that is open. Left undone, whoever is about to be auctioned would choose the moment. A report is wanted only while the hub would
 * take it, and each changes what is booked: there are no more of them than paths that change.
 */
export class RoutesKeeper {
  readonly #wants: Wants;

  constructor(
    private readonly client: PublicClient,
    private readonly hub: Pick<LiquidationHub, 'liquidation'>,
    private readonly sender: LiquidationSender,
  ) {
    this.#wants = new Wants(sender);
  }

  /** One look at every route. @returns what was wanted for which */
  async tend(): Promise<readonly RouteReport[]> {
    const { number: blockNumber, timestamp: now } = await this.client.getBlock();
    const own = { address: this.hub.liquidation, abi: liquidationAbi, blockNumber } as const;
    // Governance may replace them; 0: there is never a grace.
    const routes = await this.client.readContract({ ...own, functionName: 'routes' });
    if (routes === zeroAddress) return [];
    const reports: RouteReport[] = [];
    for (const one of await this.#misbooked(routes, blockNumber)) {
      const outcome = await this.#report(routes, one, now);
      if (outcome !== null) reports.push({ ...one, outcome });
    }
    return reports;
  }

  /** Those that opened come first: else there would be an outage, and its grace used up, between a report that closes and one that opens. */
  async #misbooked(address: Address, blockNumber: bigint): Promise<Misbooked[]> {
    const routes = { address, abi: routesAbi, blockNumber } as const;
    const [eids, messenger] = await Promise.all([
      this.client.readContract({ ...routes, functionName: 'routes' }),
      this.client.readContract({ ...routes, functionName: 'messenger' }),
    ]);
    const paths = { address: messenger, abi: iMessengerAbi, blockNumber } as const;
    const read = await inBatches(eids, async (eid) => {
      const [isOpen, isQuarantined] = await Promise.all([
        this.client.readContract({ ...routes, functionName: 'isOpen', args: [eid] }),
        this.client.readContract({ ...paths, functionName: 'isQuarantined', args: [eid] }),
      ]);
      return { eid, isOpen, isQuarantined };
    });
    return read
      .filter(({ isOpen, isQuarantined }) => isOpen === isQuarantined)
      .map(({ eid, isQuarantined: closes }) => ({ eid, closes }))
      .sort((a, b) => Number(a.closes) - Number(b.closes));
  }

  /** Null: it is not to be reported. What the guardian declared closed stays so, and only a refusal tells it from what was reported. */
  async #report(to: Address, { eid, closes }: Misbooked, now: bigint) {
    const call: HubCall = {
      to,
      data: encodeFunctionData({ abi: routesAbi, functionName: 'report', args: [eid] }),
      purpose: { what: 'route-report', eid, closes },
    };
    const refusal = await this.sender.refusal(call);
    if (refusal?.kind === 'error' && refusal.name === UNCHANGED) return null;
    return this.#wants.want(`route-report:${to}:${eid}:${closes ? 'closed' : 'open'}`, call, now);
  }
}
