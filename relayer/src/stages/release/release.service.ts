import { Inject, Injectable, Logger } from '@nestjs/common';
import { iLedgerAbi, iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import {
  chooseOrders,
  CLAIM_WAITING,
  tokenJournalAsset,
  wei,
  type Eid,
  type OrderableClaim,
  type Sequence,
  type TokenAsset,
  type TokenRoom,
} from '@lockstep/shared';
import {
  BaseError,
  ContractFunctionRevertedError,
  concatHex,
  encodeFunctionData,
  keccak256,
  numberToHex,
  zeroHash,
  type Address,
  type Hex,
} from 'viem';
import { DataSource } from 'typeorm';
import type { ChainContext } from '../../chain/chain-context.js';
import { Chains } from '../../chain/chains.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { FAULT_POINT, type FaultPoint } from '../../chain/fault-point.js';
import { Intents, type Wanted } from '../intents.js';
import { describeReason } from '../../sender/intent.js';
import { RequestTrial } from '../request-trial.js';
import { Backoff } from './backoff.js';
import { ReleaseRepository, type QueuedClaim } from './release.repository.js';

/** Calls tried in one beat; what is left waits for the next one. */
const MAX_TRIES = 25;
/** Claims ordered by one transaction: 50 × 120k gas. */
const MAX_ORDERS = 50;
/** Claims looked at in one beat; the next beat goes on behind them, so that waiting ones hide no others. */
const MAX_LOOKED_AT = 500;
/** A part of a claim is worth a transaction from this share of the bucket on. */
const WORTHY_SHARE = 5n;

/** Moves withdrawals on where anyone may: decides requests, orders claims, pays what could not be paid before. Each call is tried first. */
@Injectable()
export class ReleaseService {
  readonly #logger = new Logger(ReleaseService.name);
  readonly #requests = new Backoff();
  readonly #claimables = new Backoff();
  /** the last claim that was looked at */
  #lookedAt = 0n;

  constructor(
    private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly releases: ReleaseRepository,
    private readonly intents: Intents,
    private readonly trial: RequestTrial,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(FAULT_POINT) private readonly faultPoint: FaultPoint,
  ) {}

  /** Has recorded requests decided. One the account cannot afford yet is tried again later, until its time is over and this ends it. */
  async processRequests(): Promise<void> {
    const { hub } = this.chains;
    if (hub.withdrawals === null) return;
    const open = new Map((await this.releases.openRequests(hub.eid)).map((request) => [`${request.srcEid}:${request.sequence}`, request]));
    for (const key of this.#requests.due([...open.keys()], this.clock.now()).slice(0, MAX_TRIES)) {
      const request = open.get(key);
      if (request === undefined) continue;
      const tried = await this.trial.of(request);
      if (tried.kind === 'refused') {
        this.#requests.failed(key, this.clock.now());
        this.#logger.debug({ event: 'release.request.refused', request: key, because: describeReason(tried.reason) });
        continue;
      }
      this.#requests.passed(key);
      const wanted = await this.#want(hub, hub.withdrawals, `request:${key}`, tried.data, {
        what: 'process-request',
        srcEid: request.srcEid,
        sequence: request.sequence.toString(),
      });
      if (wanted === 'sent') this.faultPoint('release.processed');
    }
  }

  /** Orders the claims that can be ordered together, oldest first; one that waits blocks no other. */
  async orderClaims(): Promise<void> {
    const { hub } = this.chains;
    const { withdrawals } = hub;
    if (withdrawals === null) return;
    const queued = await this.#nextQueued();
    const ready: OrderableClaim[] = [];
    const rooms = new Map<string, TokenRoom>();
    let batch: readonly bigint[] = [];
    for (let from = 0; from < queued.length && batch.length < MAX_ORDERS; from += MAX_ORDERS) {
      const some = queued.slice(from, from + MAX_ORDERS);
      const waiting = await Promise.all(
        some.map(({ claim }) =>
          hub.client.readContract({ address: withdrawals, abi: iWithdrawalsAbi, functionName: 'waitingFor', args: [claim] }),
        ),
      );
      const open = some.filter((_, i) => CLAIM_WAITING[waiting[i] ?? -1] === 'None');
      ready.push(...(await Promise.all(open.map((claim) => this.#orderable(hub, withdrawals, claim)))));
      for (const { token } of open)
        if (!rooms.has(tokenJournalAsset(token))) rooms.set(tokenJournalAsset(token), await this.#roomOf(hub, withdrawals, token));
      batch = chooseOrders(ready, (token) => rooms.get(tokenJournalAsset(token)) ?? NO_ROOM, MAX_ORDERS).ordered;
    }
    const last = batch.at(-1);
    if (last === undefined) return;
    if (batch.length >= MAX_ORDERS) this.#lookedAt = last;
    const id = keccak256(concatHex(batch.map((claim) => numberToHex(claim, { size: 8 }))));
    const data = encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'order', args: [batch] });
    const wanted = await this.#want(hub, withdrawals, `order:${id}`, data, { what: 'order', claims: batch.length, first: `${batch[0]}` });
    if (wanted === 'sent') this.faultPoint('release.ordered');
  }

  async #orderable(
    hub: ChainContext,
    withdrawals: Address,
    { claim, account, token, units, fromCash }: QueuedClaim,
  ): Promise<OrderableClaim> {
    const { eid, asset } = token;
    // A deposit of an asset that was never configured goes home by the vault's own limit.
    const unlimited = account === zeroHash && (await this.#isUnlisted(hub, token));
    if (unlimited) return { claim, token, units, fromCash, bucket: null };
    const args = [eid, asset, units] as const;
    const bucket = { address: withdrawals, abi: iWithdrawalsAbi, functionName: 'outflowAvailable', args } as const;
    const [passes, room] = await hub.client.readContract(bucket);
    return { claim, token, units, fromCash, bucket: { passes, room } };
  }

  async #isUnlisted(hub: ChainContext, { eid, asset }: TokenAsset): Promise<boolean> {
    const ledger = { address: hub.contract('Ledger'), abi: iLedgerAbi } as const;
    return (await hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [eid, asset] })) === 0;
  }

  async #roomOf(hub: ChainContext, withdrawals: Address, { eid, asset }: TokenAsset): Promise<TokenRoom> {
    const [[, free], [, level]] = await Promise.all([
      hub.client.readContract({ address: hub.contract('Ledger'), abi: iLedgerAbi, functionName: 'liquidityOf', args: [eid, asset] }),
      hub.client.readContract({ address: withdrawals, abi: iWithdrawalsAbi, functionName: 'outflowAvailable', args: [eid, asset, 0n] }),
    ]);
    return { free, level };
  }

  /** The next claims in turn; from the first one again after the last. */
  async #nextQueued(): Promise<QueuedClaim[]> {
    const queued = await this.releases.queuedClaims(this.#lookedAt, MAX_LOOKED_AT);
    const wraps = queued.length < MAX_LOOKED_AT;
    const more = wraps && this.#lookedAt > 0n ? await this.releases.queuedClaims(0n, MAX_LOOKED_AT - queued.length) : [];
    this.#lookedAt = wraps ? 0n : (queued.at(-1)?.claim ?? 0n);
    return [...new Map([...queued, ...more].map((row) => [row.claim, row])).values()];
  }

  /** Pays claimable orders that were held back by a limit, a pause or a freeze, as soon as it is over. */
  async payClaimables(chain: ChainContext): Promise<void> {
    const open = new Map((await this.releases.waitingClaimables(chain.eid)).map((sequence) => [`${chain.eid}:${sequence}`, sequence]));
    for (const key of this.#claimables.due([...open.keys()], this.clock.now()).slice(0, MAX_TRIES)) {
      const sequence = open.get(key);
      if (sequence === undefined) continue;
      const call = { address: chain.contract('CollateralVault'), abi: iPayoutsAbi, functionName: 'claim', args: [sequence] } as const;
      if (!(await this.#isWorthClaiming(chain, sequence)) || !(await passes(() => chain.client.simulateContract(call)))) {
        this.#claimables.failed(key, this.clock.now());
        continue;
      }
      this.#claimables.passed(key);
      await this.#want(chain, call.address, `claim:${key}`, encodeFunctionData(call), claimPurpose(chain.eid, sequence));
    }
  }

  /**
   * A claim is paid in parts as the bucket refills. Every call is at the relayer's cost, so it takes the whole, or a part that counts.
   */
  async #isWorthClaiming(chain: ChainContext, sequence: Sequence): Promise<boolean> {
    const vault = { address: chain.contract('CollateralVault'), abi: iPayoutsAbi } as const;
    const { asset, amount } = await chain.client.readContract({ ...vault, functionName: 'claimableOf', args: [sequence] });
    const [[, room], [capacity]] = await Promise.all([
      chain.client.readContract({ ...vault, functionName: 'outflowAvailable', args: [asset, amount] }),
      chain.client.readContract({ ...vault, functionName: 'outflowOf', args: [asset] }),
    ]);
    const part = capacity / WORTHY_SHARE;
    return amount > 0n && room >= (amount < part ? amount : part);
  }

  async #want(chain: ChainContext, to: Address, what: string, data: Hex, purpose: Record<string, string | number>): Promise<Wanted> {
    const wanted = await this.dataSource.transaction((tx) =>
      this.intents.want(tx, what, { role: 'deliver', chainId: chain.chainId, key: 'submitter', to, data, value: wei(0n), purpose }),
    );
    if (wanted === 'sent') this.#logger.log({ event: `release.${purpose['what'] ?? ''}`, chain: chain.name, ...purpose });
    return wanted;
  }
}

const NO_ROOM: TokenRoom = { free: 0n, level: 0n };

const claimPurpose = (at: Eid, sequence: Sequence) => ({ what: 'claim', eid: at, sequence: sequence.toString() });

/** Whether a call would go through now. Only a revert is a no; a provider that does not answer is none. */
async function passes(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError) !== null) return false;
    throw error;
  }
}
