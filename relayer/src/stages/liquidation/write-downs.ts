import { handoverAbi, ledgerAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { encodeFunctionData, type PublicClient } from 'viem';
import type { HubCall } from '../hub-calls.js';
import { inBatches } from '../in-batches.js';
import type { LiquidationHub } from './hub.js';
import { Wants, type LiquidationSender, type Wish } from './wants.js';

/** Once everybody has been looked at, all are looked at again after so long: a reorg may have taken a settlement back. Seconds. */
const RECHECK = 600n;

interface Held {
  readonly account: AccountId;
  readonly assetId: number;
  readonly collateral: bigint;
  readonly idle: bigint;
}

/**
 * Turns balances of assets that were written down into what is left of them, for holders who do nothing themselves: anyone may, and until then
 * the account is valued as if it had lost all of it. A few at a look, those who may have to be liquidated first.
 */
export class WriteDowns {
  readonly #wants: Wants;
  /** whom this round has not looked at yet */
  #queue: AccountId[] = [];
  #written = '';
  #roundAt: bigint | null = null;
  #found = 0;

  /**
   * @param holders everybody who may hold something, those who may owe something first
   * @param limits  `maxChecks` accounts are asked about in a look, for `maxSteps` balances a call is sent
   */
  constructor(
    private readonly client: PublicClient,
    private readonly hub: Pick<LiquidationHub, 'ledger' | 'handover'>,
    sender: LiquidationSender,
    private readonly holders: () => Promise<readonly AccountId[]>,
    private readonly limits: { readonly maxChecks: number; readonly maxSteps: number },
  ) {
    this.#wants = new Wants(sender);
  }

  /** One look. @returns what was wanted for whom */
  async tend(): Promise<readonly Wish[]> {
    const { number: block, timestamp: now } = await this.client.getBlock();
    const ledger = { address: this.hub.ledger, abi: ledgerAbi, blockNumber: block } as const;
    if (!(await this.client.readContract({ ...ledger, functionName: 'anyWrittenDown' }))) return [];
    const assets = await this.#assets(block);
    await this.#begin(assets, now);
    const asked = this.#queue.splice(0, this.limits.maxChecks);
    const wishes: Wish[] = [];
    try {
      const held = await this.#held(asked, assets, block);
      this.#found += held.length;
      const settled = new Set<AccountId>();
      for (const one of held) {
        if (wishes.filter(({ outcome }) => outcome === 'sent').length >= this.limits.maxSteps) {
          // The next look begins with those who are left.
          this.#queue.unshift(one.account);
          continue;
        }
        // Everything that counts as collateral is turned at once.
        if (one.collateral > 0n && settled.has(one.account)) continue;
        if (one.collateral > 0n) settled.add(one.account);
        const outcome = await this.#settle(one, now);
        if (outcome !== null) wishes.push({ what: 'write-down', account: one.account, outcome });
      }
    } catch (error) {
      this.#queue.unshift(...asked);
      throw error;
    }
    return wishes;
  }

  /** A new round when there was another write-down, when the last one found somebody, or after a while. */
  async #begin(assets: readonly number[], now: bigint): Promise<void> {
    const written = assets.join();
    const isNew = written !== this.#written;
    const isDue = this.#queue.length === 0 && (this.#found > 0 || this.#roundAt === null || now - this.#roundAt >= RECHECK);
    if (!isNew && !isDue) return;
    this.#queue = [...(await this.holders())];
    this.#written = written;
    this.#roundAt = now;
    this.#found = 0;
  }

  #settle({ account, assetId, collateral, idle }: Held, now: bigint) {
    const call: Pick<HubCall, 'to' | 'data'> =
      collateral > 0n
        ? { to: this.hub.handover, data: encodeFunctionData({ abi: handoverAbi, functionName: 'settleWrittenDown', args: [account] }) }
        : {
            to: this.hub.ledger,
            data: encodeFunctionData({ abi: ledgerAbi, functionName: 'settleWrittenDown', args: [account, assetId] }),
          };
    const purpose = { what: 'write-down', account, asset: assetId };
    return this.#wants.want(`write-down:${account}:${assetId}:${collateral + idle}`, { ...call, purpose }, now);
  }

  /** Numbers that were written down. */
  async #assets(blockNumber: bigint): Promise<number[]> {
    const ledger = { address: this.hub.ledger, abi: ledgerAbi, blockNumber } as const;
    const count = await this.client.readContract({ ...ledger, functionName: 'assetCount' });
    const ids = Array.from({ length: count }, (_, i) => i + 1);
    const read = await Promise.all(ids.map((id) => this.client.readContract({ ...ledger, functionName: 'writtenDownOf', args: [id] })));
    return ids.filter((_, i) => (read[i]?.[1] ?? 0) !== 0);
  }

  async #held(accounts: readonly AccountId[], assets: readonly number[], blockNumber: bigint): Promise<Held[]> {
    const pairs = accounts.flatMap((account) => assets.map((assetId) => ({ account, assetId })));
    const ledger = { address: this.hub.ledger, abi: ledgerAbi, blockNumber } as const;
    const read = await inBatches(pairs, async ({ account, assetId }) => {
      const [collateral, idle] = await this.client.readContract({ ...ledger, functionName: 'balanceOf', args: [account, assetId] });
      return { account, assetId, collateral, idle };
    });
    return read.filter(({ collateral, idle }) => collateral + idle > 0n);
  }
}
