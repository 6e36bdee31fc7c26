import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  decodeErrorResult,
  getContractAddress,
  hexToBigInt,
  isHex,
  numberToHex,
  type Abi,
  type Address,
  type Hex,
  type Log,
  type PublicClient,
} from 'viem';
import { Anvil, type ChainClient } from '../harness/anvil.js';
import { Processes } from '../harness/processes.js';
import { SharedReads } from './reads.js';

/** A transaction to send; any sender will do, for this chain asks for no signature. */
export interface Call {
  readonly from: Address;
  readonly to?: Address;
  readonly data: Hex;
}

/** What became of it. */
export interface Sent {
  readonly succeeded: boolean;
  readonly gasUsed: bigint;
  readonly logs: readonly Log[];
}

interface RawReceipt {
  readonly transactionHash: Hex;
  readonly status: Hex;
  readonly gasUsed: Hex;
  readonly logs: readonly Log[];
}

const CHAIN_ID = 31_337;
const GAS = numberToHex(60_000_000);

/** One chain, of its own process, whose clock stands still but for what `mine` says. */
export class StressChain {
  readonly deployer: Address = '0x00000000000000000000000000000000000057e5';
  #now: number;
  #nonce = 0n;
  readonly #reads: SharedReads;

  private constructor(
    private readonly processes: Processes,
    private readonly anvil: Anvil,
    private readonly errors: Abi,
    startsAt: number,
  ) {
    this.#now = startsAt;
    this.#reads = new SharedReads(anvil.rpcUrl);
  }

  /**
   * @param startsAt time of the first block, seconds
   * @param errors   ABIs whose errors are known by name
   */
  static async start(startsAt: number, errors: Abi): Promise<StressChain> {
    const processes = new Processes();
    const dir = mkdtempSync(path.join(tmpdir(), 'lockstep-stress-'));
    processes.removeAtEnd(dir);
    const args = ['--timestamp', String(startsAt), '--auto-impersonate', '--no-mining', '--base-fee', '0', '--disable-code-size-limit'];
    const anvil = await Anvil.start({ name: 'stress', chainId: CHAIN_ID, dir, processes, args });
    return new StressChain(processes, anvil, errors, startsAt);
  }

  get client(): ChainClient {
    return this.anvil.client;
  }

  /** For those who read the chain on their own. */
  get reader(): PublicClient {
    return this.#reads.client;
  }

  /** Time of the newest block, seconds. */
  get now(): number {
    return this.#now;
  }

  async stop(): Promise<void> {
    await this.anvil.stop();
    await this.processes.stopAll();
  }

  /**
   * Sends transactions in this order, in one block of that time.
   * @returns what became of each
   */
  async mine(time: number, calls: readonly Call[]): Promise<Sent[]> {
    if (time <= this.#now) throw new RangeError(`a block at ${time}; expected after ${this.#now}`);
    const hashes: string[] = [];
    for (const { from, to, data } of calls)
      hashes.push(
        String(await this.request('eth_sendTransaction', [{ from, ...(to === undefined ? {} : { to }), data, gas: GAS, gasPrice: '0x0' }])),
      );
    await this.request('evm_mine', [{ timestamp: time }]);
    this.#now = time;
    this.#reads.forget();
    if (calls.length === 0) return [];
    // CAST: the node's own answer to a call it documents.
    const receipts = (await this.request('eth_getBlockReceipts', ['latest'])) as readonly RawReceipt[];
    const byHash = new Map(receipts.map((receipt) => [receipt.transactionHash, receipt]));
    return hashes.map((hash) => {
      // CAST: a hash is hexadecimal.
      const receipt = byHash.get(hash as Hex);
      if (receipt === undefined) throw new Error(`transaction ${hash} is not in the block at ${time}`);
      return { succeeded: receipt.status === '0x1', gasUsed: hexToBigInt(receipt.gasUsed), logs: receipt.logs };
    });
  }

  /** As `mine`, a second after the last block. @throws Error with the name of what the first refused one reverted with */
  async must(...calls: readonly Call[]): Promise<Sent[]> {
    const sent = await this.mine(this.#now + 1, calls);
    const refused = calls[sent.findIndex(({ succeeded }) => !succeeded)];
    if (refused !== undefined) throw new Error(`refused: ${await this.reasonOf(refused)}`);
    return sent;
  }

  async deploy(data: Hex): Promise<Address> {
    const address = getContractAddress({ from: this.deployer, nonce: this.#nonce });
    await this.must({ from: this.deployer, data });
    this.#nonce++;
    return address;
  }

  /** Why a call is refused now, by the name of its error. */
  async reasonOf(call: Call): Promise<string> {
    try {
      await this.request('eth_call', [{ ...call, gas: GAS }, 'latest']);
      return 'nothing now';
    } catch (error) {
      const data = dataOf(error);
      if (data === null) return String(error);
      const { errorName, args } = decodeErrorResult({ abi: this.errors, data });
      return `${errorName}(${(args ?? []).map(String).join(', ')})`;
    }
  }

  /** What is now, to come back to. */
  async snapshot(): Promise<() => Promise<void>> {
    const [id, now, nonce] = [await this.request('evm_snapshot', []), this.#now, this.#nonce];
    return async () => {
      await this.request('evm_revert', [id]);
      [this.#now, this.#nonce] = [now, nonce];
      this.#reads.forget();
    };
  }

  private async request(method: string, params: readonly unknown[]): Promise<unknown> {
    // CAST: the node has methods that viem's table does not list.
    return await (this.client.request as (call: { method: string; params: readonly unknown[] }) => Promise<unknown>)({ method, params });
  }
}

/** The bytes a call reverted with, wherever the layers put them. */
function dataOf(error: unknown): Hex | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('data' in error && isHex(error.data)) return error.data;
  return 'cause' in error ? dataOf(error.cause) : null;
}
