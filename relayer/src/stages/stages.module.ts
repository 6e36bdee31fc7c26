import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { ChainConsumers } from '../chain/chain-consumer.js';
import { Loops } from '../chain/loops.js';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';
import { AttestationConsumer } from './attestation/attestation.consumer.js';
import { AttestationModule } from './attestation/attestation.module.js';
import { Changes } from './changes.js';
import { DepositConsumer } from './deposit/deposit.consumer.js';
import { DepositModule } from './deposit/deposit.module.js';
import { ExchangeModule } from './exchange/exchange.module.js';
import { LedgerConsumer } from './ledger/ledger.consumer.js';
import { LedgerModule } from './ledger/ledger.module.js';
import { MarginConsumer } from './margin/margin.consumer.js';
import { LiquidationConsumer } from './liquidation/liquidation.consumer.js';
import { LiquidationModule } from './liquidation/liquidation.module.js';
import { MarginModule } from './margin/margin.module.js';
import { PacketConsumer } from './packet/packet.consumer.js';
import { PacketModule } from './packet/packet.module.js';
import { ReleaseConsumer } from './release/release.consumer.js';
import { ReleaseModule } from './release/release.module.js';
import { StageCommonModule } from './stage-common.module.js';

const PRUNE_MS = 60_000;

/** The stages in the order of the flow. A block is shown to them in this order too, so each finds the rows of the one before. */
@Module({
  imports: [
    StageCommonModule,
    DepositModule,
    AttestationModule,
    PacketModule,
    LedgerModule,
    MarginModule,
    LiquidationModule,
    ReleaseModule,
    ExchangeModule,
  ],
})
export class StagesModule implements OnModuleInit {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly consumers: ChainConsumers,
    private readonly deposit: DepositConsumer,
    private readonly attestation: AttestationConsumer,
    private readonly packet: PacketConsumer,
    private readonly ledger: LedgerConsumer,
    private readonly margin: MarginConsumer,
    private readonly liquidation: LiquidationConsumer,
    private readonly release: ReleaseConsumer,
    private readonly loops: Loops,
    private readonly changes: Changes,
  ) {}

  onModuleInit(): void {
    if (!this.config.roles.includes('index')) return;
    this.loops.add({ name: 'changes.prune', everyMs: PRUNE_MS, run: () => this.changes.prune() });
    const { deposit, attestation, packet, ledger, margin, liquidation, release } = this;
    for (const consumer of [deposit, attestation, packet, ledger, margin, liquidation, release]) this.consumers.register(consumer);
  }
}
