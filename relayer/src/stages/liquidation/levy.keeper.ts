import { levyAbi, liquidationAbi } from '@lockstep/contracts';
import { liquidation, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex } from 'viem';
import type { HubCall } from '../hub-calls.js';
import type { LevyFigures, LevyReader } from './levy.reader.js';
import { Wants, type LiquidationSender } from './wants.js';

/** A levy that everybody has paid is looked at again after so long: a reorg may have taken a payment back. Seconds. */
const RECHECK = 600n;

/** So long before its window ends a levy's registrations are looked at again: what margin left out then may be taken now. Seconds. */
const AGAIN = 120n;

/** A call, and the key of the need for it. */
interface Need {
  readonly what: string;
  readonly call: HubCall;
}

/** Losses that nobody's equity covered, as they were when they were looked at. */
export interface SeenLosses {
  /** what the deficit account of each market owes, cash of 18 decimals; 0: nothing */
  readonly owed: ReadonlyMap<number, bigint>;
  /** whether cash is kept from leaving */
  readonly isBraked: boolean;
}

interface SeenLevies {
  readonly levies: readonly LevyFigures[];
  readonly unpaid: ReadonlyMap<bigint, readonly AccountId[]>;
  readonly now: bigint;
}

/**
 * Sees to losses that nobody's equity covered: has the fund pay, opens a levy for what it leaves, registers accounts in gain, closes it, collects it,
 * spreads what no profit answers for, and has the brake looked at. Anyone may make these calls. Everything it goes by is on the chain, so a restart
 * costs a few reads.
 */
export class LevyKeeper {
  /** levies that everybody has paid, and when that was seen */
  readonly #paid = new Map<bigint, bigint>();

  readonly #wants: Wants;

  /** @param limits `maxSteps` calls are sent in a look at most, and as many accounts registered with a levy */
  constructor(
    private readonly reader: LevyReader,
    sender: LiquidationSender,
    private readonly limits: { readonly maxSteps: number },
  ) {
    this.#wants = new Wants(sender);
  }

  /**
   * One look at every market's deficit.
   * @param told what was seen, once everything was sent that it asks for: whether it is written down is nothing that losses wait for
   */
  async tend(told: (seen: SeenLosses) => Promise<void> = () => Promise.resolve()): Promise<void> {
    const now = await this.reader.now();
    const levies = await this.reader.levies();
    const needs: Need[] = [];
    const owed = new Map<number, bigint>();
    for (const market of await this.reader.markets()) {
      const own = await this.reader.owed(market);
      owed.set(market, own);
      needs.push(...(await this.#needs({ market, owed: own }, levies, now)));
    }
    const { isOn, isWrong } = await this.reader.brake();
    if (isWrong) needs.push(this.#levy('levy-review', levyData.review(), { what: 'levy-review' }));
    try {
      for (const { what, call } of needs.slice(0, this.limits.maxSteps)) await this.#wants.want(what, call, now);
    } finally {
      await told({ owed, isBraked: isOn });
    }
  }

  async #needs(
    { market, owed }: Pick<liquidation.SeenDeficit, 'market' | 'owed'>,
    all: readonly LevyFigures[],
    now: bigint,
  ): Promise<Need[]> {
    const levies = all.filter((levy) => levy.market === market);
    const unpaid = new Map<bigint, readonly AccountId[]>();
    for (const levy of levies) unpaid.set(levy.id, await this.#unpaid(levy, now));
    const seen: liquidation.SeenDeficit = {
      market,
      owed,
      coverable: owed === 0n ? 0n : await this.reader.coverable(market),
      levies: levies.map((levy) => ({ ...levy, unpaid: (unpaid.get(levy.id) ?? []).length > 0 })),
    };
    const steps = liquidation.deficitSteps(seen, now);
    const needs = await Promise.all(steps.map((step) => this.#ofStep(market, { levies, unpaid, now }, step)));
    return needs.flat();
  }

  async #ofStep(market: number, { levies, unpaid, now }: SeenLevies, step: liquidation.DeficitStep): Promise<Need[]> {
    switch (step.kind) {
      case 'cover': {
        const data = encodeFunctionData({ abi: liquidationAbi, functionName: 'cover', args: [market] });
        return [need(`deficit-cover:${market}`, this.reader.at.liquidation, data, { what: 'deficit-cover', market })];
      }
      case 'open':
        // The next levy is another need, also where the one before was opened by somebody else.
        return [this.#levy(`levy-open:${market}:${levies.at(-1)?.id ?? 0n}`, levyData.open(market), { what: 'levy-open', market })];
      case 'spread':
        return [this.#levy('levy-spread', levyData.spread(), { what: 'levy-spread' })];
      case 'close':
        return [this.#levy(`levy-close:${step.id}`, levyData.close(step.id), { what: 'levy-close', levy: `${step.id}` })];
      case 'register':
        return this.#registrations(
          levies.find(({ id }) => id === step.id),
          now,
        );
      case 'settle':
        return (unpaid.get(step.id) ?? []).map((account) => {
          const purpose = { what: 'levy-settle', levy: `${step.id}`, account };
          return this.#levy(`levy-settle:${step.id}:${account}`, levyData.settle(step.id, account), purpose);
        });
    }
  }

  /** Those who owe it something. None while its window is open. */
  async #unpaid(levy: LevyFigures, now: bigint): Promise<readonly AccountId[]> {
    if (!levy.closed || now - (this.#paid.get(levy.id) ?? -RECHECK) < RECHECK) return [];
    const accounts = await this.reader.unpaid(levy);
    if (accounts.length === 0) this.#paid.set(levy.id, now);
    return accounts;
  }

  /** Who trades is registered by that; the others have to be brought. Whose equity has nothing above maintenance margin is left out. */
  async #registrations(levy: LevyFigures | undefined, now: bigint): Promise<Need[]> {
    const needs: Need[] = [];
    if (levy === undefined) return needs;
    const { id, until } = levy;
    for (const { account, registered } of await this.reader.gainers(levy, now + AGAIN >= until)) {
      if (needs.length >= this.limits.maxSteps) break;
      if ((await this.reader.wouldRegister(id, account)) > registered)
        needs.push(
          this.#levy(`levy-register:${id}:${account}:${registered}`, levyData.register(id, account), {
            what: 'levy-register',
            levy: `${id}`,
            account,
          }),
        );
    }
    return needs;
  }

  #levy(what: string, data: Hex, purpose: HubCall['purpose']): Need {
    return need(what, this.reader.at.levy, data, purpose);
  }
}

const need = (what: string, to: Address, data: Hex, purpose: HubCall['purpose']): Need => ({ what, call: { to, data, purpose } });

const levyData = {
  open: (market: number): Hex => encodeFunctionData({ abi: levyAbi, functionName: 'open', args: [market] }),
  close: (id: bigint): Hex => encodeFunctionData({ abi: levyAbi, functionName: 'close', args: [id] }),
  register: (id: bigint, account: AccountId): Hex => encodeFunctionData({ abi: levyAbi, functionName: 'register', args: [id, account] }),
  settle: (id: bigint, account: AccountId): Hex => encodeFunctionData({ abi: levyAbi, functionName: 'settle', args: [id, account] }),
  spread: (): Hex => encodeFunctionData({ abi: levyAbi, functionName: 'spread' }),
  review: (): Hex => encodeFunctionData({ abi: levyAbi, functionName: 'review' }),
};
