import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { marketsAbi } from '@lockstep/contracts';
import { accountId, positionSums, risk, type AccountId, type MarketListing, type PositionBooks } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import type { Address, Hex } from 'viem';
import { z } from 'zod/v4';
import { Chains } from '../../chain/chains.js';
import { unlessReverted } from '../../sender/revert-reason.js';
import { inBatches } from '../in-batches.js';

const PLACES = 256;
const STRIKE_BITS = 128n;
const EXPIRY_MASK = (1n << 40n) - 1n;

// CAST: accountId checks that it is 32 bytes of hex.
const accountRows = z.array(z.object({ account: z.string().transform((text) => accountId(text as Hex)) }));

/**
 * Reads what all accounts hold, for INV-POS-1. A position comes to an account by a trade or a slice only, so those whom such an event names
 * are asked. Were one missed, the sums would not be zero.
 */
@Injectable()
export class PositionReader {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
  ) {}

  /** Sums per instrument at a final block of the hub; none on a hub that has no markets. */
  async sums(blockNumber: bigint): Promise<PositionBooks> {
    const { hub } = this.chains;
    const address = hub.find('Markets');
    if (address === null) return { sums: [], unreadable: [] };
    const markets = { address, abi: marketsAbi, blockNumber } as const;
    const answers = await inBatches(await this.#accounts(blockNumber), async (account) => ({
      account,
      words: await unlessReverted(hub.client.readContract({ ...markets, functionName: 'holdingsOf', args: [account] })),
    }));
    const held = answers.flatMap(({ words }) => (words === null ? [] : risk.decodeHoldings(words).underlyings));
    const listings = await this.#listings(address, new Set(held.map(({ underlying }) => underlying)), blockNumber);
    return {
      sums: positionSums(listings, held),
      unreadable: answers.flatMap(({ account, words }) => (words === null ? [account] : [])),
    };
  }

  async #accounts(blockNumber: bigint): Promise<AccountId[]> {
    const rows = await this.dataSource.query<unknown[]>(
      `with seen as (select account, counterparty from position_events where eid = $1 and block_number <= $2 and state <> 'orphaned')
       select account from seen union select counterparty from seen order by 1`,
      [this.chains.hub.eid, blockNumber.toString()],
    );
    return accountRows.parse(rows).map(({ account }) => account);
  }

  async #listings(address: Address, underlyings: ReadonlySet<number>, blockNumber: bigint): Promise<MarketListing[]> {
    const { client } = this.chains.hub;
    const markets = { address, abi: marketsAbi, blockNumber } as const;
    const { timestamp } = await client.getBlock({ blockNumber });
    const places = Array.from({ length: PLACES }, (_, place) => place);
    return Promise.all(
      [...underlyings].map(async (underlying): Promise<MarketListing> => {
        const [[openPerpetual], strikes] = await Promise.all([
          client.readContract({ ...markets, functionName: 'openInterestOf', args: [underlying] }),
          client.readContract({ ...markets, functionName: 'strikesAt', args: [underlying, places] }),
        ]);
        const isLive = (place: number): boolean => (((strikes[place] ?? 0n) >> STRIKE_BITS) & EXPIRY_MASK) > timestamp;
        return { underlying, openPerpetual, livePlaces: new Set(places.filter(isLive)) };
      }),
    );
  }
}
