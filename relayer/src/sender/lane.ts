import { keccak256, type Hex } from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';
import type { DataSource, EntityManager } from 'typeorm';
import { gas, type Gas } from '@lockstep/shared';
import type { Clock } from '../chain/clock.js';
import type { FaultPoint } from '../chain/fault-point.js';
import type { SendingRole } from '../config/relayer-config.js';
import type { BroadcastAnswer } from './broadcast.js';
import { decideFees, type FeeLimits, type Fees } from './fees.js';
import type { SenderKey } from './intent.js';
import type { IntentRow } from './intent-row.js';
import type { LaneChain, Simulation } from './lane-chain.js';
import { LaneStore, type LaneId } from './lane-store.js';

/** Signed but unmined transactions of one lane at most: what a reorg or a dropped pool has to repeat. */
const MAX_IN_FLIGHT = 16;
/** Fees move between estimate and block, so do storage costs. */
const GAS_MARGIN_PERCENT = 125n;
const MAX_DEFERRAL_MS = 60_000;

/** What a lane works with. */
export interface LaneParts {
  readonly id: LaneId;
  readonly keyName: SenderKey;
  readonly account: PrivateKeyAccount;
  readonly roles: readonly SendingRole[];
  readonly dataSource: DataSource;
  readonly chain: LaneChain;
  readonly limits: FeeLimits;
  readonly clock: Clock;
  readonly fault: FaultPoint;
}

/** What one step of a lane did. */
export type LaneStep = 'idle' | 'sent' | 'rejected' | 'deferred' | 'full' | 'behind' | 'too-expensive' | 'overtaken';

/**
 * Turns queued intents into signed transactions, one at a time. Nonce, signed bytes and hash are one commit; sending them comes after it
 * and may be repeated by the watcher as often as needed. Killed anywhere, nothing is lost and no nonce gets a second payload.
 */
export class Lane {
  readonly #store: LaneStore;

  constructor(private readonly parts: LaneParts) {
    this.#store = new LaneStore(parts.id);
  }

  /** @throws if the chain or the database does not answer; nothing but committed work remains then */
  async step(): Promise<LaneStep> {
    const { dataSource, chain, clock, fault } = this.parts;
    const { manager } = dataSource;
    const intent = await this.#store.oldestQueued(manager, this.parts.roles, new Date(clock.now()));
    if (!intent) return 'idle';
    const inFlight = await this.#store.countSigned(manager);
    if (inFlight >= MAX_IN_FLIGHT) return 'full';
    const simulation = await chain.simulate({
      from: this.parts.id.address,
      to: intent.to_address,
      data: intent.data,
      value: intent.value,
      gasLimit: intent.gas_limit,
      block: inFlight > 0 ? 'pending' : 'latest',
    });
    if (simulation.kind === 'reverts') {
      // It may need what the transactions before it leave behind, and not every node shows that before they are mined: no verdict yet.
      if (inFlight > 0) return 'behind';
      await this.#store.reject(manager, intent.id, simulation.reason);
      return 'rejected';
    }
    if (simulation.kind === 'undecided') {
      await this.#defer(manager, intent, simulation.message);
      return 'deferred';
    }
    const fees = decideFees(await chain.market(), this.parts.limits);
    if (!fees) return 'too-expensive';
    const firstNonce = await chain.nonce(this.parts.id.address);
    const signed = await dataSource.transaction((tx) => this.#sign(tx, intent, gasFor(intent, simulation), fees, firstNonce));
    if (!signed) return 'overtaken';
    fault('sender.committed');
    await broadcast(this.parts, this.#store, intent.id, signed);
    fault('sender.broadcast');
    return 'sent';
  }

  async #sign(tx: EntityManager, intent: IntentRow, gasLimit: Gas, fees: Fees, firstNonce: bigint): Promise<SignedBytes | null> {
    await this.#store.open(tx, firstNonce);
    const nonce = await this.#store.lockNextNonce(tx);
    if (nonce === undefined) throw new Error(`lane ${this.parts.id.chain} ${this.parts.id.address} vanished while it was being opened`);
    if (!(await this.#store.markSigned(tx, intent.id, nonce))) return null;
    const { id: intentId, to_address: to, data, value } = intent;
    const bytes = await signAttempt(tx, this.parts, this.#store, { intentId, to, data, value, nonce, gasLimit, fees });
    this.parts.fault('sender.signed');
    return bytes;
  }

  async #defer(tx: EntityManager, intent: IntentRow, because: string): Promise<void> {
    const wait = Math.min(MAX_DEFERRAL_MS, 1_000 * 2 ** Math.min(10, intent.deferrals));
    await this.#store.defer(tx, intent.id, new Date(this.parts.clock.now() + wait), because);
  }
}

/** Bytes as committed. */
export interface SignedBytes {
  readonly raw: Hex;
  readonly hash: Hex;
}

/** Signs and stores an attempt and raises the lane's next nonce, all in `tx`, whose caller holds the lane's row. */
export async function signAttempt(
  tx: EntityManager,
  { account, id }: Pick<LaneParts, 'account' | 'id'>,
  store: LaneStore,
  {
    intentId,
    to,
    data,
    value,
    nonce,
    gasLimit,
    fees,
  }: {
    readonly intentId: bigint;
    readonly to: IntentRow['to_address'];
    readonly data: Hex;
    readonly value: bigint;
    readonly nonce: bigint;
    readonly gasLimit: Gas;
    readonly fees: Fees;
  },
): Promise<SignedBytes> {
  const common = { chainId: id.chainId, nonce: Number(nonce), to, data, value, gas: gasLimit };
  const raw = await account.signTransaction(
    fees.kind === 'legacy'
      ? { ...common, type: 'legacy', gasPrice: fees.gasPrice }
      : { ...common, type: 'eip1559', maxFeePerGas: fees.maxFeePerGas, maxPriorityFeePerGas: fees.maxPriorityFeePerGas },
  );
  const hash = keccak256(raw);
  await store.addAttempt(tx, { intentId, nonce, raw, hash, gasLimit, fees });
  await store.raiseNextNonce(tx, nonce + 1n);
  return { raw, hash };
}

/** Sends committed bytes, again and again if need be, and records what the node said. Its answer decides nothing. */
export async function broadcast(
  { chain, dataSource, clock }: Pick<LaneParts, 'chain' | 'dataSource' | 'clock'>,
  store: LaneStore,
  intentId: bigint,
  { raw, hash }: SignedBytes,
): Promise<BroadcastAnswer> {
  const answer = await chain.broadcast(raw);
  const { manager } = dataSource;
  await store.markBroadcast(
    manager,
    hash,
    new Date(clock.now()),
    'message' in answer ? answer.message : answer.kind === 'accepted' ? null : answer.kind,
  );
  switch (answer.kind) {
    case 'insufficient-funds':
      await store.report(manager, 'insufficient-funds', null, { message: answer.message });
      break;
    case 'refused':
    case 'underpriced':
      await store.report(manager, 'broadcast-refused', intentId, { message: answer.kind === 'refused' ? answer.message : answer.kind });
      break;
    case 'accepted':
    case 'known':
    case 'nonce-too-low':
    case 'unreachable':
      break;
  }
  return answer;
}

function gasFor(intent: IntentRow, simulation: Extract<Simulation, { kind: 'succeeds' }>): Gas {
  if (intent.gas_limit !== null) return intent.gas_limit;
  if (simulation.gasUsed === null) throw new Error(`intent ${intent.id} has no gas limit and its simulation estimated none`);
  return gas((simulation.gasUsed * GAS_MARGIN_PERCENT) / 100n);
}
