import { iMessengerAbi, iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { decodeEntry, leafOf } from '@lockstep/shared';
import type { Hex } from 'viem';
import type { Flow } from './flow.js';
import { chainOfEid, type Stack, type StackChain } from './stack.js';
import type { SpokeRequest } from './withdrawer.js';
import { eventually, type WaitOptions } from './wait.js';

/** `IWithdrawals.Status`, by its number. */
const STATUSES = ['none', 'queued', 'ordered', 'cancelled'] as const;
/** `IWithdrawals.Waiting`, by its number. */
const WAITING = ['None', 'NotQueued', 'Liquidity', 'OutflowLimit', 'PathQuarantined', 'PathClosed', 'OrdersPaused'] as const;
/** `IPayouts.ClaimReason`, by its number. */
const REASONS = ['TransferFailed', 'PayoutsPaused', 'AssetFrozen', 'OutflowLimit', 'ReceiverInvalid'] as const;

export type Waiting = (typeof WAITING)[number];
export type ClaimReason = (typeof REASONS)[number];

/** What a vault did with one order. */
export type Payout =
  | { readonly kind: 'paid' }
  | { readonly kind: 'claimable'; readonly reason: ClaimReason }
  /** it was claimable, and then paid in full; the last part to `to` */
  | { readonly kind: 'claimed'; readonly to: Hex }
  /** it was claimable, and became a deposit */
  | { readonly kind: 'returned'; readonly depositSequence: bigint }
  /** it was claimable, and a governed rebase took it back: the hub never gave it */
  | { readonly kind: 'annulled' }
  | { readonly kind: 'refused' };

/** Where one claim stands, read from the hub and the chain it leaves from. */
export interface ClaimState {
  readonly claim: bigint;
  readonly account: Hex;
  readonly receiver: Hex;
  readonly chain: StackChain;
  readonly asset: number;
  readonly units: bigint;
  readonly status: (typeof STATUSES)[number];
  readonly orderSequence: bigint;
  readonly payout: Payout | undefined;
}

/** How far a claim got, in one word. */
export type ClaimStage = 'none' | 'queued' | 'ordered' | 'cancelled' | Payout['kind'];

/** The word for a claim's state. */
export const stageOf = ({ status, payout }: ClaimState): ClaimStage => payout?.kind ?? status;

/** What `cancelOrdered` needs to prove that an order is in the log. */
export interface OrderProof {
  readonly headBefore: Hex;
  readonly leavesAfter: readonly Hex[];
}

/** Follows withdrawals on the chains themselves, whatever the relayer says. */
export class Claims {
  constructor(
    private readonly stack: Stack,
    private readonly flow: Flow,
  ) {}

  /** One claim, from state on the hub and events of its vault. */
  async state(claim: bigint): Promise<ClaimState> {
    const { hub } = this.stack;
    const c = await hub.client.readContract({ ...this.#withdrawals, functionName: 'claimOf', args: [claim] });
    const chain = chainOfEid(this.stack, c.eid);
    const ordered = STATUSES[c.status] === 'ordered';
    return {
      claim,
      account: c.account,
      receiver: c.receiver,
      chain,
      asset: c.asset,
      units: c.units,
      status: STATUSES[c.status] ?? 'none',
      orderSequence: c.orderSequence,
      payout: ordered ? (await this.payouts(chain)).get(c.orderSequence) : undefined,
    };
  }

  /** The claim that a request through a spoke's log became, undefined before it is decided. */
  async ofRequest({ chain, sequence }: SpokeRequest): Promise<bigint | undefined> {
    const { hub } = this.stack;
    const [processed] = await hub.client.getContractEvents({
      ...this.#withdrawals,
      eventName: 'RequestProcessed',
      args: { srcEid: chain.eid, sequence },
      fromBlock: hub.deployedAt,
      strict: true,
    });
    return processed?.args.claim;
  }

  /** Why a claim cannot be ordered now. */
  async waitingFor(claim: bigint): Promise<Waiting> {
    const reason = await this.stack.hub.client.readContract({ ...this.#withdrawals, functionName: 'waitingFor', args: [claim] });
    const word = WAITING[reason];
    if (!word) throw new RangeError(`waiting reason ${reason}; expected 0 … ${WAITING.length - 1}`);
    return word;
  }

  /** What the vault of a chain did with every order it consumed, by the order's sequence. */
  async payouts(chain: StackChain): Promise<Map<bigint, Payout>> {
    const range = { address: chain.vault, abi: iPayoutsAbi, fromBlock: chain.deployedAt, strict: true } as const;
    const [paid, claimable, claimed, returned, annulled, refused] = await Promise.all([
      chain.client.getContractEvents({ ...range, eventName: 'Paid' }),
      chain.client.getContractEvents({ ...range, eventName: 'MadeClaimable' }),
      chain.client.getContractEvents({ ...range, eventName: 'Claimed' }),
      chain.client.getContractEvents({ ...range, eventName: 'ClaimReturned' }),
      chain.client.getContractEvents({ ...range, eventName: 'ClaimAnnulled' }),
      chain.client.getContractEvents({ ...range, eventName: 'ReleaseRefused' }),
    ]);
    // A number whose order was annulled may be given to an order of the hub after that.
    const isLasting = (made: { readonly args: { readonly sequence: bigint }; readonly blockNumber: bigint }): boolean =>
      !annulled.some((e) => e.args.sequence === made.args.sequence && e.blockNumber > made.blockNumber);
    const waiting = claimable.filter(isLasting);
    return new Map<bigint, Payout>([
      ...annulled.map(({ args }) => [args.sequence, { kind: 'annulled' }] as const),
      ...paid.map(({ args }) => [args.sequence, { kind: 'paid' }] as const),
      ...refused.map(({ args }) => [args.sequence, { kind: 'refused' }] as const),
      ...waiting.map(
        ({ args }) => [args.sequence, { kind: 'claimable', reason: REASONS[args.reason] ?? 'TransferFailed' } as const] as const,
      ),
      // It may be paid in parts.
      ...waiting.flatMap(({ args: { sequence, amount } }) => {
        const parts = claimed.filter((part) => part.args.sequence === sequence && isLasting(part));
        const taken = parts.reduce((sum, { args }) => sum + args.amount, 0n);
        const last = parts.at(-1);
        return last && taken >= amount ? [[sequence, { kind: 'claimed', to: last.args.to } as const] as const] : [];
      }),
      ...returned.map(({ args }) => [args.sequence, { kind: 'returned', depositSequence: args.depositSequence }] as const),
    ]);
  }

  /** Waits until each claim has got to this stage. @returns their states */
  async reached(claims: readonly bigint[], stage: ClaimStage, options: WaitOptions = {}): Promise<ClaimState[]> {
    return eventually(
      `claim(s) ${claims.join(', ')} to be ${stage}`,
      async (note) => {
        const states = await Promise.all(claims.map((c) => this.state(c)));
        note(states.map((s) => `${s.claim}: ${stageOf(s)}${s.payout?.kind === 'claimable' ? ` (${s.payout.reason})` : ''}`));
        return states.every((s) => stageOf(s) === stage) ? states : undefined;
      },
      { everyMs: 150, ...options },
    );
  }

  /** Waits until the hub has the receipt of each claim's order. */
  async receipted(claims: readonly bigint[], options: WaitOptions = {}): Promise<void> {
    await eventually(
      `the receipts of claim(s) ${claims.join(', ')}`,
      async (note) => {
        const open: string[] = [];
        for (const claim of claims) {
          const { chain, orderSequence } = await this.state(claim);
          const upTo = await this.stack.hub.client.readContract({ ...this.#withdrawals, functionName: 'receiptedUpTo', args: [chain.eid] });
          if (orderSequence === 0n || upTo < orderSequence) open.push(`${claim}: order ${orderSequence}, receipted up to ${upTo}`);
        }
        note(open);
        return open.length === 0 ? true : undefined;
      },
      { everyMs: 150, ...options },
    );
  }

  /** The proof that the order of a claim is in the log, against the newest head of the ring. */
  async proofOf(claim: bigint): Promise<OrderProof> {
    const { hub } = this.stack;
    const { chain, orderSequence } = await this.state(claim);
    const [headBefore, later] = await Promise.all([
      this.flow.head(hub, orderSequence - 1n, chain),
      this.flow.entries(hub, orderSequence + 1n, undefined, chain),
    ]);
    return { headBefore, leavesAfter: later.map(leafOf) };
  }

  /** Sequences of the orders in the hub's log towards a chain that pay this claim and are not voided. */
  async ordersOf(claim: bigint): Promise<bigint[]> {
    const { hub } = this.stack;
    const { chain } = await this.state(claim);
    const events = await hub.client.getContractEvents({
      address: hub.messenger,
      abi: iMessengerAbi,
      eventName: 'EntryAppended',
      args: { dstEid: chain.eid },
      fromBlock: hub.deployedAt,
      strict: true,
    });
    const entries = events.map(({ args }) => ({ sequence: args.sequence, entry: decodeEntry(args.entry) }));
    const voided = new Set<bigint>(entries.flatMap(({ entry }) => (entry.kind === 'Void' ? [entry.target] : [])));
    return entries
      .filter(({ sequence, entry }) => entry.kind === 'Release' && entry.claim === claim && !voided.has(sequence))
      .map(({ sequence }) => sequence);
  }

  get #withdrawals() {
    return { address: this.stack.hub.withdrawals, abi: iWithdrawalsAbi } as const;
  }
}
