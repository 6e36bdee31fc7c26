import { iDelegatesAbi, iMessengerAbi, iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { sequence as toSequence, type AccountId, type Sequence } from '@lockstep/shared';
import { encodeFunctionData, parseEventLogs, type Address, type Hex, type TransactionReceipt } from 'viem';
import type { OrderProof } from './claims.js';
import { assetNamed, type HubChain, type Stack, type StackChain } from './stack.js';
import type { User } from './user.js';

/** A payout to ask for: base units of the account's balance, or with `fromCash` 18-decimal cash. `receiver` defaults to the user. */
export interface LegOrder {
  readonly chain: StackChain;
  readonly asset: string;
  readonly amount: bigint;
  readonly fromCash?: boolean;
  readonly receiver?: Address;
}

/** A withdrawal as its receipt shows it: one claim per leg. */
export interface Withdrawal {
  readonly claims: readonly bigint[];
  readonly receipt: TransactionReceipt;
}

/** An action that its owner signed and anyone may bring to the hub. */
export interface SignedAction {
  readonly to: Address;
  readonly data: Hex;
}

/** A withdrawal asked for through a spoke's log. */
export interface SpokeRequest {
  readonly chain: StackChain;
  readonly sequence: Sequence;
  readonly entry: Hex;
  readonly receipt: TransactionReceipt;
}

/** Key permissions of IDelegates. */
export const Permission = { trade: 1, withdraw: 2 } as const;

const LEG = [
  { name: 'eid', type: 'uint32' },
  { name: 'asset', type: 'uint16' },
  { name: 'fromCash', type: 'bool' },
  { name: 'amount', type: 'uint128' },
  { name: 'receiver', type: 'address' },
] as const;

/** The EIP-712 actions of Withdrawals and Delegates. */
const ACTIONS = {
  Leg: LEG,
  Withdraw: [
    { name: 'account', type: 'bytes32' },
    { name: 'legs', type: 'Leg[]' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
  Cancel: [
    { name: 'claim', type: 'uint64' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
} as const;

const FAR = 2n ** 40n - 1n;
const NO_PRICES: Hex = '0x';

/** The way out of a user's account, and of accounts that appointed the user's key: every call that its owner can make. */
export class Withdrawer {
  constructor(
    private readonly stack: Stack,
    readonly user: User,
  ) {}

  get #hub(): HubChain {
    return this.stack.hub;
  }

  /** Withdraws by a transaction on the hub. @param prices whoever holds positions needs prices signed since. @throws with the reason if the hub refuses */
  async withdraw(legs: readonly LegOrder[], account: AccountId = this.user.account(), prices: Hex = NO_PRICES): Promise<Withdrawal> {
    const data = encodeFunctionData({
      abi: iWithdrawalsAbi,
      functionName: 'request',
      args: [account, legs.map((leg) => this.#leg(leg)), prices],
    });
    return withdrawalIn(await this.user.must(this.#hub, this.#hub.withdrawals, data));
  }

  /** The same as a signed action. `nonce`: each value once per account. */
  async signWithdraw(legs: readonly LegOrder[], nonce: bigint, account: AccountId = this.user.account()): Promise<SignedAction> {
    const message = { account, legs: legs.map((leg) => this.#leg(leg)), nonce, deadline: FAR };
    const signature = await this.user.signTypedData({ domain: this.#domain, types: ACTIONS, primaryType: 'Withdraw', message });
    const args = [account, message.legs, nonce, FAR, this.user.address, signature, NO_PRICES] as const;
    return { to: this.#hub.withdrawals, data: encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'requestSigned', args }) };
  }

  /** The cancellation of a queued claim as a signed action. */
  async signCancel(claim: bigint, nonce: bigint): Promise<SignedAction> {
    const message = { claim, nonce, deadline: FAR };
    const signature = await this.user.signTypedData({ domain: this.#domain, types: ACTIONS, primaryType: 'Cancel', message });
    const args = [claim, nonce, FAR, this.user.address, signature] as const;
    return { to: this.#hub.withdrawals, data: encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'cancelSigned', args }) };
  }

  /** Brings an action that somebody else signed. @throws with the reason if the hub refuses */
  async bring(action: SignedAction): Promise<Withdrawal> {
    return withdrawalIn(await this.user.must(this.#hub, action.to, action.data));
  }

  /** Asks for a withdrawal through a spoke's log: needs no relayer. `validUntil` in hub seconds. */
  async requestFrom(
    chain: StackChain,
    leg: LegOrder,
    { validUntil = Number(FAR), express = false, account = this.user.account() } = {},
  ): Promise<SpokeRequest> {
    const messenger = { address: chain.messenger, abi: iMessengerAbi } as const;
    const [entryFee, flushFee] = await Promise.all([
      chain.client.readContract({ ...messenger, functionName: 'entryFee' }),
      express ? chain.client.readContract({ ...messenger, functionName: 'quoteFlush', args: [this.#hub.eid] }) : 0n,
    ]);
    const params = { ...this.#leg(leg), account, validUntil, express, refund: this.user.address };
    const data = encodeFunctionData({ abi: iPayoutsAbi, functionName: 'requestWithdrawal', args: [params] });
    const receipt = await this.user.must(chain, chain.vault, data, entryFee + flushFee);
    const [appended] = parseEventLogs({ abi: iMessengerAbi, eventName: 'EntryAppended', logs: receipt.logs });
    if (!appended) throw new Error(`the request on ${chain.name} appended no entry; expected EntryAppended`);
    return { chain, sequence: toSequence(appended.args.sequence), entry: appended.args.entry, receipt };
  }

  /** Has the hub decide a request that a spoke's log brought; anyone may. @throws with the reason while it cannot */
  async processRequest({ chain, sequence, entry }: SpokeRequest): Promise<Withdrawal> {
    const data = encodeFunctionData({
      abi: iWithdrawalsAbi,
      functionName: 'processRequest',
      args: [chain.eid, sequence, entry, NO_PRICES],
    });
    return withdrawalIn(await this.user.must(this.#hub, this.#hub.withdrawals, data));
  }

  /** Orders what can be ordered; anyone may. */
  async order(claims: readonly bigint[]): Promise<TransactionReceipt> {
    const data = encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'order', args: [claims] });
    return this.user.must(this.#hub, this.#hub.withdrawals, data);
  }

  /** Takes a queued claim back. @throws with the reason if the hub refuses */
  async cancel(claim: bigint): Promise<TransactionReceipt> {
    return this.user.must(
      this.#hub,
      this.#hub.withdrawals,
      encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'cancel', args: [claim] }),
    );
  }

  /** Takes an ordered claim back whose order no checkpoint covers yet. @throws with the reason if the hub refuses */
  async cancelOrdered(claim: bigint, { headBefore, leavesAfter }: OrderProof): Promise<TransactionReceipt> {
    const data = encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'cancelOrdered', args: [claim, headBefore, leavesAfter] });
    return this.user.must(this.#hub, this.#hub.withdrawals, data);
  }

  /** Appoints a hub key through the log of `chain`, or on the hub itself. `permissions` 0 revokes. */
  async setDelegate(chain: StackChain, delegate: Address, permissions: number, account: AccountId = this.user.account()): Promise<void> {
    const args = [account, delegate, permissions, Number(FAR)] as const;
    if (chain.eid === this.#hub.eid) {
      await this.user.must(chain, this.#hub.delegates, encodeFunctionData({ abi: iDelegatesAbi, functionName: 'setDelegate', args }));
      return;
    }
    const fee = await chain.client.readContract({ address: chain.messenger, abi: iMessengerAbi, functionName: 'entryFee' });
    await this.user.must(chain, chain.vault, encodeFunctionData({ abi: iPayoutsAbi, functionName: 'setDelegate', args }), fee);
  }

  /** Pays a claimable order to its receiver; anyone may. */
  async claim(chain: StackChain, order: bigint): Promise<TransactionReceipt> {
    return this.user.must(chain, chain.vault, encodeFunctionData({ abi: iPayoutsAbi, functionName: 'claim', args: [order] }));
  }

  /** Pays a claimable order to another address. */
  async claimTo(chain: StackChain, order: bigint, to: Address): Promise<TransactionReceipt> {
    return this.user.must(chain, chain.vault, encodeFunctionData({ abi: iPayoutsAbi, functionName: 'claimTo', args: [order, to] }));
  }

  /** Makes a claimable order a deposit of its account again. */
  async returnClaim(chain: StackChain, order: bigint): Promise<TransactionReceipt> {
    const fee = await chain.client.readContract({ address: chain.messenger, abi: iMessengerAbi, functionName: 'entryFee' });
    return this.user.must(chain, chain.vault, encodeFunctionData({ abi: iPayoutsAbi, functionName: 'returnClaim', args: [order] }), fee);
  }

  get #domain() {
    return { name: 'Lockstep Withdrawals', version: '1', chainId: this.#hub.chainId, verifyingContract: this.#hub.withdrawals } as const;
  }

  #leg({ chain, asset, amount, fromCash = false, receiver = this.user.address }: LegOrder) {
    return { eid: chain.eid, asset: assetNamed(chain, asset).index, fromCash, amount, receiver };
  }
}

function withdrawalIn(receipt: TransactionReceipt): Withdrawal {
  const queued = parseEventLogs({ abi: iWithdrawalsAbi, eventName: 'ClaimQueued', logs: receipt.logs });
  return { claims: queued.map(({ args }) => args.claim), receipt };
}
