import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iFeedsAbi } from '@lockstep/contracts';
import { risk, wei } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import { concatHex, encodeFunctionData, type Address } from 'viem';
import { privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { SenderService } from '../../sender/sender.service.js';
import { FeedSnapshots } from '../feed-snapshots.js';
import { editionOf, publishedUnderlyings } from './publisher.paths.js';

type Publisher = NonNullable<RelayerConfig['publisher']>;

/** Signs feeds on a local chain from its configured paths and submits them. One snapshot is under way at a time: a later one covers it. */
@Injectable()
export class PublisherService {
  readonly #logger = new Logger(PublisherService.name);
  #underlyings: readonly risk.PublishedUnderlying[] = [];
  #edition: string | null = null;
  #signers: readonly PrivateKeyAccount[] | null = null;
  /** dedupe key of the last snapshot; forgotten by a restart, which costs one snapshot beside another */
  #last: string | null = null;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'publisher'>,
    private readonly sender: SenderService,
    private readonly snapshots: FeedSnapshots,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Submits a snapshot of now, unless the last one is still under way. A second one, dated a little ahead, is kept for whoever withdraws on
   * the hub itself: he has to show prices of the very second in which he asks.
   * @throws RangeError if fewer signers are configured than the contract asks for
   */
  async publish(hub: ChainContext): Promise<void> {
    const { publisher } = this.config;
    if (publisher === undefined) return;
    const seconds = await this.#now(hub);
    // What was signed ahead on another path is a price that never was.
    if (this.#reads(publisher)) await this.snapshots.forget(publisher.feeds, seconds);
    if (publisher.aheadSeconds > 0) {
      const ahead = await this.#signed(hub, publisher, seconds + publisher.aheadSeconds);
      await this.snapshots.keep(this.dataSource.manager, publisher.feeds, ahead);
    }
    if (await this.#isUnderWay()) return;
    const snapshot = await this.#signed(hub, publisher, seconds);
    const { time, reports, signatures } = snapshot;
    const dedupeKey = `feeds:${hub.eid}:${publisher.feeds}:${seconds}`;
    await this.dataSource.transaction(async (tx) => {
      await this.snapshots.keep(tx, publisher.feeds, snapshot);
      await this.sender.enqueue(tx, {
        dedupeKey,
        role: 'publish',
        chainId: hub.chainId,
        key: 'submitter',
        to: publisher.feeds,
        data: encodeFunctionData({ abi: iFeedsAbi, functionName: 'submit', args: [time, reports, signatures] }),
        value: wei(0n),
        purpose: { what: 'feeds', time: seconds, reports: reports.length },
      });
    });
    this.#last = dedupeKey;
    this.#logger.log({ event: 'margin.feeds', chain: hub.name, time: seconds, reports: reports.length });
  }

  async #isUnderWay(): Promise<boolean> {
    const outcome = this.#last === null ? undefined : await this.sender.outcomeByKey(this.#last);
    return outcome?.state === 'queued' || outcome?.state === 'signed';
  }

  /** The later of this machine's clock and the chain's: a local chain may have been moved ahead. */
  async #now(hub: ChainContext): Promise<number> {
    const { timestamp } = await hub.client.getBlock();
    return Math.max(Math.floor(this.clock.now() / 1000), Number(timestamp));
  }

  async #signed(
    hub: ChainContext,
    publisher: Publisher,
    seconds: number,
  ): Promise<risk.SignedSnapshot & { readonly signers: readonly Address[]; readonly tx: null }> {
    const { feeds } = publisher;
    const reports = risk.snapshotAt(this.#underlyings, seconds);
    const settles = reports.some(({ feed }) => risk.feedName(feed).kind === 'settlement');
    const needed = await hub.client.readContract({
      address: feeds,
      abi: iFeedsAbi,
      functionName: settles ? 'settlementThreshold' : 'threshold',
    });
    const accounts = this.#signersOf(publisher.signers);
    if (accounts.length < needed)
      throw new RangeError(`${accounts.length} signers are configured; expected at least ${needed}, which the Feeds at ${feeds} ask for`);
    const signing = accounts.slice(0, needed);
    const signatures = await Promise.all(
      signing.map((account) =>
        account.signTypedData({
          domain: risk.feedsDomain(hub.chainId, feeds),
          types: risk.FEED_TYPES,
          primaryType: 'Snapshot',
          message: { time: seconds, reports },
        }),
      ),
    );
    return { time: seconds, reports, signatures: concatHex(signatures), signers: signing.map(({ address }) => address), tx: null };
  }

  /** Reads the paths at first, and again when a file of prices has changed: whoever writes it moves the market of this network. */
  #reads({ underlyings }: Publisher): boolean {
    const edition = editionOf(underlyings);
    if (edition === this.#edition) return false;
    this.#underlyings = publishedUnderlyings(underlyings);
    this.#edition = edition;
    return true;
  }

  /** In the order the contract wants: addresses ascending. */
  #signersOf(keys: Publisher['signers']): readonly PrivateKeyAccount[] {
    return (this.#signers ??= keys.map((key) => privateKeyToAccount(key.reveal())).sort((a, b) => compareAddresses(a.address, b.address)));
  }
}

const compareAddresses = (a: Address, b: Address): number => (BigInt(a) < BigInt(b) ? -1 : 1);
