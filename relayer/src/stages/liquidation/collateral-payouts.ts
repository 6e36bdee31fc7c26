import { collateralRulesAbi, handoverAbi, ledgerAbi, shortfallsAbi, withdrawalsAbi } from '@lockstep/contracts';
import { risk, type AccountId, type liquidation } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex, type PublicClient } from 'viem';
import { blockBefore } from './block-before.js';
import type { LiquidationHub } from './hub.js';
import type { PayoutTerms, PricesAhead } from './payouts.js';
import { Wants, type LiquidationSender } from './wants.js';

const DAY = 86_400n;
/** `ICollateralRules.ChainState.Quarantined`: nothing leaves from there on. */
const QUARANTINED = 2;

/** What a bid brought. */
interface Won {
  readonly id: bigint;
  readonly transactionHash: Hex;
  readonly logIndex: number;
}

/** A leg of IWithdrawals. */
interface Leg {
  readonly eid: number;
  readonly asset: number;
  readonly fromCash: false;
  readonly amount: bigint;
  readonly receiver: Address;
}

/**
 * Asks for what bids on debtors' collateral brought, once for each bid: tokens leave on the chain on which they are, so a route that names chains takes what
 * is there, and the rest stays on the account.
 */
export class CollateralPayouts {
  readonly #wants: Wants;

  /** @param since bids before this block are not paid out: nobody remembers whether they were; null: the sender does */
  constructor(
    private readonly client: PublicClient,
    private readonly hub: Pick<LiquidationHub, 'withdrawals' | 'ledger' | 'rules' | 'handover'> & { readonly shortfalls: Address },
    sender: LiquidationSender,
    private readonly bidder: AccountId,
    private readonly terms: PayoutTerms,
    private readonly prices: PricesAhead,
    private readonly since: bigint | null,
  ) {
    this.#wants = new Wants(sender);
  }

  /** Looks at the bids of a day. @param now time of the newest block, seconds */
  async tend(now: bigint): Promise<void> {
    const from = await blockBefore(this.client, now - DAY);
    const fromBlock = this.since !== null && this.since > from ? this.since : from;
    for (const won of await this.#won(fromBlock)) {
      const key = `shortfall-payout:${won.id}:${won.transactionHash}:${won.logIndex}`;
      const became = await this.#wants.became(key);
      if (became !== null && became.state !== 'failed') continue;
      const legs = await this.#legs(won, fromBlock);
      if (legs.length === 0) continue;
      const prices = await this.prices(now);
      // The next look asks for them again.
      if (prices === null) return;
      const data = encodeFunctionData({ abi: withdrawalsAbi, functionName: 'request', args: [this.bidder, legs, prices] });
      const payout = legs.map(({ eid, asset, amount }) => `${amount} of asset ${asset} on ${eid}`).join(', ');
      await this.#wants.want(key, { to: this.hub.withdrawals, data, purpose: { what: 'shortfall-payout', payout } }, now);
    }
  }

  async #won(fromBlock: bigint): Promise<Won[]> {
    const events = await this.client.getContractEvents({
      ...{ address: this.hub.shortfalls, abi: shortfallsAbi, eventName: 'ShortfallBidTaken', args: { bidder: this.bidder } },
      ...{ fromBlock, strict: true },
    });
    return events.map(({ args: { id }, transactionHash, logIndex }) => ({ id, transactionHash, logIndex }));
  }

  async #legs({ id, transactionHash }: Won, fromBlock: bigint): Promise<Leg[]> {
    const handed = await this.client.getContractEvents({
      ...{ address: this.hub.handover, abi: handoverAbi, eventName: 'AssetHandedOver', args: { id, to: this.bidder } },
      ...{ fromBlock, strict: true },
    });
    const own = handed.filter((event) => event.transactionHash === transactionHash && takes(this.terms.route, event.args.eid));
    const legs = own.map(({ args: { eid, asset, amount } }): Leg => ({
      eid,
      asset,
      fromCash: false,
      amount,
      receiver: this.terms.receiver,
    }));
    const worth = await Promise.all(legs.map((leg) => this.#isWorthwhile(leg)));
    return legs.filter((_, i) => worth[i]);
  }

  async #isWorthwhile({ eid, asset, amount }: Leg): Promise<boolean> {
    const { withdrawals, ledger, rules } = this.hub;
    const args = [eid, asset] as const;
    const [assetId, minimum, [state]] = await Promise.all([
      this.client.readContract({ address: ledger, abi: ledgerAbi, functionName: 'assetIdOf', args }),
      this.client.readContract({ address: withdrawals, abi: withdrawalsAbi, functionName: 'minimumOf', args }),
      this.client.readContract({ address: rules, abi: collateralRulesAbi, functionName: 'chainStateOf', args: [eid] }),
    ]);
    if (amount < minimum || state >= QUARANTINED) return false;
    const words = risk.encodeCollateral([{ assetId, amount }]);
    const { total } = await this.client.readContract({ address: rules, abi: collateralRulesAbi, functionName: 'valueOf', args: [words] });
    return total >= this.terms.least;
  }
}

function takes(route: liquidation.PayoutRoute, eid: number): boolean {
  switch (route.kind) {
    case 'best':
      return true;
    case 'one':
      return route.eid === eid;
    case 'several':
      return route.parts.some((part) => part.eid === eid);
  }
}
