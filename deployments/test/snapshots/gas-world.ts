import { iCollateralVaultAbi, iMessengerAbi, iPayoutsAbi, iWithdrawalsAbi, testTokenAbi } from '@lockstep/contracts';
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

/** A spoke and the hub: deposits made on one, carried to and credited on the other, withdrawn and paid there; each transaction's gas returned. */
export class GasWorld {
  #entries: Hex[] = [];
  #delivered = 0;
  #head: Hex;

  constructor(
    readonly spoke: GasChain,
    readonly hub: GasChain<LiveHub>,
    private readonly route: PacketRoute,
    private readonly routeBack: PacketRoute,
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

  /** Each owner withdraws collateral to its receiver on the spoke; the orders are appended at once. @returns gas per request and the entries */
  async withdraw(
    owners: readonly Address[],
    receivers: readonly Address[],
    { index }: LiveAsset,
    amount: bigint,
  ): Promise<{ readonly gas: bigint[]; readonly orders: Hex[] }> {
    const to = this.hub.live.contracts.Withdrawals.address;
    const eid = this.spoke.live.eid;
    const receipts = await this.hub.chain.send(
      owners.map((from, i) => {
        const receiver = receivers[i];
        if (!receiver) throw new Error(`owner ${i} has no receiver`);
        const legs = [{ eid, asset: index, fromCash: false, amount, receiver }];
        const args = [encodeAccount({ owner: from, home: 0, subaccount: 0n }), legs, '0x'] as const;
        return { from, to, data: encodeFunctionData({ abi: iWithdrawalsAbi, functionName: 'request', args }) };
      }),
    );
    return { gas: receipts.map(({ gasUsed }) => gasUsed), orders: receipts.map(entryIn) };
  }

  /** Sends every order as one checkpoint and has it verified on the spoke. */
  carryBack(): Promise<PacketGas> {
    return this.routeBack.carry();
  }

  /** Delivers orders on the spoke, which pays them. @returns gas of the delivery, and how many were paid */
  async pay(orders: readonly Hex[]): Promise<{ readonly gas: bigint; readonly paid: number }> {
    const args = [this.hub.live.eid, deliveryStream(orders)] as const;
    const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'deliver', args });
    const [receipt] = await this.spoke.chain.send([{ from: this.anyone, to: this.spoke.live.contracts.Messenger.address, data }]);
    if (!receipt) throw new Error('nothing was sent');
    return { gas: receipt.gasUsed, paid: parseEventLogs({ abi: iPayoutsAbi, eventName: 'Paid', logs: receipt.logs }).length };
  }

  async #atHub(data: Hex): Promise<bigint> {
    const [receipt] = await this.hub.chain.send([{ from: this.anyone, to: this.hub.live.contracts.Messenger.address, data }]);
    if (!receipt) throw new Error('nothing was sent');
    return receipt.gasUsed;
  }
}

function entryIn({ logs, transactionHash }: TransactionReceipt): Hex {
  const [appended] = parseEventLogs({ abi: iMessengerAbi, eventName: 'EntryAppended', logs });
  if (!appended) throw new Error(`transaction ${transactionHash} appended no entry`);
  return appended.args.entry;
}
