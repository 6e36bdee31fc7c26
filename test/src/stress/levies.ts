import { ledgerAbi, levyAbi, liquidationAbi } from '@lockstep/contracts';
import type { AccountId, liquidation } from '@lockstep/shared';
import { encodeFunctionData } from 'viem';
import type { Call } from './chain.js';
import type { Hub } from './hub.js';
import { UNDERLYINGS, type UnderlyingName } from './population.js';
import { NUMBER, units } from './prices.js';

/** A deficit smaller than this, cash, opens no levy: it is dust of roundings. */
const LEAST = 10n ** 18n;
/** Market of accounts without positions. */
const NO_MARKET = 0;

/** Who opens, fills and collects levies: anyone may, here the keeper does as soon as it can. */
export class Levies {
  readonly #running = new Map<UnderlyingName, { readonly id: bigint; readonly payers: readonly AccountId[] }>();

  constructor(
    private readonly hub: Hub,
    private readonly accounts: readonly AccountId[],
    private readonly send: (calls: readonly Call[]) => Promise<unknown>,
  ) {}

  /** Collects what is due, and opens a levy for each deficit the fund does not cover. */
  async tend(step: liquidation.StressStep): Promise<void> {
    for (const name of UNDERLYINGS) {
      await this.#collect(name);
      if (!this.#running.has(name) && (await this.#deficit(NUMBER[name])) > LEAST) await this.#open(name, step);
    }
    if ((await this.#deficit(NO_MARKET)) > LEAST)
      await this.send([this.#call(encodeFunctionData({ abi: levyAbi, functionName: 'spread' }))]);
  }

  async #open(name: UnderlyingName, step: liquidation.StressStep): Promise<void> {
    let id = await this.#read('newestOf', NUMBER[name]);
    const newest = await this.#levyOf(id);
    // A deficit opens its levy itself, unless another was open then.
    if (newest.closed || newest.until <= this.hub.chain.now) {
      await this.send([this.#call(encodeFunctionData({ abi: levyAbi, functionName: 'open', args: [NUMBER[name]] }))]);
      id = await this.#read('newestOf', NUMBER[name]);
    }
    // The fund may have covered it after all: then nothing was opened.
    const { until } = await this.#levyOf(id);
    if (id === 0n || until <= this.hub.chain.now) return;
    const payers = await this.#winners(name, step);
    await this.send(
      payers.map((account) => this.#call(encodeFunctionData({ abi: levyAbi, functionName: 'register', args: [id, account] }))),
    );
    this.#running.set(name, { id, payers });
  }

  async #collect(name: UnderlyingName): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    const { id, payers } = running;
    const { until, closed } = await this.#levyOf(id);
    if (this.hub.chain.now < until) return;
    const close = closed ? [] : [this.#call(encodeFunctionData({ abi: levyAbi, functionName: 'close', args: [id] }))];
    const settle = payers.map((account) => this.#call(encodeFunctionData({ abi: levyAbi, functionName: 'settle', args: [id, account] })));
    await this.send([...close, ...settle]);
    this.#running.delete(name);
  }

  /** Accounts that may have gained: their perpetual stands above what it cost, or they hold options. */
  async #winners(name: UnderlyingName, step: liquidation.StressStep): Promise<AccountId[]> {
    const held = await this.hub.holdings(this.accounts);
    return this.accounts.filter((_, at) => {
      const own = held[at]?.underlyings.find(({ underlying }) => underlying === NUMBER[name]);
      return own !== undefined && (own.options.length > 0 || units(own.size) * step[name].price + units(own.quote) > 0);
    });
  }

  /** What the market's deficit account owes. */
  async #deficit(market: number): Promise<bigint> {
    const { client } = this.hub.chain;
    const account = await client.readContract({
      address: this.hub.at.liquidation,
      abi: liquidationAbi,
      functionName: 'deficitAccount',
      args: [market],
    });
    return -(await client.readContract({ address: this.hub.at.ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] }));
  }

  async #read(functionName: 'newestOf', underlying: number): Promise<bigint> {
    return this.hub.chain.client.readContract({ address: this.hub.at.levy, abi: levyAbi, functionName, args: [underlying] });
  }

  async #levyOf(id: bigint) {
    return this.hub.chain.client.readContract({ address: this.hub.at.levy, abi: levyAbi, functionName: 'levyOf', args: [id] });
  }

  #call(data: Call['data']): Call {
    return { from: this.hub.chain.deployer, to: this.hub.at.levy, data };
  }
}
