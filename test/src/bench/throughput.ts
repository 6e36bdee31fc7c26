import { performance } from 'node:perf_hooks';
import { batchDepositorAbi, bytecode, iMessengerAbi, testTokenAbi } from '@lockstep/contracts';
import { encodeAccount, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, getAddress, keccak256, toHex, type Address, type Hash, type Hex } from 'viem';
import { developmentUser } from '../harness/accounts.js';
import { assetNamed, type StackChain } from '../harness/stack.js';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';
import { significant, type Results } from './results.js';

const PER_TRANSACTION = 50;
const TRANSACTIONS = 200;
const ACCOUNTS = 200;
/** Transactions of one sender that wait for a block: more would only fill the node's pool. */
const AHEAD = 12;
const GAS = 12_000_000n;
const AMOUNT = 1_000n;
const MICROSECONDS = 1_000_000;

/**
 * Deposits per second that the whole system sustains: one sender per spoke deposits 50 at a time for accounts the hub knows, as fast as
 * blocks of one second take them, until the hub has credited the last one. The generator shares the machine with the system; its
 * processor time is quoted, because a user of the system would not pay for it.
 */
export async function measureThroughput(world: World): Promise<Results> {
  const spokes = world.stack.chains.slice(1);
  const senders = await Promise.all(spokes.map((chain, i) => Sender.prepare(chain, i)));
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => accountNumber(i));
  // What an account's first credit costs is another number.
  for (const sender of senders) await sender.send(chunks(accounts));
  await world.flow.settled({ timeoutMs: 120_000 });

  const from = await Promise.all(spokes.map((c) => world.flow.position(c)));
  const cpu = process.cpuUsage();
  const started = performance.now();
  const each = TRANSACTIONS / senders.length;
  const work = Array.from({ length: each }, (_, i) => chunks(accounts)[i % (ACCOUNTS / PER_TRANSACTION)] ?? []);
  const sending = Promise.all(senders.map((sender) => sender.send(work))).then(() => performance.now());
  const last = from.map((p) => p.appended + BigInt(each * PER_TRANSACTION));
  await eventually(
    'every deposit to be consumed',
    async (note) => {
      const positions = await Promise.all(spokes.map((c) => world.flow.position(c)));
      note(positions);
      return positions.every((p, i) => p.consumed >= (last[i] ?? 0n)) ? true : undefined;
    },
    { timeoutMs: 300_000, everyMs: 200 },
  );
  const seconds = (performance.now() - started) / 1000;
  const sentAfter = ((await sending) - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const deposits = TRANSACTIONS * PER_TRANSACTION;
  return {
    'deposits.sustainedPerSecond': {
      value: significant(deposits / seconds),
      unit: `deposits/s, ${deposits} deposits, ${PER_TRANSACTION} per transaction, first transaction to last credit`,
      target: '≥ 500',
      limit: `the chains had taken them after ${significant(sentAfter)} s of ${significant(seconds)} s; the generator used ${significant((user + system) / MICROSECONDS)} s of processor time`,
    },
  };
}

function accountNumber(i: number): AccountId {
  return encodeAccount({ owner: getAddress(`0x${keccak256(toHex(`bench account ${i}`)).slice(-40)}`), home: 0, subaccount: 0n });
}

function chunks(accounts: readonly AccountId[]): AccountId[][] {
  return Array.from({ length: accounts.length / PER_TRANSACTION }, (_, i) =>
    accounts.slice(i * PER_TRANSACTION, (i + 1) * PER_TRANSACTION),
  );
}

/** A key that deposits in batches on one spoke. */
class Sender {
  #nonce = 0;

  private constructor(
    private readonly chain: StackChain,
    private readonly key: ReturnType<typeof developmentUser>,
    private readonly batcher: Address,
    private readonly fee: bigint,
  ) {}

  static async prepare(chain: StackChain, index: number): Promise<Sender> {
    const key = developmentUser(index);
    const fee = await chain.client.readContract({ address: chain.messenger, abi: iMessengerAbi, functionName: 'entryFee' });
    const deployed = await chain.client.deployContract({
      account: key.account,
      abi: batchDepositorAbi,
      bytecode: bytecode.BatchDepositor.creation,
    });
    const { contractAddress } = await chain.client.waitForTransactionReceipt({ hash: deployed });
    if (!contractAddress) throw new Error(`no contract was made by ${deployed} on ${chain.name}; expected the depositor`);
    const token = assetNamed(chain, 'WETH').token;
    const amount = AMOUNT * BigInt(PER_TRANSACTION * TRANSACTIONS * 2);
    const minted = await chain.client.writeContract({
      account: key.account,
      address: token,
      abi: testTokenAbi,
      functionName: 'mint',
      args: [contractAddress, amount],
    });
    await chain.client.waitForTransactionReceipt({ hash: minted });
    const sender = new Sender(chain, key, contractAddress, fee);
    sender.#nonce = await chain.client.getTransactionCount({ address: key.account.address });
    return sender;
  }

  /** One transaction per group of accounts; returns when all are mined. @throws if one reverts */
  async send(groups: readonly (readonly AccountId[])[]): Promise<void> {
    const open: Hash[] = [];
    for (const group of groups) {
      open.push(await this.chain.client.sendRawTransaction({ serializedTransaction: await this.#sign(group) }));
      while (open.length >= AHEAD) await this.#mined(open.shift());
    }
    while (open.length > 0) await this.#mined(open.shift());
  }

  async #mined(hash: Hash | undefined): Promise<void> {
    if (hash === undefined) return;
    const receipt = await this.chain.client.waitForTransactionReceipt({ hash, timeout: 60_000 });
    if (receipt.status !== 'success') throw new Error(`the batch of deposits ${hash} reverted on ${this.chain.name}`);
  }

  #sign(accounts: readonly AccountId[]): Promise<Hex> {
    const asset = assetNamed(this.chain, 'WETH').index;
    return this.key.account.signTransaction({
      type: 'eip1559',
      chainId: this.chain.chainId,
      nonce: this.#nonce++,
      to: this.batcher,
      data: encodeFunctionData({
        abi: batchDepositorAbi,
        functionName: 'depositMany',
        args: [this.chain.vault, asset, AMOUNT, accounts],
      }),
      value: this.fee * BigInt(accounts.length),
      gas: GAS,
      maxFeePerGas: 100_000_000_000n,
      maxPriorityFeePerGas: 1_000_000_000n,
    });
  }
}
