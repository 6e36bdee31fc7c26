import { fundAbi, ledgerAbi, levyAbi, liquidationAbi, marketsAbi } from '@lockstep/contracts';
import { accountId, liquidation, risk, type AccountId } from '@lockstep/shared';
import type { Address, PublicClient } from 'viem';
import { unlessReverted } from '../../sender/revert-reason.js';
import { inBatches } from '../in-batches.js';
import { blockBefore } from './block-before.js';
import type { LiquidationHub } from './hub.js';
import type { Population } from './population.js';

/** Length of a window: twin of Levy.WINDOW, seconds. */
const WINDOW = 900n;
/** A loss is known at most so long before its levy opens, seconds: who closed a position since then is looked for. */
const SIGHT = 86_400n;
const STRIKE_BITS = 128n;

/** Contracts that losses go through. */
export type LossContracts = Pick<LiquidationHub, 'liquidation' | 'fund' | 'ledger' | 'markets'> & { readonly levy: Address };

/** An account that may be registered with more than it is. */
export interface Registrable {
  readonly account: AccountId;
  readonly registered: bigint;
}

export interface LevyFigures extends Omit<liquidation.SeenLevy, 'unpaid'> {
  readonly market: number;
  readonly price: bigint;
}

/** What the hub says of losses that nobody's equity covered, at the newest block. */
export class LevyReader {
  readonly #openedIn = new Map<bigint, bigint>();

  constructor(
    private readonly client: PublicClient,
    readonly at: LossContracts,
    private readonly population: Pick<Population, 'markets' | 'traders'>,
  ) {}

  /** Time of the newest block, seconds. */
  async now(): Promise<bigint> {
    return (await this.client.getBlock()).timestamp;
  }

  /** Every market in which somebody traded, and that of accounts without positions. */
  async markets(): Promise<number[]> {
    return [liquidation.NO_MARKET, ...(await this.population.markets())];
  }

  async owed(market: number): Promise<bigint> {
    const debtor = await this.client.readContract({
      address: this.at.liquidation,
      abi: liquidationAbi,
      functionName: 'deficitAccount',
      args: [market],
    });
    const cash = await this.client.readContract({ address: this.at.ledger, abi: ledgerAbi, functionName: 'cashOf', args: [debtor] });
    return cash < 0n ? -cash : 0n;
  }

  /** What the fund would pay of a market's deficit now. */
  async coverable(market: number): Promise<bigint> {
    const call = { address: this.at.liquidation, abi: liquidationAbi, functionName: 'cover', args: [market] } as const;
    return (await this.client.simulateContract(call)).result;
  }

  /** Every levy there was, oldest first. */
  async levies(): Promise<LevyFigures[]> {
    const count = Number(await this.client.readContract({ address: this.at.levy, abi: levyAbi, functionName: 'levyCount' }));
    const ids = Array.from({ length: count }, (_, i) => BigInt(i + 1));
    return inBatches(ids, async (id) => {
      const { underlying, price, until, closed, left } = await this.client.readContract({
        ...{ address: this.at.levy, abi: levyAbi, functionName: 'levyOf', args: [id] },
      });
      return { id, market: underlying, price, until: BigInt(until), closed, left };
    });
  }

  /** Accounts registered with a levy that have not paid. */
  async unpaid({ id, until }: LevyFigures): Promise<AccountId[]> {
    const fromBlock = this.#openedIn.get(id) ?? (await blockBefore(this.client, until - WINDOW - 1n));
    this.#openedIn.set(id, fromBlock);
    const events = await this.client.getContractEvents({
      ...{ address: this.at.levy, abi: levyAbi, eventName: 'Registered', args: { id }, fromBlock, strict: true },
    });
    // One that was registered with more later on is told of again.
    const registered = [...new Set(events.filter(({ args }) => args.registered > 0n).map(({ args }) => accountId(args.account)))];
    const read = await inBatches(registered, (account) => this.#registration(id, account));
    return registered.filter((_, i) => read[i]?.settled === false);
  }

  /**
   * Accounts that may be registered with more than they are: those whose positions in its market have gained at a levy's price, the most first,
   * then those that had gained when their positions changed and do not any more.
   * @param again also those that margin left something out of, and what they are registered with
   */
  async gainers(levy: LevyFigures, again: boolean): Promise<Registrable[]> {
    const { id, market, price } = levy;
    const sighted = await this.#sighted(levy);
    const everybody = [...new Set([...(await this.population.traders()), ...sighted])];
    const asked = await inBatches(everybody, async (account) => ({ account, ...(await this.#registration(id, account)) }));
    const open = asked.filter(({ seen, registered, profit }) => !seen || (again && registered < profit));
    const held = await inBatches(open, ({ account }) => this.#held(market, account));
    const holders = open.flatMap(({ account }, i) => {
      const of = held[i] ?? null;
      return of === null ? [] : [{ account, of }];
    });
    const places = holders.flatMap(({ of }) => of.options.map(({ place }) => place));
    const strikes = await this.#strikes(market, places);
    const gains = holders.map(({ account, of }) => ({ account, profit: liquidation.profitAt(of, price, strikes) }));
    const registered = new Map(open.map((one) => [one.account, one.registered]));
    const ordered = new Set([...liquidation.inGain(gains).map(({ account }) => account), ...sighted]);
    return [...ordered].flatMap((account) => {
      const before = registered.get(account);
      return before === undefined ? [] : [{ account, registered: before }];
    });
  }

  /** Positions in a market; null: there are none, or they cannot be read, which keeps nobody else from being registered. */
  async #held(market: number, account: AccountId): Promise<risk.HeldUnderlying | null> {
    const call = { address: this.at.markets, abi: marketsAbi, functionName: 'holdingsOf', args: [account] } as const;
    const words = await unlessReverted(this.client.readContract(call));
    return words === null ? null : (risk.decodeHoldings(words).underlyings.find(({ underlying }) => underlying === market) ?? null);
  }

  /** Who had gained something in its market before his positions changed, since the loss was known; each once. */
  async #sighted({ market, until }: LevyFigures): Promise<AccountId[]> {
    const events = await this.client.getContractEvents({
      ...{ address: this.at.levy, abi: levyAbi, eventName: 'Sighted', args: { underlying: market }, strict: true },
      fromBlock: await blockBefore(this.client, until - WINDOW - SIGHT),
    });
    return [...new Set(events.filter(({ args }) => args.profit > 0n).map(({ args }) => accountId(args.account)))];
  }

  /** What it would be registered with now; 0 if it cannot be. */
  async wouldRegister(id: bigint, account: AccountId): Promise<bigint> {
    const call = { address: this.at.levy, abi: levyAbi, functionName: 'register', args: [id, account] } as const;
    return (await unlessReverted(this.client.simulateContract(call)))?.result ?? 0n;
  }

  /** Whether the brake is on, and whether that is as it should not be. */
  async brake(): Promise<{ readonly isOn: boolean; readonly isWrong: boolean }> {
    const [missing, least, assets, braked] = await Promise.all([
      this.client.readContract({ address: this.at.levy, abi: levyAbi, functionName: 'insolvency' }),
      this.client.readContract({ address: this.at.levy, abi: levyAbi, functionName: 'least' }),
      this.client.readContract({ address: this.at.fund, abi: fundAbi, functionName: 'assets' }),
      this.client.readContract({ address: this.at.ledger, abi: ledgerAbi, functionName: 'isBraked' }),
    ]);
    return { isOn: braked, isWrong: braked !== liquidation.isBrakeDue(missing, assets, least) };
  }

  #registration(id: bigint, account: AccountId) {
    return this.client.readContract({ address: this.at.levy, abi: levyAbi, functionName: 'registrationOf', args: [id, account] });
  }

  async #strikes(market: number, places: readonly number[]): Promise<Map<number, bigint>> {
    const distinct = [...new Set(places)];
    if (distinct.length === 0) return new Map();
    const words = await this.client.readContract({
      ...{ address: this.at.markets, abi: marketsAbi, functionName: 'strikesAt', args: [market, distinct] },
    });
    return new Map(distinct.map((place, i) => [place, BigInt.asUintN(Number(STRIKE_BITS), words[i] ?? 0n)]));
  }
}
