import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Chains } from '../../chain/chains.js';
import { Loops } from '../../chain/loops.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { StageCommonModule } from '../stage-common.module.js';
import { DeliveryService } from './delivery.service.js';
import { Guardian } from './guardian.js';
import { JournalRepository } from './journal.repository.js';
import { JournalService } from './journal.service.js';
import { JournalRebuild } from './journal.rebuild.js';
import { LedgerConsumer } from './ledger.consumer.js';
import { PositionReader } from './position.reader.js';
import { ReceiptReader } from './receipt.reader.js';
import { ReconcileService } from './reconcile.service.js';
import { SnapshotReader } from './snapshot.reader.js';

/** Stage 4: what the hub made of it, mirrored in double entry. */
@Module({
  imports: [StageCommonModule],
  providers: [
    LedgerConsumer,
    DeliveryService,
    JournalRepository,
    JournalService,
    JournalRebuild,
    PositionReader,
    ReceiptReader,
    SnapshotReader,
    ReconcileService,
    Guardian,
  ],
  exports: [LedgerConsumer],
})
export class LedgerModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly chains: Chains,
    private readonly loops: Loops,
    private readonly delivery: DeliveryService,
    private readonly journal: JournalService,
    private readonly reconcile: ReconcileService,
  ) {}

  onModuleInit(): void {
    const { roles } = this.config;
    const { hub } = this.chains;
    if (roles.includes('index')) this.loops.add({ name: 'ledger.journal', everyMs: hub.config.pollMs, run: () => this.journal.mirror() });
    if (roles.includes('reconcile'))
      this.loops.add({ name: 'ledger.reconcile', everyMs: 1_000 * this.config.reconcileSeconds, run: () => this.reconcile.run() });
    if (!roles.includes('deliver')) return;
    for (const chain of this.chains.all())
      this.loops.add({ name: `ledger.deliver.${chain.name}`, everyMs: chain.config.pollMs, run: () => this.delivery.deliverDue(chain) });
    this.loops.add({ name: 'ledger.retry', everyMs: 5 * hub.config.pollMs, run: () => this.delivery.retryParked(hub) });
  }
}
