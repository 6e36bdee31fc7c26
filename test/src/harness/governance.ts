import {
  accessManagerAbi,
  bytecode,
  blocklistTokenAbi,
  iCollateralRulesAbi,
  iCollateralVaultAbi,
  iGatewayAbi,
  iLedgerAbi,
  iLevyAbi,
  iMessengerAbi,
  iPayoutsAbi,
  iRoutesAbi,
  iWithdrawalsAbi,
} from '@lockstep/contracts';
import { EntryKind, type AccountId } from '@lockstep/shared';
import { encodeAbiParameters, encodeFunctionData, type Address, type Hex, type TransactionReceipt } from 'viem';
import { roles } from './accounts.js';
import type { Operator } from './operator.js';
import { assetNamed, type Stack, type StackChain } from './stack.js';

/** Size of an outflow bucket and its refill, base units of the token. */
export interface Outflow {
  readonly capacity: bigint;
  readonly perSecond: bigint;
}

/** What a rebase does beside opening the path. */
export interface Reopening {
  readonly annulled?: readonly bigint[];
  readonly pass?: boolean;
}

/** `ICollateralRules.ChainState`, what a guardian may worsen a chain to. */
const CHAIN_STATES = { degraded: 1, quarantined: 2, writtenDown: 3 } as const;

/** Sizes far above what a scenario moves. */
const AMPLE = 10n ** 30n;
const AMPLE_OUTFLOW: Outflow = { capacity: AMPLE, perSecond: AMPLE / 10_000n }; // 10^26 a second

/** What governor and guardian do, with their keys, through each chain's AccessManager. */
export class Governance {
  constructor(
    private readonly stack: Stack,
    private readonly operator: Operator,
  ) {}

  /** A token whose issuer can refuse holders, deployed and listed on `chain` alone: its vault takes it, the hub has not heard of it. */
  async listBlocklistToken(chain: StackChain, symbol: string, decimals: number): Promise<StackChain> {
    const hash = await chain.client.deployContract({
      account: roles.deployer.account,
      abi: blocklistTokenAbi,
      bytecode: bytecode.BlocklistToken.creation,
      args: [symbol, symbol, decimals],
    });
    const { contractAddress: token } = await chain.client.waitForTransactionReceipt({ hash, timeout: 60_000 });
    if (!token) throw new Error(`the token ${symbol} was not deployed on ${chain.name}`);
    const data = encodeFunctionData({ abi: iCollateralVaultAbi, functionName: 'listAsset', args: [token, 1n, AMPLE] });
    await this.operator.govern(chain, chain.vault, data);
    const vault = { address: chain.vault, abi: iCollateralVaultAbi } as const;
    const index = await chain.client.readContract({ ...vault, functionName: 'assetIndexOf', args: [token] });
    const listed = { ...chain, assets: [...chain.assets, { index, symbol, token, decimals }] };
    await this.vaultOutflow(listed, symbol, AMPLE_OUTFLOW);
    return listed;
  }

  /** Makes the hub take an asset of a chain as collateral. */
  async configureOnHub(chain: StackChain, symbol: string): Promise<void> {
    const { hub } = this.stack;
    const { index, decimals } = assetNamed(chain, symbol);
    const cap = 10n ** 24n;
    const config = { standing: 1, decimals, cap, inflowCapacity: cap, inflowPerSecond: cap };
    const data = encodeFunctionData({ abi: iLedgerAbi, functionName: 'configureAsset', args: [chain.eid, index, config] });
    await this.operator.govern(hub, hub.ledger, data);
    await this.hubOutflow(chain, symbol, AMPLE_OUTFLOW);
  }

  /** Sets the bucket of an asset in its vault. */
  async vaultOutflow(chain: StackChain, symbol: string, { capacity, perSecond }: Outflow = AMPLE_OUTFLOW): Promise<void> {
    const args = [assetNamed(chain, symbol).index, capacity, perSecond] as const;
    await this.operator.govern(chain, chain.vault, encodeFunctionData({ abi: iPayoutsAbi, functionName: 'setOutflow', args }));
  }

  /** Sets the bucket of an asset on the hub. */
  async hubOutflow(chain: StackChain, symbol: string, { capacity, perSecond }: Outflow = AMPLE_OUTFLOW): Promise<void> {
    const { hub } = this.stack;
    const args = [chain.eid, assetNamed(chain, symbol).index, capacity, perSecond] as const;
    await this.operator.govern(hub, hub.withdrawals, encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'setOutflow', args }));
  }

  /** GUARDIAN: orders to this vault become claimable. */
  async pausePayouts(chain: StackChain): Promise<void> {
    await this.#guard(chain, chain.vault, encodeFunctionData({ abi: iPayoutsAbi, functionName: 'pausePayouts' }));
  }

  async unpausePayouts(chain: StackChain): Promise<void> {
    await this.operator.govern(chain, chain.vault, encodeFunctionData({ abi: iPayoutsAbi, functionName: 'unpausePayouts' }));
  }

  /** GUARDIAN: the hub makes no orders. */
  async pauseOrders(): Promise<void> {
    const { hub } = this.stack;
    await this.#guard(hub, hub.withdrawals, encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'pauseOrders' }));
  }

  async unpauseOrders(): Promise<void> {
    const { hub } = this.stack;
    await this.operator.govern(hub, hub.withdrawals, encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'unpauseOrders' }));
  }

  /** GUARDIAN: `chain` trusts its path with `other` no more. */
  async quarantine(chain: StackChain, other: StackChain): Promise<void> {
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'quarantine', args: [other.eid] });
    await this.#guard(chain, chain.messenger, data);
  }

  /**
   * Re-opens what was quarantined: `chain` goes on with `other`'s log where it had consumed it.
   * @param annulled claimable orders to take back. @param pass over what the log holds now, never to consume it
   */
  async reopen(chain: StackChain, other: StackChain, { annulled = [], pass = false }: Reopening = {}): Promise<void> {
    const messenger = { address: chain.messenger, abi: iMessengerAbi } as const;
    const [inbox, outbox] = await Promise.all([
      chain.client.readContract({ ...messenger, functionName: 'inbox', args: [other.eid] }),
      other.client.readContract({ address: other.messenger, abi: iMessengerAbi, functionName: 'outbox', args: [chain.eid] }),
    ]);
    const at = pass ? ([outbox.sequence, outbox.head] as const) : ([inbox.consumed, inbox.consumedHead] as const);
    const data = encodeAbiParameters([{ type: 'uint64[]' }], [annulled]);
    const corrections = annulled.length === 0 ? [] : [{ kind: EntryKind.Release, data }];
    const args = [other.eid, ...at, corrections] as const;
    await this.operator.govern(chain, chain.messenger, encodeFunctionData({ abi: iMessengerAbi, functionName: 'rebase', args }));
  }

  /** Seconds before a parked deposit may be sent home. */
  async setReturnDelay(seconds: number): Promise<void> {
    const { hub } = this.stack;
    await this.operator.govern(hub, hub.gateway, encodeFunctionData({ abi: iGatewayAbi, functionName: 'setReturnDelay', args: [seconds] }));
  }

  /** GUARDIAN: collateral of that chain's vault counts for less; initial margin at once, maintenance margin over `rampSeconds`. */
  async worsen(chain: StackChain, state: keyof typeof CHAIN_STATES, rampSeconds: number): Promise<void> {
    const { hub } = this.stack;
    const args = [chain.eid, CHAIN_STATES[state], rampSeconds] as const;
    await this.#guard(hub, hub.collateralRules, encodeFunctionData({ abi: iCollateralRulesAbi, functionName: 'worsenChain', args }));
  }

  /** Freezes an asset on the hub and books what its vault lost. @param recovery what is left of it, 18 decimals. @returns the asset's id until then */
  async writeDown(chain: StackChain, symbol: string, recovery: bigint, bearer: AccountId): Promise<number> {
    const { hub } = this.stack;
    const { index } = assetNamed(chain, symbol);
    const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
    const assetId = await hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [chain.eid, index] });
    await this.#guard(hub, hub.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'freezeAsset', args: [assetId] }));
    const args = [chain.eid, index, recovery, bearer, hub.collateralRules] as const;
    await this.operator.govern(hub, hub.ledger, encodeFunctionData({ abi: iLedgerAbi, functionName: 'writeDown', args }));
    return assetId;
  }

  /** GUARDIAN: pooled settlement that the chain's vault is expected to have lost, cash of 18 decimals. */
  async expectLoss(chain: StackChain, cash: bigint): Promise<void> {
    const { hub } = this.stack;
    await this.#guard(hub, hub.levy, encodeFunctionData({ abi: iLevyAbi, functionName: 'expectLoss', args: [chain.eid, cash] }));
  }

  /** What was expected stands in the books by now, or was not lost. */
  async lowerExpectedLoss(chain: StackChain, cash: bigint): Promise<void> {
    const { hub } = this.stack;
    const data = encodeFunctionData({ abi: iLevyAbi, functionName: 'lowerExpectedLoss', args: [chain.eid, cash] });
    await this.operator.govern(hub, hub.levy, data);
  }

  /** GUARDIAN: deposits of that chain do not get through, or do again. */
  async declareRoute(chain: StackChain, closed: boolean): Promise<void> {
    const { hub } = this.stack;
    const data = encodeFunctionData({ abi: iRoutesAbi, functionName: 'declare', args: [chain.eid, closed] });
    await this.#guard(hub, hub.routes, data);
  }

  async #guard(chain: StackChain, target: Address, data: Hex): Promise<TransactionReceipt> {
    const call = encodeFunctionData({ abi: accessManagerAbi, functionName: 'execute', args: [target, data] });
    return this.operator.send(chain, { to: chain.accessManager, data: call }, roles.guardian);
  }
}
