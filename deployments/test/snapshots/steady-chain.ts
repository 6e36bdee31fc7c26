import {
  createWalletClient,
  http,
  type Address,
  type Chain,
  type Hex,
  type TransactionReceipt,
  type Transport,
  type WalletClient,
} from 'viem';
import type { ChainClient } from '../../src/chain/client.js';
import { receiptOf } from '../../src/chain/receipts.js';
import type { Anvil } from '../anvil.js';

/** One transaction of any sender. */
export interface Sent {
  readonly from: Address;
  readonly to: Address;
  readonly data: Hex;
  readonly value?: bigint;
}

const PURSE = 10n ** 21n;
const GAS_LIMIT = 16_000_000n;

/**
 * A local chain on which the same calls always cost the same gas: every block is one second after the one before, from a fixed time on.
 * Senders need no key: the node impersonates them, and the gas of a transaction does not depend on its signature.
 */
export class SteadyChain {
  private constructor(
    readonly client: ChainClient,
    private readonly wallet: WalletClient<Transport, Chain>,
  ) {}

  /** Fixes the clock from `timestamp` on and lets `senders` send. */
  static async at(node: Anvil, client: ChainClient, timestamp: bigint, senders: readonly Address[]): Promise<SteadyChain> {
    await node.control.setNextBlockTimestamp({ timestamp });
    await node.control.mine({ blocks: 1 });
    await node.control.setBlockTimestampInterval({ interval: 1 });
    for (const address of senders) {
      await node.control.impersonateAccount({ address });
      await node.control.setBalance({ address, value: PURSE });
    }
    return new SteadyChain(client, createWalletClient({ chain: client.rpc.chain, transport: http(node.url) }));
  }

  /** Sends one after another and waits for each. @throws naming the first one that reverts */
  async send(transactions: readonly Sent[]): Promise<TransactionReceipt[]> {
    const receipts = [];
    for (const transaction of transactions) receipts.push(await this.#sendOne(transaction));
    return receipts;
  }

  async #sendOne({ from, to, data, value = 0n }: Sent): Promise<TransactionReceipt> {
    const hash = await this.wallet.sendTransaction({ account: from, to, data, value, gas: GAS_LIMIT });
    const receipt = await receiptOf(this.client.rpc, hash);
    if (receipt.status === 'success') return receipt;
    const reason = await this.client.rpc.call({ account: from, to, data, value }).then(
      () => 'it succeeds when repeated',
      (error: unknown) => String(error),
    );
    throw new Error(`${from} → ${to} reverted: ${reason}`);
  }
}
