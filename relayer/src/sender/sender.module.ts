import { Module } from '@nestjs/common';
import { ChainModule } from '../chain/chain.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { SenderKeys } from './keys.js';
import { Lanes } from './lanes.js';
import { SenderService } from './sender.service.js';

/** The one way to the chains: stages import it for {@link SenderService}. */
@Module({
  imports: [ChainModule, DatabaseModule],
  providers: [SenderKeys, SenderService, Lanes],
  exports: [SenderService, SenderKeys],
})
export class SenderModule {}
