import { accountId, liquidation, risk } from '@lockstep/shared';
import { numberToHex } from 'viem';
import { generator, timed } from './scan.js';
import { significant, type Results } from './results.js';

const ACCOUNTS = 10_000;
const REPEATS = 5;
const NOW = 1_800_000_000n;
const DAY = 86_400n;
const WAD = 10n ** 18n;
const cash = (units: number): bigint => BigInt(Math.round(units * 1e6)) * 10n ** 12n;

/** Two underlyings, four expiries each of ten strikes; prices have fallen by as much as puts many accounts near their margin. */
function market(): liquidation.HubMarket {
  const expiries = [1n, 7n, 30n, 90n].map((days) => NOW + days * DAY);
  const slice = { vol: 600_000_000n, rho: -200_000_000n, phi: 1_000_000_000n };
  const underlying = (spot: number): liquidation.MarketUnderlying => ({
    ...{ spot: cash(spot), mark: cash(spot), index: WAD },
    strikes: new Map(
      expiries
        .flatMap((expiry) => Array.from({ length: 10 }, (_, at) => ({ strike: cash((spot * (70 + 6 * at)) / 100), expiry })))
        .map((series, place) => [place, series]),
    ),
    expiries: new Map(expiries.map((expiry) => [expiry, { forward: cash(spot), averaged: 0n, slice }])),
  });
  return {
    now: NOW,
    underlyings: new Map([
      [1, underlying(54_000)],
      [2, underlying(2_700)],
    ]),
    assets: new Map([[1, { decimals: 8, price: cash(54_000), underlying: 1, class: 0, chain: { initial: 0n, maintenance: 0n } }]]),
    classes: [[{ from: 0n, maintenance: WAD / 20n, initialExtra: WAD / 20n }]],
    portfolio: risk.PortfolioParameters.parse(risk.PARAMETER_SETS.lockstep),
    cross: risk.StandardParameters.parse(risk.PARAMETER_SETS['lockstep-cross']),
    isolated: risk.StandardParameters.parse(risk.PARAMETER_SETS['lockstep-isolated']),
  };
}

/** A third in each mode: a perpetual or two; eight options under portfolio margin, two in some cross accounts; collateral in half of them. */
function accounts(): liquidation.ExposedAccount[] {
  const random = generator(20_260_101);
  return Array.from({ length: ACCOUNTS }, (_, number): liquidation.ExposedAccount => {
    const mode = (['cross', 'portfolio', 'isolated'] as const)[number % 3] ?? 'cross';
    const count = mode === 'portfolio' ? 8 : mode === 'cross' && random() < 0.3 ? 2 : 0;
    const options = Array.from({ length: count }, (__, at) => ({
      ...{ place: (at * 5 + (number % 5)) % 40, isPut: random() < 0.5 },
      lots: BigInt(Math.round((random() - 0.5) * 2_000)) || 1n,
    }));
    const size = (random() - 0.4) * 4;
    const second =
      mode !== 'isolated' && random() < 0.5 ? [{ underlying: 2, size: cash(random() * 4), quote: cash(-6_000), options: [] }] : [];
    return {
      account: accountId(numberToHex(number + 1, { size: 32 })),
      mode,
      holdings: {
        ...{ cash: cash(random() * 60_000), initialFactor: 0, maxLeverage: 0 },
        collateral: random() < 0.5 ? [{ assetId: 1, amount: BigInt(Math.round(random() * 1e7)) }] : [],
        underlyings: [{ underlying: 1, size: cash(size), quote: cash(-size * 60_000), options }, ...second],
      },
      indexes: new Map([
        [1, WAD],
        [2, WAD],
      ]),
    };
  });
}

/** What a keeper does with 10,000 accounts at each price epoch before it sends: values all, names who may be below, the worst first. */
export function measureDetect(): Results {
  const [at, all] = [market(), accounts()];
  const runs = Array.from({ length: REPEATS }, () => timed(() => liquidation.detect(at, all))).sort(
    ([, a], [, b]) => a.processor - b.processor,
  );
  const [suspects, middle] = runs[Math.floor(REPEATS / 2)] ?? [[], { processor: NaN, clock: NaN }];
  return {
    'liquidation.detect10k.seconds': {
      value: significant(middle.processor),
      unit: `s of processor time, ${ACCOUNTS} accounts in three margin modes, one price epoch, one thread`,
      target: '< 2 (a block of the hub)',
      limit: `${significant(middle.clock)} s by the clock of a shared machine; ${suspects.length} may be below maintenance margin`,
    },
  };
}
