import type { MigrationInterface } from 'typeorm';
import { ChainTables1795230000000 } from './1795230000000-chain.js';
import { SenderTables1795230000001 } from './1795230000001-sender.js';
import { StageTables1795230000100 } from './1795230000100-stages.js';
import { LedgerTables1795230000101 } from './1795230000101-ledger.js';
import { ReleaseTables1795230000200 } from './1795230000200-release.js';
import { ChangesTable1795230000201 } from './1795230000201-changes.js';
import { ExchangeTables1795230000300 } from './1795230000300-exchange.js';
import { AlarmChanges1795230000301 } from './1795230000301-alarms.js';
import { PositionEvents1795230000400 } from './1795230000400-positions.js';
import { FeedSnapshots1795230000500 } from './1795230000500-feeds.js';
import { LiquidationEvents1795230000600 } from './1795230000600-liquidations.js';
import { MatchFailures1795230000700 } from './1795230000700-match-failures.js';
import { LiquidationFigures1795230000800 } from './1795230000800-liquidation-figures.js';

/** Every migration, in order. A file is `<milliseconds>-<name>.ts`, its class ends in the same number; add it here, never change one. */
export const migrations: readonly (new () => MigrationInterface)[] = [
  ChainTables1795230000000,
  SenderTables1795230000001,
  StageTables1795230000100,
  LedgerTables1795230000101,
  ReleaseTables1795230000200,
  ChangesTable1795230000201,
  ExchangeTables1795230000300,
  AlarmChanges1795230000301,
  PositionEvents1795230000400,
  FeedSnapshots1795230000500,
  LiquidationEvents1795230000600,
  MatchFailures1795230000700,
  LiquidationFigures1795230000800,
];
