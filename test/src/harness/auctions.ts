import { iHandoverAbi, iMarginAbi, liquidationAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import type { Hex } from 'viem';
import type { HubChain } from './stack.js';
import { eventually } from './wait.js';

/** What the hub tells of one auction, from its events. Money is cash, 18 decimals. */
export interface ToldAuction {
  readonly id: bigint;
  readonly account: Hex;
  readonly startedIn: Hex;
  /** in the order in which they were taken; `price` negative: the bidder was paid */
  readonly bids: readonly { readonly bidder: Hex; readonly share: bigint; readonly price: bigint; readonly transaction: Hex }[];
  readonly ended: boolean;
}

/** Auctions of a hub, as anyone sees them. */
export class AuctionsView {
  constructor(private readonly hub: HubChain) {}

  /** All auctions of an account, oldest first. */
  async of(account: AccountId): Promise<ToldAuction[]> {
    return (await this.all()).filter((told) => told.account === account);
  }

  async all(): Promise<ToldAuction[]> {
    const { hub } = this;
    const range = { address: hub.liquidation, abi: liquidationAbi, fromBlock: hub.deployedAt, strict: true } as const;
    const [started, bids, ended] = await Promise.all([
      hub.client.getContractEvents({ ...range, eventName: 'AuctionStarted' }),
      hub.client.getContractEvents({ ...range, eventName: 'BidTaken' }),
      hub.client.getContractEvents({ ...range, eventName: 'AuctionEnded' }),
    ]);
    const over = new Set(ended.map(({ args }) => args.id));
    return started.map(({ args: { id, account }, transactionHash: startedIn }) => ({
      ...{ id, account, startedIn, ended: over.has(id) },
      bids: bids
        .filter(({ args }) => args.id === id)
        .map(({ args: { bidder, share, price }, transactionHash: transaction }) => ({ bidder, share, price, transaction })),
    }));
  }

  /** Waits until the account's newest auction is as it should be. */
  async reached(account: AccountId, what: string, suits: (told: ToldAuction) => boolean): Promise<ToldAuction> {
    return eventually(`the auction of ${account} to be ${what}`, async (note) => {
      const newest = (await this.of(account)).at(-1);
      note(newest ?? 'no auction');
      return newest && suits(newest) ? newest : undefined;
    });
  }

  /** Collateral that an auction touched, by chain, and the payouts its bidders chose with their bids. */
  async record(id: bigint) {
    const [touched, routes] = await this.hub.client.readContract({
      ...{ address: this.hub.handover, abi: iHandoverAbi, functionName: 'recordOf', args: [id] },
    });
    return { touched, routes };
  }

  /** Equity and margins of an account now. */
  async risk(account: AccountId) {
    return this.hub.client.readContract({ address: this.hub.margin, abi: iMarginAbi, functionName: 'riskOf', args: [account] });
  }
}
