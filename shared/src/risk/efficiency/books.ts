import type { z } from 'zod/v4';
import { check } from '../explain.js';
import { Portfolio } from '../portfolio.js';

/** A book that traders know by name. */
export interface StandardBook {
  readonly name: string;
  /** What is in it, for people. */
  readonly holds: string;
  readonly portfolio: Portfolio;
}

type Input = z.input<typeof Portfolio>;
type Underlying = NonNullable<Input['underlyings']>[number];
type Expiry = NonNullable<Underlying['expiries']>[number];
type Option = Expiry['options'][number];

const call = (strike: string, size: string, vol: string): Option => ({ kind: 'call', strike, size, vol });
const put = (strike: string, size: string, vol: string): Option => ({ kind: 'put', strike, size, vol });
const expiry = (days: string, forward: string, options: Option[]): Expiry => ({ days, forward, rate: '0', options });

const btc = (positions: Omit<Underlying, 'name' | 'spot'>): Underlying => ({ name: 'BTC', spot: '60000', ...positions });
const eth = (positions: Omit<Underlying, 'name' | 'spot'>): Underlying => ({ name: 'ETH', spot: '3000', ...positions });
const perpetual = (size: string, price: string): Pick<Underlying, 'perpetual'> => ({ perpetual: { size, entry: price, mark: price } });

const held = (asset: 'BTC' | 'ETH', amount: string, price: string): Input['collateral'] => [{ asset, amount, price, underlying: asset }];

const BOOKS: readonly (readonly [name: string, holds: string, portfolio: Omit<Input, 'cash'>])[] = [
  [
    'covered call',
    '1 BTC of collateral, short a 30-day call 10% above spot',
    { collateral: held('BTC', '1', '60000'), underlyings: [btc({ expiries: [expiry('30', '60200', [call('66000', '-1', '0.56')])] })] },
  ],
  [
    'straddle',
    'short a 30-day call and put of BTC at the money',
    { underlyings: [btc({ expiries: [expiry('30', '60200', [call('60000', '-1', '0.55'), put('60000', '-1', '0.55')])] })] },
  ],
  [
    'call spread',
    'long a 30-day call of BTC at the money, short one 10% above',
    { underlyings: [btc({ expiries: [expiry('30', '60200', [call('60000', '1', '0.55'), call('66000', '-1', '0.56')])] })] },
  ],
  [
    'calendar',
    'short 20 calls of ETH of 14 days, long 20 of 75 days, one strike',
    {
      underlyings: [
        eth({ expiries: [expiry('14', '3004', [call('3200', '-20', '0.7')]), expiry('75', '3024', [call('3200', '20', '0.65')])] }),
      ],
    },
  ],
  [
    'basis trade',
    '20 ETH of collateral, short a perpetual of 20 ETH',
    { collateral: held('ETH', '20', '3000'), underlyings: [eth(perpetual('-20', '3003'))] },
  ],
  [
    'delta-neutral',
    'long 2 calls of BTC of 30 days at the money, short a perpetual of 1.08 BTC',
    { underlyings: [btc({ ...perpetual('-1.08', '60010'), expiries: [expiry('30', '60200', [call('60000', '2', '0.55')])] })] },
  ],
  [
    'spread over two underlyings',
    'long a perpetual of 1 BTC, short one of 20 ETH',
    { underlyings: [btc(perpetual('1', '60010')), eth(perpetual('-20', '3001'))] },
  ],
];

/** The books that reports compare modes by: bought at their marks, healthy chains, nobody's profile. */
export function standardBooks(): StandardBook[] {
  return BOOKS.map(([name, holds, input]) => {
    const portfolio = check(name, Portfolio, { ...input, cash: '0' } satisfies Input);
    if (portfolio.kind === 'refused') throw new RangeError(portfolio.problems.join('; '));
    return { name, holds, portfolio: portfolio.value };
  });
}
