import type { ChainId, Eid } from '@lockstep/shared';
import { zeroAddress, type Address } from 'viem';
import type { LayerZero } from '../layerzero/stack.js';
import { LOCAL_LIQUIDATION } from './local-liquidation.js';
import { localRisk } from './local-risk.js';
import { LOCKSTEP_OPERATOR, parseDesired, type Desired, type DesiredInput } from './schema.js';

/** One chain of a local network, after LayerZero is there. */
export interface LocalChain {
  readonly name: string;
  readonly chainId: ChainId;
  readonly eid: Eid;
  readonly role: 'hub' | 'spoke';
  readonly layerzero: LayerZero;
}

export interface LocalOptions {
  readonly network?: string;
  readonly chains: readonly LocalChain[];
  /** Deploys, and holds every role except guardian, without delay. */
  readonly deployer: Address;
  readonly guardian?: Address;
  /** Lists strikes as expiries roll; an operator beside the deployer. */
  readonly keeper?: Address;
  /** Signers of our own DVN; all of them sign. */
  readonly lockstepDvnSigners: readonly Address[];
  /** Signers of the hub's feeds, all of whom sign; default: the deployer. */
  readonly feedSigners?: readonly Address[];
  /** Source blocks before an attestation; default 1. */
  readonly confirmations?: bigint;
  /** Seconds before an unflushed deposit may be cancelled; default 0. */
  readonly cancelDelaySeconds?: number;
  /** Seconds before a parked deposit may be sent home; default 3600. */
  readonly returnDelaySeconds?: number;
  readonly entryFee?: bigint;
  readonly minReimbursedEntries?: bigint;
  /** Replaces the assets of a chain; default: USDC (settlement, 6), WETH (18), WBTC (8) test tokens and the native coin. */
  readonly assets?: (chain: LocalChain) => DesiredInput['chains'][number]['assets'];
}

/** Operator of LayerZero's own DVN.sol in local routes. */
const LAYERZERO_OPERATOR = 'layerzero-labs';

const RECEIVE_GAS = 200_000n;
const MAX_MESSAGE_SIZE = 10_000;
const RETURN_DELAY_SECONDS = 3_600;
const GWEI = 1_000_000_000n;

/** The desired state of a local network: every spoke joined with the hub, two required DVNs of separate keys. @throws Error if invalid */
export function desiredLocal(options: LocalOptions): Desired {
  const hub = options.chains.find((chain) => chain.role === 'hub');
  const signers = [...options.lockstepDvnSigners].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const route = (from: string, to: string): DesiredInput['routes'][number] => ({
    from,
    to,
    confirmations: options.confirmations ?? 1n,
    requiredDvns: [LOCKSTEP_OPERATOR, LAYERZERO_OPERATOR],
    receiveGas: RECEIVE_GAS,
    maxMessageSize: MAX_MESSAGE_SIZE,
    fees: { dvn: 10_000n * GWEI, executorBase: 10_000n * GWEI, executorPerGas: GWEI },
  });
  const members = [{ address: options.deployer, delaySeconds: 0 }];
  const chains = options.chains.map((chain) => ({ ...chain, assets: (options.assets ?? localAssets)(chain) }));
  const symbols = new Set(chains.flatMap(({ assets }) => assets.map(({ symbol }) => symbol)));
  return parseDesired({
    network: options.network ?? 'local',
    local: true,
    chains: chains.map((chain) => ({
      ...chain,
      dvns: { [LAYERZERO_OPERATOR]: chain.layerzero.dvn },
      lockstepDvn: { signers, threshold: signers.length },
      permit2: zeroAddress,
      cancelDelaySeconds: options.cancelDelaySeconds ?? 0,
      returnDelaySeconds: options.returnDelaySeconds ?? RETURN_DELAY_SECONDS,
      flush: { entryFee: options.entryFee ?? 0n, minReimbursedEntries: options.minReimbursedEntries ?? 10n },
    })),
    routes: options.chains
      .filter((chain) => chain.role === 'spoke' && hub !== undefined)
      .flatMap((spoke) => [route(spoke.name, hub?.name ?? ''), route(hub?.name ?? '', spoke.name)]),
    access: {
      deployer: options.deployer,
      admin: { members },
      governor: { members },
      guardian: { members: [{ address: options.guardian ?? options.deployer, delaySeconds: 0 }] },
      operator: { members: options.keeper === undefined ? members : [...members, { address: options.keeper, delaySeconds: 0 }] },
    },
    risk: localRisk(options.feedSigners ?? [options.deployer], symbols),
    liquidation: LOCAL_LIQUIDATION,
  });
}

/** Assets of every local chain, with limits far above what scenarios use. */
function localAssets(): DesiredInput['chains'][number]['assets'] {
  const asset = (
    symbol: string,
    token: 'test' | 'native',
    decimals: number,
    standing: 'Collateral' | 'Settlement',
    wholeCap: bigint,
  ): DesiredInput['chains'][number]['assets'][number] => {
    const cap = wholeCap * 10n ** BigInt(decimals);
    return {
      symbol,
      token: { kind: token },
      decimals,
      minDeposit: 1n,
      vaultCap: cap,
      standing,
      hubCap: cap,
      inflowCapacity: cap,
      inflowPerSecond: cap / 3_600n,
      outflow: { hub: { capacity: cap, perSecond: cap / 3_600n }, vault: { capacity: cap, perSecond: cap / 3_600n } },
      minWithdrawal: 1n,
    };
  };
  return [
    asset('USDC', 'test', 6, 'Settlement', 1_000_000_000n),
    asset('WETH', 'test', 18, 'Collateral', 1_000_000n),
    asset('WBTC', 'test', 8, 'Collateral', 100_000n),
    asset('ETH', 'native', 18, 'Collateral', 1_000_000n),
  ];
}
