import { Inject, Injectable, Logger } from '@nestjs/common';
import { iFeedsAbi } from '@lockstep/contracts';
import { risk } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import { BaseError, ContractFunctionRevertedError, hashTypedData, recoverAddress, type Address, type Hex } from 'viem';
import { Chains } from '../../chain/chains.js';
import { FeedSnapshots } from '../feed-snapshots.js';
import { broughtPrices } from './brought-prices.js';

/** Blocks looked back at after a start; older snapshots are of no use. */
const LOOK_BACK = 300n;
/** Transactions read in one beat, newest first: an older snapshot that a newer one follows is missed by nobody. */
const MOST_READ = 20;

/**
 * Finds the signed snapshots that others bring to the hub: from the transactions whose events say that feeds took values. Each is shown to the
 * contract again before it is kept, so what is kept is what the contract takes.
 */
@Injectable()
export class SnapshotWatch {
  readonly #logger = new Logger(SnapshotWatch.name);
  #lookedUpTo: bigint | null = null;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    private readonly snapshots: FeedSnapshots,
  ) {}

  /** Looks at the blocks since the last look. */
  async look(): Promise<void> {
    const { hub } = this.chains;
    const feeds = hub.find('Feeds');
    if (feeds === null) return;
    const newest = await hub.client.getBlockNumber({ cacheTime: 0 });
    // A reorg may have shortened the chain; what its blocks brought is known then.
    const since = this.#lookedUpTo === null || this.#lookedUpTo > newest ? newest - LOOK_BACK : this.#lookedUpTo + 1n;
    const fromBlock = since < newest - LOOK_BACK ? newest - LOOK_BACK : since;
    if (fromBlock > newest) return;
    const logs = await hub.client.getContractEvents({
      address: feeds,
      abi: iFeedsAbi,
      eventName: 'Reported',
      fromBlock: fromBlock < 0n ? 0n : fromBlock,
      toBlock: newest,
    });
    const transactions = [...new Set(logs.map(({ transactionHash }) => transactionHash).reverse())].slice(0, MOST_READ);
    for (const tx of transactions) await this.#keep(feeds, tx);
    this.#lookedUpTo = newest;
  }

  async #keep(feeds: Address, tx: Hex): Promise<void> {
    const { hub } = this.chains;
    const { input } = await hub.client.getTransaction({ hash: tx });
    const snapshot = broughtPrices(input);
    if (snapshot === null || !(await this.#isTaken(feeds, snapshot))) {
      this.#logger.debug({ event: 'margin.snapshot.unread', chain: hub.name, tx });
      return;
    }
    const { time, reports, signatures } = snapshot;
    const hash = hashTypedData({
      domain: risk.feedsDomain(hub.chainId, feeds),
      types: risk.FEED_TYPES,
      primaryType: 'Snapshot',
      message: { time, reports },
    });
    const signers = await Promise.all(risk.splitSignatures(signatures).map((signature) => recoverAddress({ hash, signature })));
    await this.snapshots.keep(this.dataSource.manager, feeds, { ...snapshot, signers, tx });
  }

  /** Whether the feeds accept it: signers, threshold and form. Only a revert is a no. */
  async #isTaken(feeds: Address, { time, reports, signatures }: risk.SignedSnapshot): Promise<boolean> {
    const call = { address: feeds, abi: iFeedsAbi, functionName: 'submit', args: [time, reports, signatures] } as const;
    try {
      await this.chains.hub.client.simulateContract(call);
      return true;
    } catch (error) {
      if (error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError) !== null) return false;
      throw error;
    }
  }
}
