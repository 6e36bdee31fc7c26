import { isHex, numberToHex, type Address, type Hex, type PublicClient } from 'viem';
import { z } from 'zod/v4';
import { blockNumber, gas, wei, type BlockNumber, type Gas, type Wei } from '@lockstep/shared';
import type { ChainContext } from '../chain/chain-context.js';
import { firstLine } from '../chain/error-fields.js';
import { BlockUnknownError, readHeaderByNumber } from '../chain/rpc.js';
import { classifyRefusal, type BroadcastAnswer } from './broadcast.js';
import type { Market } from './fees.js';
import type { RevertReason } from './intent.js';
import { revertOf, rpcErrorOf } from './revert-reason.js';

/** A call as it would be sent. */
export interface Call {
  readonly from: Address;
  readonly to: Address;
  readonly data: Hex;
  readonly value: Wei;
  /** null: to be estimated */
  readonly gasLimit: Gas | null;
  /** on what it is tried: `pending` where transactions of the same lane are still to be mined, for it may need what they leave behind */
  readonly block: 'latest' | 'pending';
}

/** What a call would do now. */
export type Simulation =
  | { readonly kind: 'succeeds'; readonly gasUsed: Gas | null }
  | { readonly kind: 'reverts'; readonly reason: RevertReason }
  /** the node answered, but not about the call: a limit, a missing method, funds */
  | { readonly kind: 'undecided'; readonly message: string };

/** A mined transaction. */
export interface Receipt {
  readonly hash: Hex;
  readonly block: BlockNumber;
  readonly blockHash: Hex;
  readonly succeeded: boolean;
  readonly gasUsed: Gas;
  readonly gasPrice: Wei;
}

/** What the sender asks of a chain. Each method throws when no provider answers: then nothing is decided. */
export interface LaneChain {
  /** transactions of `address` in the newest block's state, so the next nonce the chain takes */
  nonce(address: Address): Promise<bigint>;
  /** the same at a block; null if no provider has that state */
  nonceAt(address: Address, block: BlockNumber): Promise<bigint | null>;
  simulate(call: Call): Promise<Simulation>;
  market(): Promise<Market>;
  broadcast(raw: Hex): Promise<BroadcastAnswer>;
  receipt(hash: Hex): Promise<Receipt | null>;
  /** like {@link receipt}, from any provider that has it */
  receiptAnywhere(hash: Hex): Promise<Receipt | null>;
  /** whether a provider has the transaction, waiting or mined */
  knows(hash: Hex): Promise<boolean>;
  /** null: no such block (any more, or yet) */
  blockHash(number: BlockNumber): Promise<Hex | null>;
}

const hex = z.custom<Hex>((value) => isHex(value), { error: 'expected hex' });
const quantity = hex.transform((value) => BigInt(value));
const rpcReceipt = z
  .object({
    transactionHash: hex,
    blockNumber: quantity,
    blockHash: hex,
    status: quantity,
    gasUsed: quantity,
    effectiveGasPrice: quantity,
  })
  .nullable();

/** A chain behind JSON-RPC: reads fall back from provider to provider, bytes go to all of them. */
export class RpcLaneChain implements LaneChain {
  constructor(private readonly chain: Pick<ChainContext, 'client' | 'providers'>) {}

  async nonce(address: Address): Promise<bigint> {
    return quantity.parse(await this.chain.client.request({ method: 'eth_getTransactionCount', params: [address, 'latest'] }));
  }

  async nonceAt(address: Address, block: BlockNumber): Promise<bigint | null> {
    try {
      return quantity.parse(await this.chain.client.request({ method: 'eth_getTransactionCount', params: [address, numberToHex(block)] }));
    } catch (error) {
      if (rpcErrorOf(error)) return null;
      throw error;
    }
  }

  async simulate({ from, to, data, value, gasLimit, block }: Call): Promise<Simulation> {
    const call = { from, to, data, value: numberToHex(value) };
    try {
      if (gasLimit !== null) {
        await this.chain.client.request({ method: 'eth_call', params: [{ ...call, gas: numberToHex(gasLimit) }, block] });
        return { kind: 'succeeds', gasUsed: null };
      }
      const used = quantity.parse(await this.chain.client.request({ method: 'eth_estimateGas', params: [call, block] }));
      return { kind: 'succeeds', gasUsed: gas(used) };
    } catch (error) {
      const reason = revertOf(error);
      if (reason) return { kind: 'reverts', reason };
      const answer = rpcErrorOf(error);
      if (answer) return { kind: 'undecided', message: answer.details };
      throw error;
    }
  }

  async market(): Promise<Market> {
    const block = z
      .object({ baseFeePerGas: quantity.optional() })
      .parse(await this.chain.client.request({ method: 'eth_getBlockByNumber', params: ['latest', false] }));
    if (block.baseFeePerGas === undefined)
      return { baseFee: null, suggested: quantity.parse(await this.chain.client.request({ method: 'eth_gasPrice' })) };
    return { baseFee: block.baseFeePerGas, suggested: await this.#tip() };
  }

  async #tip(): Promise<bigint> {
    try {
      return quantity.parse(await this.chain.client.request({ method: 'eth_maxPriorityFeePerGas' }));
    } catch (error) {
      // Not every node offers the method; a gwei is a common tip.
      if (rpcErrorOf(error)) return 1_000_000_000n;
      throw error;
    }
  }

  /** One provider that takes the bytes is enough; the others' answers only matter if none does. */
  async broadcast(raw: Hex): Promise<BroadcastAnswer> {
    const answers = await Promise.all(this.chain.providers.map((provider) => send(provider, raw)));
    const order: readonly BroadcastAnswer['kind'][] = [
      'accepted',
      'known',
      'nonce-too-low',
      'insufficient-funds',
      'underpriced',
      'refused',
      'unreachable',
    ];
    for (const kind of order) {
      const found = answers.find((answer) => answer.kind === kind);
      if (found) return found;
    }
    return { kind: 'unreachable', message: 'no provider is configured' };
  }

  receipt(hash: Hex): Promise<Receipt | null> {
    return receiptFrom(this.chain.client, hash);
  }

  async receiptAnywhere(hash: Hex): Promise<Receipt | null> {
    // A provider that fails could be the one that has it: its failure is not an answer.
    const found = await Promise.all(this.chain.providers.map((provider) => receiptFrom(provider, hash)));
    return found.find((receipt) => receipt !== null) ?? null;
  }

  async knows(hash: Hex): Promise<boolean> {
    return (await this.chain.client.request({ method: 'eth_getTransactionByHash', params: [hash] })) !== null;
  }

  async blockHash(number: BlockNumber): Promise<Hex | null> {
    try {
      return (await readHeaderByNumber(this.chain.client, number)).hash;
    } catch (error) {
      if (error instanceof BlockUnknownError) return null;
      throw error;
    }
  }
}

async function receiptFrom(client: PublicClient, hash: Hex): Promise<Receipt | null> {
  const receipt = rpcReceipt.parse(await client.request({ method: 'eth_getTransactionReceipt', params: [hash] }));
  return (
    receipt && {
      hash: receipt.transactionHash,
      block: blockNumber(receipt.blockNumber),
      blockHash: receipt.blockHash,
      succeeded: receipt.status === 1n,
      gasUsed: gas(receipt.gasUsed),
      gasPrice: wei(receipt.effectiveGasPrice),
    }
  );
}

async function send(provider: PublicClient, raw: Hex): Promise<BroadcastAnswer> {
  try {
    await provider.request({ method: 'eth_sendRawTransaction', params: [raw] });
    return { kind: 'accepted' };
  } catch (error) {
    const answer = rpcErrorOf(error);
    if (answer) return classifyRefusal(answer.details);
    return { kind: 'unreachable', message: firstLine(error) };
  }
}
