import { collateralRulesAbi, ledgerAbi, liquidationAbi, withdrawalsAbi } from '@lockstep/contracts';
import { eid as eidOf, liquidation, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex, type PublicClient } from 'viem';
import type { HubCall } from '../hub-calls.js';
import { SETTLEMENT } from '../standing.js';
import type { LiquidationHub } from './hub.js';

/** Where what a bid wins is paid. Money is cash, 18 decimals. */
export interface PayoutTerms {
  readonly route: liquidation.PayoutRoute;
  readonly receiver: Address;
  /** least that is worth a payout */
  readonly least: bigint;
  /** cost of one more chain */
  readonly message: bigint;
  readonly costs: liquidation.StateCosts;
}

/**
 * Signed prices for a withdrawal of this very moment, as `prices` of the hub's functions take them: dated later than `now`, seconds. Null if nobody has
 * signed any.
 */
export type PricesAhead = (now: bigint) => Promise<Hex | null>;

/** Signed prices, as `prices` of the hub's functions take them. */
export interface SignedPrices {
  /** they were signed for, seconds */
  readonly time: number;
  readonly prices: Hex;
}

/** Those signed for a later time, seconds, newest first. */
export type SignedAfter = (time: bigint) => Promise<readonly SignedPrices[]>;

/** The newest that are dated later: publishers sign some a little ahead at each beat. */
export const pricesAhead =
  (signed: SignedAfter): PricesAhead =>
  async (now) =>
    (await signed(now))[0]?.prices ?? null;

interface Bid {
  readonly account: AccountId;
  readonly bidder: AccountId;
  readonly share: bigint;
  readonly priceLimit: bigint;
}

/** Tokens are found once in so long, seconds: they come by governance. */
const REFRESH = 600n;
const DECIMALS = 18n;
/** `ICollateralRules.ChainState`, by number; of one that is written down nothing is left to pay. */
const STATES = ['healthy', 'degraded', 'quarantined', 'quarantined'] as const;

interface Token {
  readonly eid: number;
  readonly asset: number;
  /** cash of one base unit */
  readonly unit: bigint;
}

/** Chooses how a bid's winnings leave, by what the vaults behind cash can pay. */
export class Payouts {
  #tokens: readonly Token[] = [];
  #foundAt: bigint | null = null;

  constructor(
    private readonly client: PublicClient,
    private readonly hub: LiquidationHub,
    private readonly terms: PayoutTerms,
    private readonly prices: PricesAhead,
  ) {}

  /**
   * The bid with its payout, and the route in words; null: it is worth none, or no prices are at hand.
   * @param cash that may leave
   */
  async ofBid(
    bid: Bid,
    cash: bigint,
    block: bigint,
    now: bigint,
  ): Promise<{ readonly call: Pick<HubCall, 'to' | 'data'>; readonly told: string } | null> {
    if (cash < this.terms.least || cash <= 0n) return null;
    const legs = await this.#legs(cash, block, now);
    if (legs.length === 0) return null;
    const prices = await this.prices(now);
    if (prices === null) return null;
    const withdrawn = legs.map(({ eid, asset, cash: amount }) => ({ eid, asset, fromCash: true, amount, receiver: this.terms.receiver }));
    const data = encodeFunctionData({ abi: liquidationAbi, functionName: 'bidAndWithdraw', args: [bid, withdrawn, prices] });
    return { call: { to: this.hub.liquidation, data }, told: legs.map((leg) => `${leg.cash} on ${leg.eid}`).join(', ') };
  }

  /** Without those that are less than their token's least. */
  async #legs(cash: bigint, block: bigint, now: bigint): Promise<readonly liquidation.PayoutLeg[]> {
    const vaults = await this.#vaults(block, now);
    const { legs } = liquidation.payoutLegs(cash, this.terms.route, vaults, this.terms.costs);
    return legs.filter(({ eid, asset, cash: amount }) => {
      const vault = vaults.find((one) => one.eid === eid && one.asset === asset);
      return vault !== undefined && amount >= vault.least;
    });
  }

  /** Of each chain the settlement token with the most to pay now. */
  async #vaults(blockNumber: bigint, now: bigint): Promise<(liquidation.PayoutVault & { readonly least: bigint })[]> {
    if (this.#foundAt === null || now - this.#foundAt >= REFRESH) {
      this.#tokens = await this.#find(blockNumber);
      this.#foundAt = now;
    }
    const { ledger, rules, withdrawals } = this.hub;
    const read = await Promise.all(
      this.#tokens.map(async ({ eid, asset, unit }) => {
        const args = [eid, asset] as const;
        const own = { address: withdrawals, abi: withdrawalsAbi, blockNumber, args } as const;
        const [[, free], [, queued], minimum, [state]] = await Promise.all([
          this.client.readContract({ address: ledger, abi: ledgerAbi, functionName: 'liquidityOf', args, blockNumber }),
          this.client.readContract({ ...own, functionName: 'queueOf' }),
          this.client.readContract({ ...own, functionName: 'minimumOf' }),
          this.client.readContract({ address: rules, abi: collateralRulesAbi, functionName: 'chainStateOf', args: [eid], blockNumber }),
        ]);
        return {
          ...{ eid: eidOf(eid), asset, unit, message: this.terms.message, state: { kind: STATES[state] ?? 'quarantined' } },
          // Who waits already comes first.
          free: free > queued ? (free - queued) * unit : 0n,
          least: (minimum > 0n ? minimum : 1n) * unit,
        };
      }),
    );
    const byChain = new Map<number, (typeof read)[number]>();
    for (const vault of read) if (vault.free >= (byChain.get(vault.eid)?.free ?? 0n)) byChain.set(vault.eid, vault);
    return [...byChain.values()];
  }

  async #find(blockNumber: bigint): Promise<Token[]> {
    const ledger = { address: this.hub.ledger, abi: ledgerAbi, blockNumber } as const;
    const count = await this.client.readContract({ ...ledger, functionName: 'assetCount' });
    const tokens = await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const [[eid, asset], { standing, decimals }] = await Promise.all([
          this.client.readContract({ ...ledger, functionName: 'assetKey', args: [i + 1] }),
          this.client.readContract({ ...ledger, functionName: 'configOf', args: [i + 1] }),
        ]);
        return { eid, asset, standing, unit: 10n ** (DECIMALS - BigInt(Math.min(decimals, Number(DECIMALS)))) };
      }),
    );
    return tokens.filter(({ standing }) => standing === SETTLEMENT);
  }
}
