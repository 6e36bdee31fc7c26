/**
 * A network as `npm run -s deployments -- plan --network example --desired docs/examples/network.mjs …` takes it: a hub and one spoke.
 * Addresses of one repeated digit stand for yours; amounts are base units, rates as deployments/src/desired says.
 */
const of = (digit) => `0x${digit.repeat(40)}`;
const WAD = 10n ** 18n;
const DAYS = 86_400;
const USDC = 10n ** 6n;

/** A settlement token of 6 decimals: what it may hold, and how much passes at once and per second. */
const usdc = (address) => ({
  symbol: 'USDC',
  token: { kind: 'existing', address },
  decimals: 6,
  minDeposit: 1n * USDC,
  vaultCap: 10_000_000n * USDC,
  standing: 'Settlement',
  hubCap: 10_000_000n * USDC,
  inflowCapacity: 1_000_000n * USDC,
  inflowPerSecond: 100n * USDC,
  outflow: {
    hub: { capacity: 1_000_000n * USDC, perSecond: 100n * USDC },
    vault: { capacity: 1_000_000n * USDC, perSecond: 100n * USDC },
  },
  minWithdrawal: 1n * USDC,
});

const ether = {
  symbol: 'ETH',
  token: { kind: 'native' },
  decimals: 18,
  minDeposit: WAD / 1_000n,
  vaultCap: 5_000n * WAD,
  standing: 'Collateral',
  hubCap: 5_000n * WAD,
  inflowCapacity: 500n * WAD,
  inflowPerSecond: WAD / 20n,
  outflow: { hub: { capacity: 500n * WAD, perSecond: WAD / 20n }, vault: { capacity: 500n * WAD, perSecond: WAD / 20n } },
  minWithdrawal: WAD / 1_000n,
};

/** LayerZero's contracts of a chain, as it publishes them; `dvn` is the other operator's, `dvnVid` its domain of signatures. */
const layerzero = (digit, dvnVid) => ({
  endpoint: of(digit),
  sendUln302: of(digit),
  receiveUln302: of(digit),
  receiveUln302View: of(digit),
  endpointView: of(digit),
  dvn: of('d'),
  dvnVid,
});

const chain = (name, chainId, eid, role, digit, assets) => ({
  ...{ name, chainId, eid, role, layerzero: layerzero(digit, eid), dvns: { 'other-operator': of('d') } },
  lockstepDvn: { signers: [of('1'), of('2'), of('3')], threshold: 2 },
  permit2: '0x000000000022D473030F116dDEE9F6B43aC78BA3',
  cancelDelaySeconds: 600,
  returnDelaySeconds: 1 * DAYS,
  flush: { entryFee: 0n, minReimbursedEntries: 10n },
  assets,
});

/** Both directions of a route have the same terms here. */
const route = (from, to) => ({
  ...{ from, to, confirmations: 15n, requiredDvns: ['lockstep', 'other-operator'], receiveGas: 200_000n, maxMessageSize: 10_000 },
  fees: { dvn: 10n ** 13n, executorBase: 10n ** 13n, executorPerGas: 10n ** 9n },
});

const late = (digit) => ({ members: [{ address: of(digit), delaySeconds: 2 * DAYS }] });

export const desired = {
  network: 'example',
  local: false,
  // New chains at the end, new assets of a chain at its end: their numbers are their places.
  chains: [
    chain('arbitrum-sepolia', 421_614, 40_231, 'hub', 'a', [usdc(of('c'))]),
    chain('sepolia', 11_155_111, 40_161, 'spoke', 'b', [usdc(of('e')), ether]),
  ],
  routes: [route('sepolia', 'arbitrum-sepolia'), route('arbitrum-sepolia', 'sepolia')],
  access: {
    deployer: of('4'),
    admin: late('5'),
    governor: late('6'),
    guardian: { members: [{ address: of('7'), delaySeconds: 0 }] },
    operator: { members: [{ address: of('8'), delaySeconds: 0 }] },
  },
  risk: {
    feeds: { signers: [of('1'), of('2'), of('3')], threshold: 2, settlementThreshold: 3 },
    interest: { base: WAD / 50n, slope: (8n * WAD) / 100n, kink: (85n * WAD) / 100n, full: (9n * WAD) / 10n },
    underlyings: [
      {
        symbol: 'ETH',
        number: 2,
        bounds: {
          ...{ spotFresh: 60, spotStale: 600, forwardFresh: 120, forwardStale: 1_200, surfaceFresh: 300, surfaceStale: 3_000 },
          ...{ sourceStale: 3_600, maxSpread: 20_000_000, markBand: 600, disagreement: 200 },
        },
        standing: 'Open',
        perpetual: { openCap: 10_000n * WAD, fundingCap: 4_000_000, fundingBase: 12_500 },
        option: { openCap: 1_000_000 },
        openInterest: { lower: 40_000_000n, upper: 400_000_000n },
        group: { id: 1, correlation: 750_000_000 },
      },
    ],
    reduceBand: 5_000_000,
    classes: [[{ from: 0n, maintenance: 100_000_000, initialExtra: 50_000_000 }]],
    // By symbol. What is not here counts nothing as margin; settlement assets are cash and need no rule.
    collateral: { ETH: { underlying: 2, class: 0 } },
    chains: {},
    states: {
      Degraded: { maintenance: 0, initialExtra: 100_000_000 },
      Quarantined: { maintenance: 1_000_000_000, initialExtra: 1_000_000_000 },
      WrittenDown: { maintenance: 250_000_000, initialExtra: 750_000_000 },
    },
    standard: {
      perpetual: [
        { from: 0n, initial: 50_000_000, maintenance: 30_000_000 },
        { from: 5_000_000n * WAD, initial: 100_000_000, maintenance: 60_000_000 },
      ],
      option: {
        ...{ initialMax: 150_000_000, initialMin: 100_000_000, maintenance: 75_000_000, putMaintenanceOfMark: 75_000_000 },
        ...{ unpairedInitial: 1_200_000_000, unpairedMaintenance: 1_100_000_000 },
      },
    },
  },
  liquidation: {
    terms: {
      ...{ fastFrom: (95n * WAD) / 100n, fastTo: (70n * WAD) / 100n, buffer: (15n * WAD) / 100n },
      ...{ feeLeast: WAD / 100n, feeMost: WAD / 10n, feeFullBreach: WAD / 2n, stepShare: WAD / 5n },
      ...{ fastSeconds: 900, slowSeconds: 43_200, resumeSeconds: 1_800, insolventSeconds: 3_600, coolOff: 30 },
      ...{ smallMargin: 1_000n * WAD, largeMargin: 100_000n * WAD },
    },
    shortfall: { limit: 1_000_000n * WAD, restore: WAD / 2n },
    graceSeconds: 3_600,
    fund: { exitDelaySeconds: 7 * DAYS, feeShare: 500_000_000, tranches: { ETH: (6n * WAD) / 10n } },
  },
};
