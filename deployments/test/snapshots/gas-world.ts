import { iCollateralVaultAbi, iMessengerAbi, testTokenAbi } from '@lockstep/contracts';
import { deliveryStream, encodeAccount, foldEntries, leafOf, sequence } from '@lockstep/shared';
import { encodeFunctionData, maxUint256, parseEventLogs, zeroAddress, type Address, type Hex, type TransactionReceipt } from 'viem';
import type { LiveAsset, LiveChain, LiveHub } from '../../src/live/live.js';
import type { PacketGas, PacketRoute } from './packet-route.js';
import type { SteadyChain } from './steady-chain.js';

/** One chain with its contracts. */
export interface GasChain<Live extends LiveChain = LiveChain> {
  readonly chain: SteadyChain;
  readonly live: Live;
}

/** A spoke and the hub: deposits made on one, carried to and credited on the other, each transaction's gas returned. */
export class GasWorld {
  #entries: Hex[] = [];
  #delivered = 0;
  #head: Hex;

  constructor(
    readonly spoke: GasChain,
    readonly hub: GasChain<LiveHub>,
    private readonly route: PacketRoute,
    private readonly anyone: Address,
    genesis: Hex,
    readonly stop: () => Promise<void>,
  ) {
    this.#head = genesis;
  }

  /** Mints `amount` for each owner and lets the vault take it. */
  async fund(owners: readonly Address[], { token }: LiveAsset, amount: bigint): Promise<void> {
    const vault = this.spoke.live.contracts.CollateralVault.address;
    const approve = encodeFunctionData({ abi: testTokenAbi, functionName: 'approve', args: [vault, maxUint256] });
    for (const owner of owners) {
      const mint = encodeFunctionData({ abi: testTokenAbi, functionName: 'mint', args: [owner, amount] });
      await this.spoke.chain.send([mint, approve].map((data) => ({ from: owner, to: token, data })));
    }
  }

  /** Each owner deposits for its own account. @returns gas per deposit */
  async deposit(owners: readonly Address[], { index, token }: LiveAsset, amount: bigint): Promise<bigint[]> {
    const to = this.spoke.live.contracts.CollateralVault.address;
    const receipts = await this.spoke.chain.send(
      owners.map((from) => {
        const params = {
          account: encodeAccount({ owner: from, home: 0, subaccount: 0n }),
          asset: index,
          amount,
          refund: from,
          express: false,
        };
        const data = encodeFunctionData({ abi: iCollateralVaultAbi, functionName: 'deposit', args: [params] });
        return { from, to, data, value: token === zeroAddress ? amount : 0n };
      }),
    );
    this.#entries.push(...receipts.map(entryIn));
    return receipts.map(({ gasUsed }) => gasUsed);
  }

  /** Sends everything deposited as one checkpoint and has it verified on the hub. */
  carry(): Promise<PacketGas> {
    return this.route.carry();
  }

  /** Proves the head `to` entries after the delivered ones from the verified one `from` entries after them. @returns gas of the split */
  async split(from: number, to: number): Promise<bigint> {
    const [last, first] = [this.#delivered + from, this.#delivered + to];
    const headAt = foldEntries(this.#head, this.#entries.slice(this.#delivered, first));
    const leaves = this.#entries.slice(first, last).map(leafOf);
    const args = [this.spoke.live.eid, sequence(BigInt(last)), sequence(BigInt(first)), headAt, leaves] as const;
    return this.#atHub(encodeFunctionData({ abi: iMessengerAbi, functionName: 'split', args }));
  }

  /** Delivers the next `count` entries. @returns gas of the delivery */
  async deliver(count: number): Promise<bigint> {
    const chunk = this.#entries.slice(this.#delivered, this.#delivered + count);
    const args = [this.spoke.live.eid, deliveryStream(chunk)] as const;
    const used = await this.#atHub(encodeFunctionData({ abi: iMessengerAbi, functionName: 'deliver', args }));
    this.#head = foldEntries(this.#head, chunk);
    this.#delivered += count;
    return used;
  }

  async #atHub(data: Hex): Promise<bigint> {
    const [receipt] = await this.hub.chain.send([{ from: this.anyone, to: this.hub.live.contracts.Messenger.address, data }]);
    if (!receipt) throw new Error('nothing was sent');
    return receipt.gasUsed;
  }
}

function entryIn({ logs, transactionHash }: TransactionReceipt): Hex {
  const [appended] = parseEventLogs({ abi: iMessengerAbi, eventName: 'EntryAppended', logs });
  if (!appended) throw new Error(`deposit ${transactionHash} appended no entry`);
  return appended.args.entry;
}
