import { Inject, Injectable } from '@nestjs/common';
import { liquidationAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex } from 'viem';
import { Chains } from '../../chain/chains.js';
import { FeedSnapshots } from '../feed-snapshots.js';
import type { HubCall, HubCalls } from '../hub-calls.js';
import { blockBefore } from './block-before.js';
import { LIQUIDATION_CALLS } from './calls.js';

const NO_PRICES: Hex = '0x';
/** Snapshots tried for one auction at most. */
const MOST_TRIED = 4;

/**
 * Undoes auctions that newer prices, dated no later than a minute after the start, show to have been started on a healthy account: its owner gets the
 * fee back. The prices are those of the hub, or signed ones that nobody handed in.
 */
@Injectable()
export class UndoKeeper {
  constructor(
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    @Inject(LIQUIDATION_CALLS) private readonly calls: HubCalls,
    private readonly snapshots: FeedSnapshots,
  ) {}

  /** @param accounts in auction @param now time of the newest block, seconds */
  async tend(accounts: readonly AccountId[], now: bigint): Promise<void> {
    const { hub } = this.chains;
    const [address, feeds] = [hub.find('Liquidation'), hub.find('Feeds')];
    if (address === null || feeds === null) return;
    for (const account of accounts) {
      const found = await hub.client.readContract({ address, abi: liquidationAbi, functionName: 'auctionOf', args: [account] });
      const auction: liquidation.UndoableAuction = {
        startOldest: BigInt(found.startOldest),
        openedAt: BigInt(found.openedAt),
      };
      if (found.id === 0n || !liquidation.mayBeUndone(auction, now)) continue;
      const holdings = await this.#startedWith(address, found.id, auction.openedAt);
      if (holdings === null) continue;
      const signed = await this.snapshots.after(feeds, auction.startOldest);
      const newer = liquidation.undoingSnapshots(auction, signed).slice(0, MOST_TRIED);
      for (const prices of [NO_PRICES, ...newer.map((snapshot) => snapshot.prices)]) {
        const call: HubCall = {
          to: address,
          data: encodeFunctionData({ abi: liquidationAbi, functionName: 'undo', args: [account, holdings, prices] }),
          purpose: { what: 'auction-undo', account },
        };
        if ((await this.calls.refusal(call)) !== null) continue;
        await this.calls.want(`auction-undo:${account}:${found.id}`, call);
        break;
      }
    }
  }

  /** What the account held when its auction started; null: the provider does not show the start yet. */
  async #startedWith(address: Address, id: bigint, openedAt: bigint): Promise<readonly bigint[] | null> {
    const { client } = this.chains.hub;
    const fromBlock = await blockBefore(client, openedAt - 1n);
    const started = await client.getContractEvents({ address, abi: liquidationAbi, eventName: 'StartedWith', args: { id }, fromBlock });
    return started[0]?.args.holdings ?? null;
  }
}
