import { iCollateralVaultAbi, iMessengerAbi, testTokenAbi } from '@lockstep/contracts';
import { encodeAccount, leafOf, sequence as toSequence, type AccountId, type Sequence } from '@lockstep/shared';
import {
  encodeFunctionData,
  keccak256,
  maxUint256,
  parseEventLogs,
  zeroAddress,
  type Address,
  type Hash,
  type Hex,
  type TransactionReceipt,
  type TypedData,
  type TypedDataDefinition,
} from 'viem';
import { developmentUser, type KeyedAccount } from './accounts.js';
import { requireSuccess } from './revert.js';
import { assetNamed, type StackAsset, type StackChain } from './stack.js';

/** A deposit to make. `amount` in base units; `account` defaults to the user's own, sub-account 0. */
export interface DepositOrder {
  readonly chain: StackChain;
  readonly asset: string;
  readonly amount: bigint;
  readonly account?: AccountId;
  readonly express?: boolean;
}

/** A deposit as its receipt shows it. */
export interface Deposit {
  readonly chain: StackChain;
  readonly asset: StackAsset;
  readonly account: AccountId;
  readonly amount: bigint;
  readonly sequence: Sequence;
  readonly transactionHash: Hash;
  readonly blockNumber: bigint;
  /** entry and head as logged */
  readonly entry: Hex;
  readonly head: Hex;
}

interface SignedCall {
  readonly raw: Hex;
  readonly hash: Hash;
}

/** Enough for any single call of a user; the node charges what is used. */
const CALL_GAS = 5_000_000n;

/** A trader with a key, on every chain. Keeps its own nonces, so that many calls can be sent without waiting for each. */
export class User {
  readonly #key: KeyedAccount;
  readonly #nonces = new Map<number, number>();
  readonly #ready = new Set<string>();
  readonly #termsOf = new Map<StackChain, { hubEid: number; entryFee: bigint }>();

  constructor(readonly index: number) {
    this.#key = developmentUser(index);
  }

  get address(): Address {
    return this.#key.account.address;
  }

  /** The user's hub account: owned by its key. */
  account(subaccount = 0n): AccountId {
    return encodeAccount({ owner: this.address, home: 0, subaccount });
  }

  /** Mints `amount` of a test token for the user and lets the vault take it; nothing to do for the native coin. */
  async fund(chain: StackChain, asset: StackAsset, amount: bigint): Promise<void> {
    if (asset.token === zeroAddress) return;
    const calls = [encodeFunctionData({ abi: testTokenAbi, functionName: 'mint', args: [this.address, amount] })];
    const approval = `${chain.eid} ${asset.token}`;
    if (!this.#ready.has(approval))
      calls.push(encodeFunctionData({ abi: testTokenAbi, functionName: 'approve', args: [chain.vault, maxUint256] }));
    this.#ready.add(approval);
    const signed = [];
    for (const data of calls) signed.push(await this.#sign(chain, asset.token, data));
    await this.#submit(chain, signed);
  }

  /** Makes one deposit, funding it first. @throws if the vault refuses it */
  async deposit(order: DepositOrder): Promise<Deposit> {
    const [made] = await this.depositMany([order]);
    if (!made) throw new Error('a deposit was ordered, none was made');
    return made;
  }

  /** Makes all deposits, chains side by side, without waiting between those of one chain. In the order given. */
  async depositMany(orders: readonly DepositOrder[]): Promise<Deposit[]> {
    const byChain = new Map<StackChain, (readonly [number, DepositOrder])[]>();
    for (const [i, order] of orders.entries()) byChain.set(order.chain, [...(byChain.get(order.chain) ?? []), [i, order]]);
    const made = await Promise.all([...byChain].map(([chain, entries]) => this.#depositOn(chain, entries)));
    return made
      .flat()
      .sort(([a], [b]) => a - b)
      .map(([, deposit]) => deposit);
  }

  async #depositOn(chain: StackChain, entries: readonly (readonly [number, DepositOrder])[]): Promise<(readonly [number, Deposit])[]> {
    const totals = new Map<StackAsset, bigint>();
    for (const [, o] of entries) {
      const asset = assetNamed(chain, o.asset);
      totals.set(asset, (totals.get(asset) ?? 0n) + o.amount);
    }
    for (const [asset, total] of totals) await this.fund(chain, asset, total);
    const signed = [];
    for (const [, order] of entries) signed.push(await this.#signDeposit(order));
    const receipts = await this.#submit(chain, signed);
    return entries.map(([i, order], n) => [i, depositIn(order, this.account(), receipts[n])] as const);
  }

  /** The signed bytes of a deposit, not sent: for races and for reorgs that bring a transaction back. */
  async signDeposit(order: DepositOrder): Promise<SignedCall> {
    await this.fund(order.chain, assetNamed(order.chain, order.asset), order.amount);
    return this.#signDeposit(order);
  }

  async #signDeposit(order: DepositOrder): Promise<SignedCall> {
    const { chain, amount } = order;
    const asset = assetNamed(chain, order.asset);
    const { hubEid, entryFee } = await this.#terms(chain);
    const own = entryFee + (asset.token === zeroAddress ? amount : 0n);
    const express = order.express ?? false;
    const messenger = { address: chain.messenger, abi: iMessengerAbi } as const;
    const flushFee = express ? await chain.client.readContract({ ...messenger, functionName: 'quoteFlush', args: [hubEid] }) : 0n;
    const params = { account: order.account ?? this.account(), asset: asset.index, amount, refund: this.address, express };
    const data = encodeFunctionData({ abi: iCollateralVaultAbi, functionName: 'deposit', args: [params] });
    return this.#sign(chain, chain.vault, data, own + flushFee);
  }

  /** What every deposit of a chain needs to know; read once. */
  async #terms(chain: StackChain): Promise<{ hubEid: number; entryFee: bigint }> {
    const known = this.#termsOf.get(chain);
    if (known) return known;
    const [hubEid, entryFee] = await Promise.all([
      chain.client.readContract({ address: chain.vault, abi: iCollateralVaultAbi, functionName: 'hubEid' }),
      chain.client.readContract({ address: chain.messenger, abi: iMessengerAbi, functionName: 'entryFee' }),
    ]);
    const terms = { hubEid, entryFee };
    this.#termsOf.set(chain, terms);
    return terms;
  }

  /** Takes an unflushed deposit back. `later`: entries appended to the same log after it. @returns the receipt, reverted or not */
  async cancel(deposit: Deposit, headBefore: Hex, later: readonly Hex[]): Promise<TransactionReceipt> {
    const data = encodeFunctionData({
      abi: iCollateralVaultAbi,
      functionName: 'cancel',
      args: [deposit.sequence, headBefore, deposit.entry, later.map(leafOf)],
    });
    return this.call(deposit.chain, deposit.chain.vault, data);
  }

  /** Any call with the user's key. @returns the receipt, reverted or not */
  async call(chain: StackChain, to: Address, data: Hex, value = 0n): Promise<TransactionReceipt> {
    const { raw } = await this.#sign(chain, to, data, value);
    const hash = await chain.client.sendRawTransaction({ serializedTransaction: raw });
    return chain.client.waitForTransactionReceipt({ hash, timeout: 60_000 });
  }

  /** The same. @throws with the reason if it reverts */
  async must(chain: StackChain, to: Address, data: Hex, value = 0n): Promise<TransactionReceipt> {
    const receipt = await this.call(chain, to, data, value);
    await requireSuccess(chain, receipt);
    return receipt;
  }

  /** An EIP-712 signature of the user's key. */
  async signTypedData<const T extends TypedData, P extends keyof T>(action: TypedDataDefinition<T, P>): Promise<Hex> {
    return this.#key.account.signTypedData(action);
  }

  /** Forgets the counted nonces, after a reorg took transactions away. */
  forgetNonces(): void {
    this.#nonces.clear();
    this.#ready.clear();
  }

  async #sign(chain: StackChain, to: Address, data: Hex, value = 0n): Promise<SignedCall> {
    const nonce =
      this.#nonces.get(chain.chainId) ?? (await chain.client.getTransactionCount({ address: this.address, blockTag: 'pending' }));
    this.#nonces.set(chain.chainId, nonce + 1);
    const raw = await this.#key.account.signTransaction({
      type: 'eip1559',
      chainId: chain.chainId,
      nonce,
      to,
      data,
      value,
      gas: CALL_GAS,
      maxFeePerGas: 100_000_000_000n,
      maxPriorityFeePerGas: 1_000_000_000n,
    });
    return { raw, hash: keccak256(raw) };
  }

  async #submit(chain: StackChain, calls: readonly SignedCall[]): Promise<TransactionReceipt[]> {
    // In order: the node forgets what arrives ahead of its nonce.
    for (const { raw } of calls) await chain.client.sendRawTransaction({ serializedTransaction: raw });
    const receipts = await Promise.all(calls.map(({ hash }) => chain.client.waitForTransactionReceipt({ hash, timeout: 60_000 })));
    for (const receipt of receipts) await requireSuccess(chain, receipt);
    return receipts;
  }
}

function depositIn(order: DepositOrder, own: AccountId, receipt: TransactionReceipt | undefined): Deposit {
  const [appended] = receipt ? parseEventLogs({ abi: iMessengerAbi, eventName: 'EntryAppended', logs: receipt.logs }) : [];
  const [deposited] = receipt ? parseEventLogs({ abi: iCollateralVaultAbi, eventName: 'Deposited', logs: receipt.logs }) : [];
  if (!receipt || !appended || !deposited)
    throw new Error(`the deposit on ${order.chain.name} appended no entry; expected EntryAppended and Deposited`);
  return {
    chain: order.chain,
    asset: assetNamed(order.chain, order.asset),
    account: order.account ?? own,
    amount: deposited.args.amount,
    sequence: toSequence(appended.args.sequence),
    transactionHash: receipt.transactionHash,
    blockNumber: receipt.blockNumber,
    entry: appended.args.entry,
    head: appended.args.head,
  };
}
