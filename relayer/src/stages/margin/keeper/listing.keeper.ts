import { Inject, Injectable, Logger } from '@nestjs/common';
import { marketsAbi } from '@lockstep/contracts';
import { markets, risk } from '@lockstep/shared';
import { encodeAbiParameters, encodeFunctionData, keccak256 } from 'viem';
import { Chains } from '../../../chain/chains.js';
import { CLOCK, type Clock } from '../../../chain/clock.js';
import { RELAYER_CONFIG } from '../../../config/config.module.js';
import type { RelayerConfig } from '../../../config/relayer-config.js';
import { Backoff } from '../../release/backoff.js';
import type { HubCalls } from '../../hub-calls.js';
import { KEEPER_CALLS } from './calls.js';
import { MarketReader } from './market.reader.js';

/** Settlements wanted in one beat; what is left waits for the next one. */
const MAX_SETTLEMENTS = 50;
const SHARE_ONE = 1e9;

/** Options from their listing to their end: lists strikes as expiries roll, settles what is over, frees the places. */
@Injectable()
export class ListingKeeper {
  readonly #logger = new Logger(ListingKeeper.name);
  /** expiries whose holders were looked for and not all found: reading every account is not for every beat */
  readonly #searches = new Backoff();

  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'keeper'>,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    private readonly reader: MarketReader,
    @Inject(KEEPER_CALLS) private readonly calls: HubCalls,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Lists the strikes that are missing around the forwards of the expiries to come. */
  async list(): Promise<void> {
    const now = await this.reader.now();
    for (const { underlying, expiries, strikes } of this.config.keeper.listings) {
      if (expiries.count === 0) continue;
      const forwards = await this.reader.forwards(underlying, risk.expiriesAt(expiries, Number(now)));
      const rule = {
        perSide: strikes.perSide,
        stepShare: BigInt(Math.round(strikes.stepShare * SHARE_ONE)),
        keep: strikes.keep,
      };
      for (const wanted of markets.strikesToList(now, forwards, await this.reader.listed(underlying), rule)) {
        const args = [underlying, Number(wanted.expiry), wanted.strikes] as const;
        const id = keccak256(encodeAbiParameters([{ type: 'uint256[]' }], [wanted.strikes]));
        await this.calls.want(`list:${underlying}:${wanted.expiry}:${id}`, {
          to: this.#markets,
          data: encodeFunctionData({ abi: marketsAbi, functionName: 'list', args }),
          purpose: { what: 'list', underlying, expiry: Number(wanted.expiry), strikes: wanted.strikes.length },
        });
      }
    }
  }

  /** Ends what is over: settles accounts that still hold it, then frees its places. */
  async settle(): Promise<void> {
    const now = await this.reader.now();
    const over = new Map<string, { underlying: number; expiry: bigint; places: readonly number[] }>();
    for (const { underlying } of this.config.keeper.listings)
      for (const [expiry, places] of markets.expiredPlaces(now, await this.reader.listed(underlying)))
        over.set(`${underlying}:${expiry}`, { underlying, expiry, places });
    const due = new Set(this.#searches.due([...over.keys()], this.clock.now()));
    let left = MAX_SETTLEMENTS;
    for (const [key, { underlying, expiry, places }] of over) {
      if (await this.#retire(underlying, expiry, places)) continue;
      if (left === 0 || !due.has(key) || !(await this.reader.isSettled(underlying, expiry))) continue;
      const holders = await this.reader.holders(underlying, new Set(places));
      for (const { account } of holders.slice(0, left))
        await this.calls.want(`settle-expired:${underlying}:${expiry}:${account}`, {
          to: this.#markets,
          data: encodeFunctionData({ abi: marketsAbi, functionName: 'settleExpired', args: [account, underlying] }),
          purpose: { what: 'settle-expired', underlying, expiry: Number(expiry), account },
        });
      left -= Math.min(left, holders.length);
      if (holders.length > 0) this.#searches.passed(key);
      else {
        this.#searches.failed(key, this.clock.now());
        this.#logger.warn({ event: 'margin.keep.unknown-holders', underlying, expiry: Number(expiry) });
      }
    }
  }

  /** Brings funding to now where nobody traded for a while. */
  async fund(): Promise<void> {
    const { listings, fundingSeconds } = this.config.keeper;
    const now = await this.reader.now();
    for (const { underlying } of listings) {
      const since = await this.reader.fundedAt(underlying);
      if (since === 0n || now - since < BigInt(fundingSeconds)) continue;
      await this.calls.want(`fund:${underlying}:${since}`, {
        to: this.#markets,
        data: encodeFunctionData({ abi: marketsAbi, functionName: 'fund', args: [underlying] }),
        purpose: { what: 'fund', underlying, since: Number(since) },
      });
    }
  }

  /** @returns false while something is open in the expiry */
  async #retire(underlying: number, expiry: bigint, places: readonly number[]): Promise<boolean> {
    const call = {
      to: this.#markets,
      data: encodeFunctionData({ abi: marketsAbi, functionName: 'retire', args: [underlying, places] }),
      purpose: { what: 'retire', underlying, expiry: Number(expiry), places: places.length },
    };
    const refusal = await this.calls.refusal(call);
    if (refusal?.kind === 'error' && refusal.name === 'StillOpen') return false;
    await this.calls.want(`retire:${underlying}:${expiry}`, call);
    return true;
  }

  get #markets() {
    return this.chains.hub.contract('Markets');
  }
}
