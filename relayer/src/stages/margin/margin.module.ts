import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../../chain/chains.js';
import { Loops } from '../../chain/loops.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { StageCommonModule } from '../stage-common.module.js';
import { hubCallsOf } from '../hub-calls.js';
import { KEEPER_CALLS } from './keeper/calls.js';
import { InterestKeeper } from './keeper/interest.keeper.js';
import { ListingKeeper } from './keeper/listing.keeper.js';
import { MarketReader } from './keeper/market.reader.js';
import { SheetKeeper } from './keeper/sheet.keeper.js';
import { MarginConsumer } from './margin.consumer.js';
import { PublisherService } from './publisher.service.js';
import { SnapshotWatch } from './snapshot.watch.js';

const KEEPS = hubCallsOf(KEEPER_CALLS, { role: 'keep', key: 'keeper', event: 'margin.keep' });

const SNAPSHOTS_MS = 2_000;

/** Stage 5: what accounts may use of what they own. Feeds are published and markets kept here where the configuration asks for it. */
@Module({
  imports: [StageCommonModule],
  providers: [MarginConsumer, PublisherService, SnapshotWatch, KEEPS, MarketReader, ListingKeeper, SheetKeeper, InterestKeeper],
  exports: [MarginConsumer],
})
export class MarginModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly loops: Loops,
    private readonly publisher: PublisherService,
    private readonly snapshots: SnapshotWatch,
    private readonly listings: ListingKeeper,
    private readonly sheets: SheetKeeper,
    private readonly interest: InterestKeeper,
  ) {}

  onModuleInit(): void {
    const { roles, publisher } = this.config;
    const hub = this.chains.hub;
    if (publisher !== undefined && roles.includes('publish'))
      this.loops.add({
        name: `margin.publish.${hub.name}`,
        everyMs: 1_000 * publisher.everySeconds,
        run: () => this.publisher.publish(hub),
      });
    // What is published here is kept as it is signed.
    if (publisher === undefined && roles.includes('index') && hub.find('Feeds') !== null)
      this.loops.add({ name: `margin.snapshots.${hub.name}`, everyMs: SNAPSHOTS_MS, run: () => this.snapshots.look() });
    if (roles.includes('keep')) this.#keep();
  }

  /** One loop for each thing to do, so that what fails keeps nothing else from its turn. */
  #keep(): void {
    const { keys, keeper } = this.config;
    if (keys.keeper === undefined || this.chains.hub.find('Markets') === null) return;
    const everyMs = 1_000 * keeper.everySeconds;
    this.loops.add({ name: 'margin.list', everyMs, run: () => this.listings.list() });
    this.loops.add({ name: 'margin.settle', everyMs, run: () => this.listings.settle() });
    if (keeper.fundingSeconds > 0) this.loops.add({ name: 'margin.fund', everyMs, run: () => this.listings.fund() });
    if (keeper.sheetSeconds > 0) this.loops.add({ name: 'margin.sheets', everyMs, run: () => this.sheets.publish() });
    if (keeper.interestSeconds > 0) this.loops.add({ name: 'margin.interest', everyMs, run: () => this.interest.collect() });
  }
}
