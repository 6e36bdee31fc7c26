import { Inject, Injectable } from '@nestjs/common';
import { fundAbi, ledgerAbi, levyAbi, liquidationAbi, marketsAbi } from '@lockstep/contracts';
import { accountId, exchange, liquidation, risk, type AccountId } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import type { Address, Hex } from 'viem';
import { z } from 'zod/v4';
import { Chains } from '../../chain/chains.js';
import { unlessReverted } from '../../sender/revert-reason.js';
import { inBatches } from '../in-batches.js';
import { blockBefore } from './block-before.js';

/** Length of a window: twin of Levy.WINDOW, seconds. */
const WINDOW = 900n;
/** A loss is known at most so long before its levy opens, seconds: who closed a position since then is looked for. */
const SIGHT = 86_400n;
const STRIKE_BITS = 128n;

// CAST: accountId checks that it is 32 bytes of hex.
const accountRows = z.array(z.object({ account: z.string().transform((text) => accountId(text as Hex)) }));
const instrumentRows = z.array(z.object({ instrument: z.string().transform(BigInt) }));

/** Contracts that losses go through. */
export interface LossContracts {
  readonly levy: Address;
  readonly liquidation: Address;
  readonly fund: Address;
  readonly ledger: Address;
  readonly markets: Address;
}

/** An account that may be registered with more than it is. */
export interface Registrable {
  readonly account: AccountId;
  readonly registered: bigint;
}

export interface LevyFigures extends Omit<liquidation.SeenLevy, 'unpaid'> {
  readonly market: number;
  readonly price: bigint;
}

/** What the hub says of losses that nobody's equity covered, at the newest block; who traded is known from the database. */
@Injectable()
export class LevyReader {
  readonly #openedIn = new Map<bigint, bigint>();

  constructor(
    private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
  ) {}

  /** Null: this hub has no levy. */
  contracts(): LossContracts | null {
    const { hub } = this.chains;
    const [levy, of, fund] = [hub.find('Levy'), hub.find('Liquidation'), hub.find('Fund')];
    if (levy === null || of === null || fund === null) return null;
    return { levy, liquidation: of, fund, ledger: hub.contract('Ledger'), markets: hub.contract('Markets') };
  }

  /** Time of the newest block, seconds. */
  async now(): Promise<bigint> {
    return (await this.chains.hub.client.getBlock()).timestamp;
  }

  /** Every market in which somebody traded, and that of accounts without positions. */
  async markets(): Promise<number[]> {
    const rows: unknown = await this.dataSource.query(
      `select distinct instrument::text as instrument from position_events where eid = $1 and instrument is not null and state <> 'orphaned'`,
      [this.chains.hub.eid],
    );
    const traded = instrumentRows.parse(rows).map(({ instrument }) => exchange.decodeInstrument(instrument).underlying);
    return [liquidation.NO_MARKET, ...[...new Set(traded)].sort((a, b) => a - b)];
  }

  async owed({ liquidation: of, ledger }: LossContracts, market: number): Promise<bigint> {
    const { client } = this.chains.hub;
    const debtor = await client.readContract({ address: of, abi: liquidationAbi, functionName: 'deficitAccount', args: [market] });
    const cash = await client.readContract({ address: ledger, abi: ledgerAbi, functionName: 'cashOf', args: [debtor] });
    return cash < 0n ? -cash : 0n;
  }

  /** What the fund would pay of a market's deficit now. */
  async coverable({ liquidation: of }: LossContracts, market: number): Promise<bigint> {
    const call = { address: of, abi: liquidationAbi, functionName: 'cover', args: [market] } as const;
    return (await this.chains.hub.client.simulateContract(call)).result;
  }

  /** Every levy there was, oldest first. */
  async levies({ levy }: LossContracts): Promise<LevyFigures[]> {
    const { client } = this.chains.hub;
    const count = Number(await client.readContract({ address: levy, abi: levyAbi, functionName: 'levyCount' }));
    const ids = Array.from({ length: count }, (_, i) => BigInt(i + 1));
    return inBatches(ids, async (id) => {
      const { underlying, price, until, closed, left } = await client.readContract({
        ...{ address: levy, abi: levyAbi, functionName: 'levyOf', args: [id] },
      });
      return { id, market: underlying, price, until: BigInt(until), closed, left };
    });
  }

  /** Accounts registered with a levy that have not paid. */
  async unpaid({ levy }: LossContracts, { id, until }: LevyFigures): Promise<AccountId[]> {
    const { client } = this.chains.hub;
    const fromBlock = this.#openedIn.get(id) ?? (await blockBefore(client, until - WINDOW - 1n));
    this.#openedIn.set(id, fromBlock);
    const events = await client.getContractEvents({
      ...{ address: levy, abi: levyAbi, eventName: 'Registered', args: { id }, fromBlock, strict: true },
    });
    // One that was registered with more later on is told of again.
    const registered = [...new Set(events.filter(({ args }) => args.registered > 0n).map(({ args }) => accountId(args.account)))];
    const read = await inBatches(registered, (account) => this.#registration(levy, id, account));
    return registered.filter((_, i) => read[i]?.settled === false);
  }

  /**
   * Accounts that may be registered with more than they are: those whose positions in its market have gained at a levy's price, the most first,
   * then those that had gained when their positions changed and do not any more.
   * @param again also those that margin left something out of, and what they are registered with
   */
  async gainers(at: LossContracts, levy: LevyFigures, again: boolean): Promise<Registrable[]> {
    const { id, market, price } = levy;
    const sighted = await this.#sighted(at.levy, levy);
    const everybody = [...new Set([...(await this.#traders()), ...sighted])];
    const asked = await inBatches(everybody, async (account) => ({ account, ...(await this.#registration(at.levy, id, account)) }));
    const open = asked.filter(({ seen, registered, profit }) => !seen || (again && registered < profit));
    const held = await inBatches(open, ({ account }) => this.#held(at.markets, market, account));
    const holders = open.flatMap(({ account }, i) => {
      const of = held[i] ?? null;
      return of === null ? [] : [{ account, of }];
    });
    const places = holders.flatMap(({ of }) => of.options.map(({ place }) => place));
    const strikes = await this.#strikes(at.markets, market, places);
    const gains = holders.map(({ account, of }) => ({ account, profit: liquidation.profitAt(of, price, strikes) }));
    const registered = new Map(open.map((one) => [one.account, one.registered]));
    const ordered = new Set([...liquidation.inGain(gains).map(({ account }) => account), ...sighted]);
    return [...ordered].flatMap((account) => {
      const before = registered.get(account);
      return before === undefined ? [] : [{ account, registered: before }];
    });
  }

  /** Positions in a market; null: there are none, or they cannot be read, which keeps nobody else from being registered. */
  async #held(markets: Address, market: number, account: AccountId): Promise<risk.HeldUnderlying | null> {
    const call = { address: markets, abi: marketsAbi, functionName: 'holdingsOf', args: [account] } as const;
    const words = await unlessReverted(this.chains.hub.client.readContract(call));
    return words === null ? null : (risk.decodeHoldings(words).underlyings.find(({ underlying }) => underlying === market) ?? null);
  }

  /** Who had gained something in its market before his positions changed, since the loss was known; each once. */
  async #sighted(levy: Address, { market, until }: LevyFigures): Promise<AccountId[]> {
    const { client } = this.chains.hub;
    const events = await client.getContractEvents({
      ...{ address: levy, abi: levyAbi, eventName: 'Sighted', args: { underlying: market }, strict: true },
      fromBlock: await blockBefore(client, until - WINDOW - SIGHT),
    });
    return [...new Set(events.filter(({ args }) => args.profit > 0n).map(({ args }) => accountId(args.account)))];
  }

  /** What it would be registered with now; 0 if it cannot be. */
  async wouldRegister({ levy }: LossContracts, id: bigint, account: AccountId): Promise<bigint> {
    const call = { address: levy, abi: levyAbi, functionName: 'register', args: [id, account] } as const;
    return (await unlessReverted(this.chains.hub.client.simulateContract(call)))?.result ?? 0n;
  }

  /** Whether the brake stands as it should not, on or off. */
  async isBrakeWrong({ levy, fund, ledger }: LossContracts): Promise<boolean> {
    const { client } = this.chains.hub;
    const [missing, least, assets, braked] = await Promise.all([
      client.readContract({ address: levy, abi: levyAbi, functionName: 'insolvency' }),
      client.readContract({ address: levy, abi: levyAbi, functionName: 'least' }),
      client.readContract({ address: fund, abi: fundAbi, functionName: 'assets' }),
      client.readContract({ address: ledger, abi: ledgerAbi, functionName: 'isBraked' }),
    ]);
    return braked !== liquidation.isBrakeDue(missing, assets, least);
  }

  #registration(levy: Address, id: bigint, account: AccountId) {
    return this.chains.hub.client.readContract({ address: levy, abi: levyAbi, functionName: 'registrationOf', args: [id, account] });
  }

  async #strikes(markets: Address, market: number, places: readonly number[]): Promise<Map<number, bigint>> {
    const distinct = [...new Set(places)];
    if (distinct.length === 0) return new Map();
    const words = await this.chains.hub.client.readContract({
      ...{ address: markets, abi: marketsAbi, functionName: 'strikesAt', args: [market, distinct] },
    });
    return new Map(distinct.map((place, i) => [place, BigInt.asUintN(Number(STRIKE_BITS), words[i] ?? 0n)]));
  }

  /** Whoever may hold positions. */
  async #traders(): Promise<readonly AccountId[]> {
    const rows: unknown = await this.dataSource.query(
      `select account from position_events where eid = $1 and state <> 'orphaned'
       union select counterparty from position_events where eid = $1 and state <> 'orphaned' order by 1`,
      [this.chains.hub.eid],
    );
    return accountRows.parse(rows).map(({ account }) => account);
  }
}
