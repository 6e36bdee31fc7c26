import { fundAbi, ledgerAbi, levyAbi, liquidationAbi, marketsAbi } from '@lockstep/contracts';
import { liquidation, risk, type AccountId } from '@lockstep/shared';
import { parseEventLogs, type Log } from 'viem';
import { MODES, type Mode } from './population.js';
import { NUMBER, units } from './prices.js';

/** What a replay did to the accounts of one margin mode, or to makers and bidders together. Money in cash. */
export interface ModeFigures {
  readonly accounts: number;
  /** notional of positions at the start */
  readonly notional: number;
  /** accounts that were in auction at least once */
  liquidatedAccounts: number;
  auctions: number;
  bids: number;
  /** notional that bidders took over, at the marks of the bids */
  liquidatedNotional: number;
  /** value that went to bidders beyond what they paid */
  discounts: number;
  /** paid by the insurance fund at once */
  fundUse: number;
  /** neither equity nor fund paid it: booked as deficits, and shortfalls that stand open at the end */
  badDebt: number;
  /** paid to levies by those of them who had gained, whoever lost */
  levy: number;
  /** least equity over maintenance margin that was seen */
  worstHealth: number;
}

/** What became of deficits that were booked. Cash; levies less their rounding, covers, spread and what is owed sum to what was booked. */
export interface Losses {
  /** deficits when they were booked: what neither the account nor the fund paid at once */
  readonly booked: number;
  /** paid by the fund later on */
  readonly covered: number;
  /** taken by levies, and what of that was not needed any more and went to the fund */
  readonly levy: number;
  readonly levyToFund: number;
  /** a loss of all cash */
  readonly spread: number;
}

/** One levy: what it was opened for, and what has been paid to it. Cash. */
export interface LevyTotals {
  readonly deficit: number;
  readonly paid: number;
}

/** The market at one step, for pictures. */
export interface Moment {
  readonly seconds: number;
  readonly bitcoin: number;
  readonly auctions: number;
  readonly shortfall: number;
  readonly liquidated: number;
  readonly fund: number;
}

const WAD = 10n ** 18n;
const ABI = [...liquidationAbi, ...marketsAbi, ...fundAbi, ...levyAbi, ...ledgerAbi];

/** Notional of what moved: words of positions and options as holdings have them. */
export function notionalOf(words: readonly bigint[], step: liquidation.StressStep): number {
  let count = 0;
  for (let at = 0; at < words.length; count++) at += 1 + Number(((words[at] ?? 0n) >> 16n) & 0xffn);
  // A head without cash and collateral makes them holdings.
  const head = BigInt(count) << 136n;
  return risk.decodeHoldings([head, ...words]).underlyings.reduce((sum, { underlying, size, options }) => {
    const { price } = underlying === NUMBER.BTC ? step.BTC : step.ETH;
    const lots = options.reduce((total, option) => total + Math.abs(Number(option.lots)), 0);
    return sum + price * (Math.abs(units(size)) + lots / 1_000);
  }, 0);
}

const nothing = (accounts: number, notional: number): ModeFigures => ({
  ...{
    accounts,
    notional,
    liquidatedAccounts: 0,
    auctions: 0,
    bids: 0,
    liquidatedNotional: 0,
    discounts: 0,
    fundUse: 0,
    badDebt: 0,
    levy: 0,
  },
  worstHealth: Infinity,
});

/** Figures of a replay, by whom they are about. */
type ByAccounts = Pick<Figures, 'byMode' | 'others'>;
/** Accounts of each mode, then makers and bidders. */
export const everyone = ({ byMode, others }: ByAccounts): readonly ModeFigures[] => [...MODES.map((mode) => byMode[mode]), others];
/** Sum over accounts of every mode. */
export const ofModes = ({ byMode }: Pick<Figures, 'byMode'>, of: (own: ModeFigures) => number): number =>
  MODES.reduce((sum, mode) => sum + of(byMode[mode]), 0);
/** Makers and bidders too. */
export const ofAll = (figures: ByAccounts, of: (own: ModeFigures) => number): number => ofModes(figures, of) + of(figures.others);

/** Adds up what happened, from the events of the contracts. */
export class Figures {
  readonly byMode: Readonly<Record<Mode, ModeFigures>>;
  /** makers and bidders */
  readonly others: ModeFigures;
  #losses: Losses = { booked: 0, covered: 0, levy: 0, levyToFund: 0, spread: 0 };
  /** what the fund says it paid, to whomever */
  #fundPaid = 0;
  readonly #levies = new Map<bigint, LevyTotals>();
  readonly #hit = new Set<AccountId>();
  readonly #auctions = new Map<bigint, AccountId>();
  readonly #open = new Set<AccountId>();

  /** @param others makers and bidders, all of whose notional is the traders' other side */
  constructor(
    private readonly modes: ReadonlyMap<AccountId, Mode>,
    notional: Readonly<Record<Mode, number>>,
    private readonly rest: ReadonlySet<AccountId>,
  ) {
    const of = (mode: Mode): ModeFigures => nothing([...modes.values()].filter((one) => one === mode).length, notional[mode]);
    this.byMode = { isolated: of('isolated'), cross: of('cross'), portfolio: of('portfolio') };
    this.others = nothing(
      rest.size,
      MODES.reduce((sum, mode) => sum + notional[mode], 0),
    );
  }

  of(account: AccountId): ModeFigures | null {
    const mode = this.modes.get(account);
    if (mode !== undefined) return this.byMode[mode];
    return this.rest.has(account) ? this.others : null;
  }

  get liquidatedNotional(): number {
    return ofModes(this, (own) => own.liquidatedNotional);
  }

  get losses(): Losses {
    return this.#losses;
  }

  /** What the fund says it paid. */
  get fundPaid(): number {
    return this.#fundPaid;
  }

  /** In the order in which they opened. */
  get levies(): readonly LevyTotals[] {
    return [...this.#levies.values()];
  }

  /** Whose auction is open. */
  get open(): ReadonlySet<AccountId> {
    return this.#open;
  }

  /** Auctions so far, of anyone. */
  get started(): number {
    return this.#auctions.size;
  }

  /** Health of an account as it was seen. */
  seen({ account, equity, margin }: liquidation.Watched): void {
    const own = this.of(account);
    if (own !== null && margin > 0n) own.worstHealth = Math.min(own.worstHealth, Number((equity * 1_000_000n) / margin) / 1e6);
  }

  /**
   * What happened in a block.
   * @param sold accounts that bids may be on, as they were in the block before
   * @param time of the block, seconds
   */
  take(logs: readonly Log[], step: liquidation.StressStep, sold: readonly liquidation.Watched[], time: number): void {
    const known = new Map(sold.map((one) => [one.account, one]));
    for (const { eventName, args } of parseEventLogs({ abi: ABI, logs: [...logs] })) {
      switch (eventName) {
        case 'AuctionStarted': {
          // CAST: the contract's accounts are account ids.
          const account = args.account as AccountId;
          this.#auctions.set(args.id, account);
          this.#open.add(account);
          const own = this.of(account);
          if (own === null) break;
          own.auctions++;
          if (!this.#hit.has(account)) own.liquidatedAccounts++;
          this.#hit.add(account);
          break;
        }
        case 'AuctionEnded':
          // CAST: as above.
          this.#open.delete(args.account as AccountId);
          break;
        case 'BidTaken': {
          // CAST: as above.
          const account = args.account as AccountId;
          const one = known.get(account);
          if (one === undefined) throw new Error(`a bid on ${account} was taken; expected to know its auction of the block before`);
          this.#bid(account, gainOf(args, one, BigInt(time)));
          known.set(account, { ...one, margin: one.margin - (one.margin * args.share) / WAD });
          break;
        }
        case 'SliceTransferred': {
          // CAST: as above.
          const own = this.of(args.from as AccountId);
          if (own !== null) own.liquidatedNotional += notionalOf(args.words, step);
          break;
        }
        case 'InsolventPaid': {
          this.#add({ booked: units(args.deficit) });
          const account = this.#auctions.get(args.id);
          const own = account === undefined ? null : this.of(account);
          if (own === null) break;
          own.fundUse += units(args.fund);
          own.badDebt += units(args.deficit);
          break;
        }
        case 'Paid':
          this.#fundPaid += units(args.cash);
          break;
        case 'DeficitCovered':
          this.#add({ covered: units(args.cash) });
          break;
        case 'LevyOpened':
          this.#levies.set(args.id, { deficit: units(args.deficit), paid: 0 });
          break;
        case 'LevyPaid': {
          // CAST: as above.
          const own = this.of(args.account as AccountId);
          if (own === null) throw new Error(`a levy was paid by ${args.account}; expected one of the population`);
          own.levy += units(args.levy);
          this.#add({ levy: units(args.levy), levyToFund: units(args.fund) });
          const { deficit, paid } = this.#levies.get(args.id) ?? { deficit: 0, paid: 0 };
          this.#levies.set(args.id, { deficit, paid: paid + units(args.levy) });
          break;
        }
        case 'LossSpread':
          this.#add({ spread: units(args.amount) });
          break;
        default:
      }
    }
  }

  #add(more: Partial<Losses>): void {
    const of = (key: keyof Losses): number => this.#losses[key] + (more[key] ?? 0);
    this.#losses = { booked: of('booked'), covered: of('covered'), levy: of('levy'), levyToFund: of('levyToFund'), spread: of('spread') };
  }

  #bid(account: AccountId, gain: bigint): void {
    const own = this.of(account);
    if (own === null) return;
    own.bids++;
    own.discounts += units(gain);
  }
}

/** Value that a bid won beyond its price: of a solvent account what the discount left, of an insolvent one what the payout had grown by. */
function gainOf(
  { share, price }: { readonly share: bigint; readonly price: bigint },
  { equity, margin, auction }: liquidation.Watched,
  time: bigint,
): bigint {
  if (auction === null) throw new Error('a bid was taken without an auction in the block before; expected one');
  const { insolventSeconds } = liquidation.AUCTION_TERMS;
  if (price >= 0n) {
    const paid = liquidation.discountAt(liquidation.AUCTION_TERMS, time - auction.startedAt);
    return paid === 0n ? (share * (equity - auction.reserve)) / WAD : (price * (WAD - paid)) / paid;
  }
  const age = auction.insolventSince === 0n ? 0n : time - auction.insolventSince;
  return (share * margin * (age < insolventSeconds ? age : insolventSeconds)) / (insolventSeconds * WAD);
}
