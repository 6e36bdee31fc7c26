import {
  AccountBook,
  EventPopulation,
  findHub,
  hubReader,
  keepersOf,
  liquidationSchema,
  liquidatorTerms,
  refusalOf,
  type Became,
  type HubCall,
  type Keepers,
  type LiquidationSender,
} from '@lockstep/relayer/keepers';
import { getAddress, type Address, type PublicClient } from 'viem';
import type { Call, Sent } from './chain.js';
import { ownerOf, type Hub } from './hub.js';
import type { Market } from './setup.js';

const STARTER = getAddress('0x00000000000000000000000000000000000c0ffe');

/** What one keeper wants sent in the next block. Like any sender it tries a call at the newest block first. */
class Lane implements LiquidationSender {
  readonly #queued = new Map<string, Call>();
  readonly #over = new Map<string, Became>();

  constructor(
    private readonly client: PublicClient,
    readonly address: Address,
  ) {}

  async want(what: string, { to, data }: HubCall): Promise<'sent' | 'waiting' | 'refused'> {
    if (this.#queued.has(what)) return 'waiting';
    if ((await this.refusal({ to, data })) !== null) return 'refused';
    this.#queued.set(what, { from: this.address, to, data });
    return 'sent';
  }

  refusal({ to, data }: Pick<HubCall, 'to' | 'data'>): ReturnType<LiquidationSender['refusal']> {
    return refusalOf(this.client, { account: this.address, to, data });
  }

  became(what: string): Promise<Became | null> {
    return Promise.resolve(this.#queued.has(what) ? { state: 'open' } : (this.#over.get(what) ?? null));
  }

  /** Nobody sent anything before. */
  open(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  get queued(): readonly Call[] {
    return [...this.#queued.values()];
  }

  /** @param sent what became of `queued`, in its order */
  settle(sent: readonly Sent[], block: bigint): void {
    for (const [at, what] of [...this.#queued.keys()].entries())
      this.#over.set(what, sent[at]?.succeeded === true ? { state: 'mined', block } : { state: 'failed' });
    this.#queued.clear();
  }
}

interface Member {
  readonly lane: Lane;
  readonly keepers: Keepers;
  readonly bids: boolean;
}

/**
 * The relayer's keepers on the replay's chain, as `lockstep liquidator` runs them: one that bids nothing and sees to losses too, and one per bidder. They
 * know what they read from the chain, and have no word of each other.
 */
export class ReplayKeepers {
  private constructor(
    private readonly client: PublicClient,
    private readonly members: readonly Member[],
  ) {}

  /** @param bidders whether anyone bids */
  static async start(hub: Hub, market: Market, bidders: boolean): Promise<ReplayKeepers> {
    const client = hub.chain.reader;
    const at = await findHub(client, hub.at.liquidation, hub.at.shortfalls);
    const reader = await hubReader(client, at);
    const member = (address: Address, bid?: { readonly account: string; readonly budget: string; readonly required: string }): Member => {
      const terms = liquidatorTerms(liquidationSchema.parse(bid === undefined ? {} : { bid }));
      const book = new AccountBook(client, at, 0n);
      const lane = new Lane(client, address);
      const keepers = keepersOf({
        ...{ client, hub: at, book, reader, sender: lane, terms, from: 0n, payoutsSince: 0n },
        signed: () => Promise.resolve([]),
        population: (liquidator) => new EventPopulation(book, liquidator),
      });
      return { lane, keepers, bids: bid !== undefined };
    };
    const some = bidders ? market.bidders : [];
    return new ReplayKeepers(client, [
      member(STARTER),
      ...some.map(({ plan, account }) => member(ownerOf(account), { account, budget: `${plan.capital}`, required: `${plan.required}` })),
    ]);
  }

  /**
   * They look at the newest block.
   * @param who bidders start and end auctions too, but while none is open the first sees to all there is to do
   * @returns what they want in the next one, one keeper's after the other's
   */
  async look(who: { readonly first: boolean; readonly bidders: boolean }): Promise<readonly Call[]> {
    await Promise.all(this.members.filter(({ bids }) => (bids ? who.bidders : who.first)).map((member) => this.#look(member)));
    return this.members.flatMap(({ lane }) => lane.queued);
  }

  /** @param sent what became of all they wanted, in the order of `look` */
  async settle(sent: readonly Sent[]): Promise<void> {
    const block = await this.client.getBlockNumber();
    let from = 0;
    for (const { lane } of this.members) {
      const count = lane.queued.length;
      lane.settle(sent.slice(from, from + count), block);
      from += count;
    }
  }

  async #look({ keepers, bids }: Member): Promise<void> {
    const { liquidator, undoing, writeDowns, levies, shortfalls } = keepers;
    const look = await liquidator.look();
    if (look === null) return;
    const failed = look.wanted.find(({ outcome }) => outcome === 'failed');
    if (failed !== undefined) throw new Error(`${failed.what} of ${failed.account}: ${failed.because ?? 'failed'}; expected an answer`);
    if (look.unanswered.length > 0) throw new Error(`no figures of ${look.unanswered.join(', ')}; expected those of every account`);
    await undoing.after(look);
    await shortfalls?.tend();
    if (bids) return;
    await writeDowns.tend();
    await levies?.tend();
  }
}
