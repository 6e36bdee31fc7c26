import { liquidationAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Hex, type PublicClient } from 'viem';
import type { HubCall } from '../hub-calls.js';
import { blockBefore } from './block-before.js';
import type { LiquidationHub } from './hub.js';
import type { Look } from './liquidator.js';
import type { SignedAfter } from './payouts.js';
import type { LiquidationSender } from './wants.js';

const NO_PRICES: Hex = '0x';
/** Snapshots tried for one auction at most. */
const MOST_TRIED = 4;

/**
 * Undoes auctions that newer prices, dated no later than a minute after the start, show to have been started on a healthy account: its owner gets the
 * fee back. The prices are those of the hub, or signed ones that nobody handed in.
 */
export class UndoKeeper {
  /** @param least least maintenance margin, or lack of it, that is worth transactions: a crowd of smaller ones would delay the next look */
  constructor(
    private readonly client: PublicClient,
    private readonly hub: Pick<LiquidationHub, 'liquidation'>,
    private readonly sender: LiquidationSender,
    private readonly signed: SignedAfter,
    private readonly least: bigint,
  ) {}

  /** Auctions that were opened a moment before a look. */
  async after({ block, accounts }: Pick<Look, 'block' | 'accounts'>): Promise<void> {
    const opened = accounts.filter((one) => one.auction !== null && liquidation.isWorthwhile(one, this.least));
    if (opened.length === 0) return;
    const { timestamp: now } = await this.client.getBlock({ blockNumber: block });
    for (const { account, auction } of opened)
      if (auction !== null && liquidation.mayBeUndone(auction, now)) await this.#tend(account, now);
  }

  async #tend(account: AccountId, now: bigint): Promise<void> {
    const address = this.hub.liquidation;
    const found = await this.client.readContract({ address, abi: liquidationAbi, functionName: 'auctionOf', args: [account] });
    const auction: liquidation.UndoableAuction = { startOldest: BigInt(found.startOldest), openedAt: BigInt(found.openedAt) };
    if (found.id === 0n || !liquidation.mayBeUndone(auction, now)) return;
    const holdings = await this.#startedWith(found.id, auction.openedAt);
    if (holdings === null) return;
    const callWith = (prices: Hex): HubCall => ({
      to: address,
      data: encodeFunctionData({ abi: liquidationAbi, functionName: 'undo', args: [account, holdings, prices] }),
      purpose: { what: 'auction-undo', account },
    });
    const call = await this.#taken(callWith, auction);
    if (call !== null) await this.sender.want(`auction-undo:${account}:${found.id}`, call);
  }

  /** The first that the hub would take. Signed prices are asked for only if its own do not do. */
  async #taken(callWith: (prices: Hex) => HubCall, auction: liquidation.UndoableAuction): Promise<HubCall | null> {
    const own = callWith(NO_PRICES);
    if ((await this.sender.refusal(own)) === null) return own;
    const newer = liquidation.undoingSnapshots(auction, await this.signed(auction.startOldest));
    for (const { prices } of newer.slice(0, MOST_TRIED)) {
      const call = callWith(prices);
      if ((await this.sender.refusal(call)) === null) return call;
    }
    return null;
  }

  /** What the account held when its auction started; null: the provider does not show the start yet. */
  async #startedWith(id: bigint, openedAt: bigint): Promise<readonly bigint[] | null> {
    const started = await this.client.getContractEvents({
      ...{ address: this.hub.liquidation, abi: liquidationAbi, eventName: 'StartedWith', args: { id } },
      fromBlock: await blockBefore(this.client, openedAt - 1n),
    });
    return started[0]?.args.holdings ?? null;
  }
}
