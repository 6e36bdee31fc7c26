import { describe, expect, it } from '@jest/globals';
import { chainId, eid } from '@lockstep/shared';
import { desiredLocal, parseDesired, takeBounds, type Desired, type DesiredInput, type LocalChain } from '../src/index.js';
import { devAccount } from './anvil.js';

const address = (byte: string): `0x${string}` => `0x${byte.repeat(20)}`;

function chain(name: string, index: number, role: 'hub' | 'spoke'): LocalChain {
  return {
    name,
    chainId: chainId(31_001 + index),
    eid: eid(40_001 + index),
    role,
    layerzero: {
      endpoint: address('01'),
      sendUln302: address('02'),
      receiveUln302: address('03'),
      receiveUln302View: address('04'),
      endpointView: address('05'),
      dvn: address('06'),
      dvnVid: 10_001 + index,
    },
  };
}

const local = (): Desired =>
  desiredLocal({
    chains: [chain('hub', 0, 'hub'), chain('spoke-a', 1, 'spoke')],
    deployer: devAccount(0).address,
    lockstepDvnSigners: [devAccount(5).address, devAccount(6).address],
  });

/** The local state with changes, as untrusted input. */
const changed = (change: (input: DesiredInput) => Partial<DesiredInput>): (() => Desired) => {
  const base: DesiredInput = local();
  return () => parseDesired({ ...base, ...change(base) });
};

describe('the desired state', () => {
  it('given two chains, the local network joins them both ways with two operators', () => {
    expect(local().routes.map(({ from, to, requiredDvns, confirmations }) => ({ from, to, requiredDvns, confirmations }))).toEqual([
      { from: 'spoke-a', to: 'hub', requiredDvns: ['lockstep', 'layerzero-labs'], confirmations: 1n },
      { from: 'hub', to: 'spoke-a', requiredDvns: ['lockstep', 'layerzero-labs'], confirmations: 1n },
    ]);
  });

  describe('given a live network', () => {
    const live = changed((base) => ({ local: false, routes: base.routes.map((route) => ({ ...route, requiredDvns: ['lockstep'] })) }));

    it('when one signature makes a price, it is refused', () => {
      expect(live).toThrow(/feeds: one signature is enough for a price; expected at least 2 on a live network/);
    });

    it('when a route has one required DVN, it is refused, and so is every other shortcut of local networks', () => {
      expect(live).toThrow(
        /route spoke-a → hub has 1 required DVN; expected at least 2 of different operators on a live network[\s\S]*hub USDC is a test token; expected an existing token on a live network[\s\S]*governor 0x\w+ may act after 0 s; expected at least 172800 s on a live network/,
      );
    });
  });

  it.each<[string, (base: DesiredInput) => Partial<DesiredInput>, RegExp]>([
    [
      'has no hub',
      (base) => ({ chains: base.chains.map((c) => ({ ...c, role: 'spoke' as const })) }),
      /0 chains are hubs; expected exactly 1/,
    ],
    ['names a chain twice', (base) => ({ chains: [...base.chains, base.chains[1]!] }), /two chains have name spoke-a; expected each once/],
    ['misses a direction', (base) => ({ routes: base.routes.slice(1) }), /route spoke-a → hub is missing; expected both directions/],
    [
      'names an operator without a DVN',
      (base) => ({ routes: base.routes.map((r) => ({ ...r, requiredDvns: ['lockstep', 'nobody'] })) }),
      /needs a DVN of nobody on hub; expected one of lockstep, layerzero-labs/,
    ],
    [
      'counts one operator twice',
      (base) => ({ routes: base.routes.map((r) => ({ ...r, requiredDvns: ['lockstep', 'lockstep'] })) }),
      /names an operator twice/,
    ],
    ['leaves confirmations to a default', (base) => ({ routes: base.routes.map((r) => ({ ...r, confirmations: 0n })) }), /confirmations/],
    [
      'lists signers out of order',
      (base) => ({
        chains: base.chains.map((c) => ({ ...c, lockstepDvn: { ...c.lockstepDvn, signers: [...c.lockstepDvn.signers].reverse() } })),
      }),
      /DVN signers are not strictly ascending/,
    ],
    [
      'asks for more signatures than signers',
      (base) => ({ chains: base.chains.map((c) => ({ ...c, lockstepDvn: { ...c.lockstepDvn, threshold: 3 } })) }),
      /DVN threshold is 3; expected at most its 2 signers/,
    ],
    [
      'settles in a token of 24 decimals',
      (base) => ({
        chains: base.chains.map((c) => ({ ...c, assets: c.assets.map((a) => ({ ...a, decimals: 24, token: { kind: 'test' as const } })) })),
      }),
      /USDC has 24 decimals; expected at most 18 for settlement/,
    ],
    [
      'lets in more at once than it ever may hold',
      (base) => ({ chains: base.chains.map((c) => ({ ...c, assets: c.assets.map((a) => ({ ...a, hubCap: 1n })) })) }),
      /inflow capacity \d+ is above the hub's cap 1; expected at most the cap/,
    ],
    [
      'lets the hub order more than the vault pays',
      (base) => ({
        chains: base.chains.map((c) => ({
          ...c,
          assets: c.assets.map((a) => ({ ...a, outflow: { ...a.outflow, vault: { capacity: 1n, perSecond: 1n } } })),
        })),
      }),
      /hub USDC: outflow of the vault is 1 \+ 1\/s, of the hub \d+ \+ \d+\/s; expected at least the hub's/,
    ],
    [
      'lets no small balance leave',
      (base) => ({
        chains: base.chains.map((c) => ({
          ...c,
          assets: c.assets.map((a) => ({ ...a, minWithdrawal: a.outflow.hub.capacity / 100n + 1n })),
        })),
      }),
      /hub USDC: smallest withdrawal \d+ is above a hundredth of the hub's outflow capacity/,
    ],
    [
      'lets fewer sign a settlement price than any other',
      (base) => ({ risk: { ...base.risk, feeds: { signers: [address('01'), address('02')], threshold: 2, settlementThreshold: 1 } } }),
      /feeds: thresholds are 2 and 1 of 2; expected threshold ≤ settlementThreshold ≤ signers/,
    ],
    [
      'pays more funding without a premium than it may pay at all',
      (base) => ({
        risk: { ...base.risk, underlyings: base.risk.underlyings.map((u) => ({ ...u, perpetual: { ...u.perpetual, fundingCap: 1 } })) },
      }),
      /BTC: base funding 12500 is above the cap 1; expected it within/,
    ],
    [
      'prices collateral by what has no feed',
      (base) => ({ risk: { ...base.risk, collateral: { WETH: { underlying: 9, class: 7 }, WEHT: { underlying: 1, class: 0 } } } }),
      /WETH is priced by underlying 9; expected one of 1, 2[\s\S]*WETH has class 7; expected 0 … 1[\s\S]*WEHT is no asset; expected one of USDC, WETH, WBTC, ETH/,
    ],
    [
      'prices settlement cash by what has no feed',
      (base) => ({ risk: { ...base.risk, settlementUnderlying: 9 } }),
      /settlement cash is priced by underlying 9; expected one of 1, 2, or none/,
    ],
    [
      'sells at a discount that shrinks, and gives a tranche to what nobody trades',
      (base) => ({
        liquidation: {
          ...base.liquidation,
          terms: { ...base.liquidation.terms, fastTo: 10n ** 18n },
          fund: { ...base.liquidation.fund, tranches: { DOGE: 10n ** 17n } },
        },
      }),
      /fastTo 1000000000000000000 is above fastFrom 950000000000000000[\s\S]*tranche of DOGE, which is no underlying; expected one of BTC, ETH/,
    ],
  ])('given one that %s, it is refused with what was expected', (_case, change, message) => {
    expect(changed(change)).toThrow(message);
  });
});

describe('the bound of a malicious verifier set', () => {
  it('given buckets, it is what they let in and out, up to the caps, and leaves the own chain of the hub out', () => {
    const desired = changed((base) => ({
      risk: { ...base.risk, collateral: {} },
      chains: base.chains.map((c) => ({
        ...c,
        assets: c.assets.slice(0, 1).map((a) => ({
          ...a,
          hubCap: 1_000n,
          inflowCapacity: 100n,
          inflowPerSecond: 1n,
          vaultCap: 90_000n,
          outflow: { hub: { capacity: 40n, perSecond: 1n }, vault: { capacity: 50n, perSecond: 2n } },
          minWithdrawal: 0n,
        })),
      })),
    }))();
    expect(takeBounds(desired)).toEqual([
      {
        chain: 'spoke-a',
        symbol: 'USDC',
        decimals: 6,
        invented: { atOnce: 100n, inAnHour: 1_000n, inADay: 1_000n },
        taken: { atOnce: 50n, inAnHour: 7_250n, inADay: 90_000n },
      },
    ]);
  });
});
