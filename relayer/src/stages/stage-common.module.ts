import { Module } from '@nestjs/common';
import { ChainModule } from '../chain/chain.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { SenderModule } from '../sender/sender.module.js';
import { Changes } from './changes.js';
import { FeedSnapshots } from './feed-snapshots.js';
import { Intents } from './intents.js';
import { PathProblems } from './path-problems.js';
import { Paths } from './paths.js';
import { RequestTrial } from './request-trial.js';

/** What every stage stands on: the paths, their problems, and the door to the sender. */
@Module({
  imports: [ChainModule, DatabaseModule, SenderModule],
  providers: [Paths, PathProblems, Intents, Changes, FeedSnapshots, RequestTrial],
  exports: [ChainModule, DatabaseModule, SenderModule, Paths, PathProblems, Intents, Changes, FeedSnapshots, RequestTrial],
})
export class StageCommonModule {}
