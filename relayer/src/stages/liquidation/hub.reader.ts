import { collateralRulesAbi, feedsAbi, ledgerAbi, liquidationAbi, marginAbi, marketsAbi } from '@lockstep/contracts';
import { risk, type AccountId, type liquidation } from '@lockstep/shared';
import { unlessReverted } from '../../sender/revert-reason.js';
import { inBatches } from '../in-batches.js';
import { MODES, readTerms, type LiquidationHub } from './hub.js';
import type { ContractReads } from './signed-view.js';

const WAD = 10n ** 18n;
const HOUR = 3_600n;
const AVERAGED_STEPS = 1n << 15n;
const STRIKE_BITS = 128n;
const mask = (bits: bigint): bigint => (1n << bits) - 1n;

/** An account's exact figures at one block. */
export interface Exact extends liquidation.Watched {
  readonly grade: risk.Grade;
}

export interface ReadMarket extends liquidation.HubMarket {
  /** time of the oldest price that anybody ever told, seconds, without halted ones, which nobody can renew; null: there is none */
  readonly pricedAt: bigint | null;
  /** time of the oldest price that a newer one would mend, seconds; null: all are fresh, halted, or nobody ever told them */
  readonly outdated: bigint | null;
}

/** Of prices that something is valued by. */
interface Dated {
  readonly grade: number;
  readonly oldest: number;
}

const MENDED_BY_NEWER: ReadonlySet<risk.Grade> = new Set(['aged', 'stale', 'uncertain', 'disagreeing']);

type Rules = Pick<liquidation.HubMarket, 'portfolio' | 'cross' | 'isolated'>;

const oldestOf = (dated: readonly Dated[]): bigint | null =>
  dated.length === 0 ? null : BigInt(dated.reduce((oldest, one) => Math.min(oldest, one.oldest), Infinity));
const isOutdated = ({ grade }: Dated): boolean => MENDED_BY_NEWER.has(risk.GRADES[grade] ?? 'halted');

/** Reads prices, holdings and exact figures of one block. Requests of one turn travel together. */
export class HubReader {
  constructor(
    private readonly client: ContractReads,
    private readonly hub: LiquidationHub,
    private readonly rules: Rules,
  ) {}

  /** The same by what another reads. */
  by(client: ContractReads): HubReader {
    return new HubReader(client, this.hub, this.rules);
  }

  /** Holdings as of a block, with the funding that was in them. Accounts whose books the contracts cannot read out are left out. */
  async accounts(accounts: readonly AccountId[], blockNumber: bigint, now: bigint): Promise<liquidation.ExposedAccount[]> {
    const markets = { address: this.hub.markets, abi: marketsAbi, blockNumber } as const;
    const answers = await inBatches(accounts, async (account) => {
      const [words, mode] = await Promise.all([
        unlessReverted(this.client.readContract({ ...markets, functionName: 'holdingsOf', args: [account] })),
        this.client.readContract({ ...markets, functionName: 'modeOf', args: [account] }),
      ]);
      return words === null ? null : { account, mode: MODES[mode] ?? 'portfolio', holdings: risk.decodeHoldings(words) };
    });
    const read = answers.filter((answer) => answer !== null);
    const held = new Set(read.flatMap(({ holdings }) => holdings.underlyings.map(({ underlying }) => underlying)));
    const indexes = new Map(await Promise.all([...held].map(async (one) => [one, await this.#index(one, blockNumber, now)] as const)));
    return read.map((one) => ({ ...one, indexes }));
  }

  /** Prices and rules of everything that some accounts hold. */
  async market(accounts: readonly liquidation.ExposedAccount[], blockNumber: bigint, now: bigint): Promise<ReadMarket> {
    const places = new Map<number, Set<number>>();
    const assetIds = new Set<number>();
    for (const { holdings } of accounts) {
      for (const { assetId } of holdings.collateral) assetIds.add(assetId);
      for (const { underlying, options } of holdings.underlyings) {
        const own = places.get(underlying) ?? new Set();
        for (const { place } of options) own.add(place);
        places.set(underlying, own);
      }
    }
    const [underlyings, assets] = await Promise.all([
      Promise.all([...places].map(async ([id, own]) => [id, await this.#underlying(id, [...own], blockNumber, now)] as const)),
      Promise.all([...assetIds].map((assetId) => this.#asset(assetId, blockNumber))),
    ]);
    const known = assets.flatMap((asset) => (asset === null ? [] : [asset]));
    const classes: risk.Parameters['haircuts'][string][] = [];
    for (const { asset, tiers } of known) classes[asset.class] = tiers;
    const alone = [...new Set(known.map(({ asset }) => asset.underlying))].filter((one) => one !== 0 && !places.has(one));
    const dated = [
      ...underlyings.flatMap(([, one]) => one.dated),
      ...(await Promise.all(alone.map((one) => this.#quote(one, false, blockNumber)))),
    ];
    return {
      now,
      outdated: oldestOf(dated.filter(isOutdated)),
      pricedAt: oldestOf(dated.filter(({ oldest, grade }) => oldest > 0 && risk.GRADES[grade] !== 'halted')),
      underlyings: new Map(underlyings.map(([id, { market }]) => [id, market])),
      assets: new Map(known.map(({ assetId, asset }) => [assetId, asset])),
      classes: Array.from(classes, (tiers) => tiers ?? []),
      ...this.rules,
    };
  }

  /** What the contracts say of accounts: their figures, how good the prices are, and their auctions. Those whose valuation reverts are left out. */
  async exact(accounts: readonly AccountId[], blockNumber: bigint): Promise<Exact[]> {
    const answers = await inBatches(accounts, (account) => unlessReverted(this.#exact(account, blockNumber)));
    return answers.filter((answer) => answer !== null);
  }

  async #exact(account: AccountId, blockNumber: bigint): Promise<Exact> {
    const [figures, auction] = await Promise.all([
      this.client.readContract({ address: this.hub.margin, abi: marginAbi, functionName: 'riskOf', args: [account], blockNumber }),
      this.client.readContract({
        ...{ address: this.hub.liquidation, abi: liquidationAbi, functionName: 'auctionOf', args: [account], blockNumber },
      }),
    ]);
    const { openedAt, startedAt, lastBidAt, stepTaken, restingSince, insolventSince, reserve } = auction;
    return {
      account,
      equity: figures.equity,
      initial: figures.initialMargin,
      margin: figures.maintenanceMargin,
      grade: risk.GRADES[figures.grade] ?? 'halted',
      auction:
        auction.id === 0n
          ? null
          : {
              ...{ openedAt: BigInt(openedAt), startedAt: BigInt(startedAt), lastBidAt: BigInt(lastBidAt), reserve },
              ...{ stepTaken: BigInt(stepTaken), restingSince: BigInt(restingSince), insolventSince: BigInt(insolventSince) },
            },
    };
  }

  /** Cash of an account; negative: it owes. */
  cashOf(account: AccountId, blockNumber: bigint): Promise<bigint> {
    return this.client.readContract({ address: this.hub.ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account], blockNumber });
  }

  /** Terms of all auctions. */
  terms(blockNumber: bigint): Promise<liquidation.AuctionTerms> {
    return readTerms(this.client, this.hub.liquidation, blockNumber);
  }

  /** Until when starts of accounts with equity wait because no chain takes deposits, seconds; 0: they do not. */
  async graceUntil(blockNumber: bigint): Promise<bigint> {
    const call = { address: this.hub.liquidation, abi: liquidationAbi, functionName: 'graceUntil', blockNumber } as const;
    return BigInt(await this.client.readContract(call));
  }

  async #index(underlying: number, blockNumber: bigint, now: bigint): Promise<bigint> {
    const [index, perHour, since] = await this.client.readContract({
      ...{ address: this.hub.markets, abi: marketsAbi, functionName: 'fundingOf', args: [underlying], blockNumber },
    });
    return index + (perHour * (now - BigInt(since))) / HOUR;
  }

  #quote(id: number, withMark: boolean, blockNumber: bigint) {
    return this.client.readContract({ address: this.hub.feeds, abi: feedsAbi, functionName: 'quoteOf', args: [id, withMark], blockNumber });
  }

  async #underlying(
    id: number,
    places: readonly number[],
    blockNumber: bigint,
    now: bigint,
  ): Promise<{ readonly market: liquidation.MarketUnderlying; readonly dated: readonly Dated[] }> {
    const [quote, index, words] = await Promise.all([
      this.#quote(id, true, blockNumber),
      this.#index(id, blockNumber, now),
      this.client.readContract({ address: this.hub.markets, abi: marketsAbi, functionName: 'strikesAt', args: [id, places], blockNumber }),
    ]);
    const strikes = new Map(
      places.map((place, at) => {
        const word = words[at] ?? 0n;
        return [place, { strike: word & mask(STRIKE_BITS), expiry: (word >> STRIKE_BITS) & mask(40n) }] as const;
      }),
    );
    const expiries = await Promise.all(
      [...new Set([...strikes.values()].map(({ expiry }) => expiry))].map(
        async (expiry) => [expiry, await this.#expiry(id, expiry, blockNumber, now)] as const,
      ),
    );
    const { spot, mark } = quote;
    const market = {
      ...{ spot, mark: mark === 0n ? spot : mark, index, strikes },
      expiries: new Map(expiries.map(([expiry, one]) => [expiry, one.market])),
    };
    return { market, dated: [quote, ...expiries.flatMap(([, one]) => one.dated)] };
  }

  /** Of the last half hour the part that has passed is the average so far; from expiry on only that counts. */
  async #expiry(
    underlying: number,
    expiry: bigint,
    blockNumber: bigint,
    now: bigint,
  ): Promise<{ readonly market: liquidation.MarketExpiry; readonly dated: readonly Dated[] }> {
    const point = (kind: risk.FeedKind) =>
      this.client.readContract({
        ...{ address: this.hub.feeds, abi: feedsAbi, functionName: 'point', blockNumber },
        args: [risk.feedId({ underlying, kind, expiry })],
      });
    const [forward, surface, [average, share]] = await Promise.all([
      point('forward'),
      point('surface'),
      this.client.readContract({
        ...{ address: this.hub.feeds, abi: feedsAbi, functionName: 'settlement', args: [underlying, Number(expiry)], blockNumber },
      }),
    ]);
    if (expiry <= now) return { market: { forward: average, averaged: WAD, slice: null }, dated: [] };
    const [known, rest] = [average * share, forward.value * (WAD - share)];
    const market = {
      forward: (known + rest) / WAD,
      // In the steps in which a sheet keeps it.
      averaged: known === 0n ? 0n : (((known * AVERAGED_STEPS) / (known + rest)) * WAD) / AVERAGED_STEPS,
      slice: surface.value === 0n ? null : risk.unpackSlice(surface.value),
    };
    return { market, dated: [forward, surface].map(({ grade, time }) => ({ grade, oldest: time })) };
  }

  /** Null: it has no rule, and counts nothing. */
  async #asset(assetId: number, blockNumber: bigint) {
    const rules = { address: this.hub.rules, abi: collateralRulesAbi, blockNumber } as const;
    const [listed, rule] = await this.client.readContract({ ...rules, functionName: 'assetRuleOf', args: [assetId] });
    if (!listed) return null;
    const words = risk.encodeCollateral([{ assetId, amount: 10n ** BigInt(rule.decimals) }]);
    const [[lot], classes] = await this.client.readContract({ ...rules, functionName: 'lotsOf', args: [words] });
    if (lot === undefined) return null;
    const asset: liquidation.MarketAsset = {
      decimals: rule.decimals,
      price: lot.value,
      underlying: rule.underlying,
      class: rule.class,
      chain: lot.chain,
    };
    return { assetId, asset, tiers: [...(classes[Number(lot.class)] ?? [])] };
  }
}
