import hre from 'hardhat';
import {
  concatHex,
  decodeErrorResult,
  getContractAddress,
  hexToNumber,
  isHex,
  numberToHex,
  size,
  type Abi,
  type Address,
  type Hex,
} from 'viem';

// Where a call reverts, Hardhat shows the Solidity stack through a hook that Node has and a test's own realm lacks.
if (!Reflect.has(Error, 'prepareStackTrace')) Error.prepareStackTrace = (error) => String(error);

/** A call that went through, or the name of the error it reverted with. */
export type Outcome = { readonly kind: 'done'; readonly data: Hex } | { readonly kind: 'reverted'; readonly error: string };

/** A chain inside this process, whose clock the test moves. */
export class TestChain {
  #nonce = 0n;

  private constructor(
    private readonly request: (method: string, params: unknown[]) => Promise<unknown>,
    readonly from: Address,
    private readonly errors: Abi,
  ) {}

  /** @param errors ABIs whose errors are known by name */
  static async start(errors: readonly Abi[] = []): Promise<TestChain> {
    const { provider } = await hre.network.connect();
    const request = (method: string, params: unknown[]): Promise<unknown> => provider.request({ method, params });
    const accounts = await request('eth_accounts', []);
    if (!Array.isArray(accounts) || typeof accounts[0] !== 'string') throw new Error('the in-process chain has no account');
    // CAST: the node's own accounts are addresses.
    return new TestChain(
      request,
      accounts[0] as Address,
      errors.flat().filter((item) => item.type === 'error'),
    );
  }

  /** Deploys a contract from its creation code and constructor arguments. @returns where it stands */
  async deploy(data: Hex): Promise<Address> {
    const address = getContractAddress({ from: this.from, nonce: this.#nonce });
    await this.#send({ data });
    return address;
  }

  async id(): Promise<number> {
    return hexToNumber(hexOf(await this.request('eth_chainId', [])));
  }

  /** The time of the newest block, seconds. */
  async now(): Promise<bigint> {
    const block = await this.request('eth_getBlockByNumber', ['latest', false]);
    if (typeof block !== 'object' || block === null || !('timestamp' in block)) throw new Error('the chain has no block');
    return BigInt(String(block.timestamp));
  }

  /** Tries a call in a block of that time; if it goes through, it is mined there. */
  async act(time: bigint, to: Address, data: Hex): Promise<Outcome> {
    await this.request('evm_setNextBlockTimestamp', [Number(time)]);
    try {
      const answer = await this.request('eth_call', [{ from: this.from, to, data, gas: '0xf00000' }, 'pending']);
      await this.#send({ to, data });
      return { kind: 'done', data: hexOf(answer) };
    } catch (error) {
      return { kind: 'reverted', error: this.#errorName(error) };
    }
  }

  /** What a call now would do. */
  async tryCall(to: Address, data: Hex): Promise<Outcome> {
    try {
      return { kind: 'done', data: await this.read(to, data) };
    } catch (error) {
      return { kind: 'reverted', error: this.#errorName(error) };
    }
  }

  /** Puts code at an address that answers every call with these bytes. */
  async answerWith(at: Address, data: Hex): Promise<void> {
    // PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN; then the bytes.
    const length = numberToHex(size(data), { size: 2 });
    const code = concatHex(['0x61', length, '0x80600a5f395ff3', data]);
    await this.request('hardhat_setCode', [at, code]);
  }

  async read(to: Address, data: Hex): Promise<Hex> {
    return hexOf(await this.request('eth_call', [{ from: this.from, to, data, gas: '0xf00000' }, 'latest']));
  }

  async #send(call: { to?: Address; data: Hex }): Promise<void> {
    await this.request('eth_sendTransaction', [{ from: this.from, gas: '0xf00000', ...call }]);
    this.#nonce++;
  }

  #errorName(error: unknown): string {
    const data = dataOf(error);
    if (data === null) throw error;
    return decodeErrorResult({ abi: this.errors, data }).errorName;
  }
}

function hexOf(answer: unknown): Hex {
  if (!isHex(answer)) throw new Error(`the chain answered ${String(answer)}; expected hex`);
  return answer;
}

/** The bytes a call reverted with, wherever the provider puts them. */
function dataOf(error: unknown): Hex | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('data' in error) {
    if (isHex(error.data)) return error.data;
    const inner = dataOf(error.data);
    if (inner !== null) return inner;
  }
  return 'cause' in error ? dataOf(error.cause) : null;
}
