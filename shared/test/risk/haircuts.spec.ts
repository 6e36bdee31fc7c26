import fc from 'fast-check';
import { formatDecimal, parseDecimal, WAD } from '../../src/risk/decimal.js';
import { evaluate, type Risk } from '../../src/risk/evaluate.js';
import { PARAMETER_SETS } from '../../src/risk/parameter-sets.js';
import { Parameters } from '../../src/risk/parameters.js';
import { Portfolio } from '../../src/risk/portfolio.js';

const lockstep = Parameters.parse(PARAMETER_SETS.lockstep);
const chains = {
  near: { state: 'healthy' },
  far: { state: 'degraded' },
  gone: { state: 'quarantined', ramp: '0.25' },
};
const haircuts = (collateral: object[], extra: object = {}): { initial: string; maintenance: string } => {
  const { initial, maintenance } = evaluate(Portfolio.parse({ collateral, chains, ...extra }), lockstep).parts.haircuts;
  return { initial: formatDecimal(initial), maintenance: formatDecimal(maintenance) };
};
const eth = (amount: string, chain?: string): object => ({
  asset: 'ETH',
  amount,
  price: '1000',
  ...(chain === undefined ? {} : { chain }),
});

describe('given collateral on several chains', () => {
  it('a healthy chain, or one nobody named, adds nothing', () => {
    expect(haircuts([eth('100', 'near')])).toEqual({ initial: '15000', maintenance: '10000' });
    expect(haircuts([eth('100', 'near')])).toEqual(haircuts([eth('100')]));
    expect(haircuts([eth('100', 'elsewhere')])).toEqual(haircuts([eth('100')]));
  });
  it('a degraded chain adds a tenth of what is left to initial margin alone', () => {
    expect(haircuts([eth('100', 'far')])).toEqual({ initial: '23500', maintenance: '10000' });
  });
  it('a quarantined chain leaves initial margin at once and maintenance margin by its ramp', () => {
    expect(haircuts([eth('100', 'gone')])).toEqual({ initial: '100000', maintenance: '32500' });
    expect(haircuts([eth('100', 'gone')], { chains: { gone: { state: 'quarantined' } } }).maintenance).toBe('100000');
  });
  it('tiers see all of an asset, wherever it lies', () => {
    // 5m at 10% and 3m at 15%.
    expect(haircuts([eth('4000', 'near'), eth('4000')])).toEqual({ initial: '1500000', maintenance: '950000' });
  });
  it('never charges more than there is, in any order', () => {
    const lot = fc.record({
      asset: fc.constantFrom('ETH', 'BTC', 'DAI', 'JUNK'),
      amount: fc.integer({ min: 0, max: 1_000_000 }).map(String),
      price: fc.integer({ min: 0, max: 1_000_000 }).map((cents) => formatDecimal((BigInt(cents) * WAD) / 100n)),
      chain: fc.constantFrom('near', 'far', 'gone', 'elsewhere'),
    });
    fc.assert(
      fc.property(fc.array(lot, { maxLength: 6 }), (lots) => {
        const [one, other] = [lots, [...lots].reverse()].map((collateral) => evaluate(Portfolio.parse({ collateral, chains }), lockstep));
        const { initial, maintenance } = one!.parts.haircuts;
        expect(other!.parts.haircuts).toEqual(one!.parts.haircuts);
        expect(maintenance <= initial && initial <= one!.equity + 6n).toBe(true);
      }),
    );
  });
});

describe('given a profile of the user', () => {
  const positions = {
    cash: '50000',
    underlyings: [{ name: 'BTC', spot: '60000', perpetual: { size: '1', entry: '60000', mark: '60000' } }],
  };
  const withProfile = (profile?: object): Risk =>
    evaluate(Portfolio.parse({ ...positions, ...(profile === undefined ? {} : { profile }) }), lockstep);
  const plain = withProfile();

  it('multiplies initial margin, not maintenance margin', () => {
    const risk = withProfile({ initialFactor: '1.5' });
    expect([formatDecimal(plain.initialMargin), formatDecimal(risk.initialMargin)]).toEqual(['12000', '18000']);
    expect(risk.maintenanceMargin).toBe(plain.maintenanceMargin);
    expect(risk.withdrawable).toBe(parseDecimal('32000'));
  });
  it('caps leverage by asking for notional over the cap', () => {
    expect(formatDecimal(withProfile({ maxLeverage: '2' }).initialMargin)).toBe('30000');
    expect(withProfile({ maxLeverage: '100' })).toEqual(plain);
  });
  it('tightens or does nothing, whatever it says', () => {
    const profile = fc.record({
      initialFactor: fc.integer({ min: 100, max: 1000 }).map((percent) => formatDecimal((BigInt(percent) * WAD) / 100n)),
      maxLeverage: fc.integer({ min: 1, max: 100_000 }).map((percent) => formatDecimal((BigInt(percent) * WAD) / 100n)),
      warnAt: fc.integer({ min: 1, max: 100 }).map(String),
    });
    fc.assert(
      fc.property(profile, (drawn) => {
        const risk = withProfile(drawn);
        expect(risk.initialMargin >= plain.initialMargin && risk.withdrawable <= plain.withdrawable).toBe(true);
        expect(risk.maintenanceMargin).toBe(plain.maintenanceMargin);
      }),
    );
  });
  it.each([{ initialFactor: '0.99' }, { maxLeverage: '0' }, { warnAt: '0.5' }, { maintenanceFactor: '0.5' }])(
    '%j would loosen and is refused',
    (profile) => {
      expect(Portfolio.safeParse({ ...positions, profile }).success).toBe(false);
    },
  );
});
