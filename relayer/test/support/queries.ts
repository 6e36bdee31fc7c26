import type { DataSource } from 'typeorm';
import { BrakeReader } from '../../src/api/brake.reader.js';
import { Calls } from '../../src/api/calls.js';
import { CarriageQueries } from '../../src/api/carriage.queries.js';
import { ChainNames } from '../../src/api/chain-names.js';
import { DepositQueries } from '../../src/api/deposits.queries.js';
import { OnChain } from '../../src/api/on-chain.js';
import { Presenter } from '../../src/api/presenter.js';
import { RequestQueries } from '../../src/api/requests.queries.js';
import { WithdrawalFacts } from '../../src/api/withdrawal-facts.js';
import { WithdrawalQueries } from '../../src/api/withdrawals.queries.js';
import { ChainTime } from '../../src/chain/chain-time.js';
import type { Chains } from '../../src/chain/chains.js';
import type { Clock } from '../../src/chain/clock.js';
import { FeedSnapshots } from '../../src/stages/feed-snapshots.js';
import { Paths } from '../../src/stages/paths.js';
import { RequestTrial } from '../../src/stages/request-trial.js';
import { testConfig } from './network.js';

/** A provider of a test answers in the end, however busy the machine is. */
const BUSY_MS = 60_000;

/** What the API answers with, over a database and a network of a test. */
export function testQueries(database: DataSource, url: string, chains: Chains, clock: Clock = { now: () => 1_700_000_500_000 }) {
  const config = testConfig(url);
  const names = new ChainNames(chains);
  const carriage = new CarriageQueries(database);
  const onChain = new OnChain(clock, BUSY_MS);
  const time = new ChainTime(database, clock);
  const trial = new RequestTrial(chains, new FeedSnapshots(database));
  const presenter = new Presenter(names, new Calls(database, chains, new Paths(chains), onChain, trial));
  const facts = new WithdrawalFacts(database, names, carriage);
  return {
    deposits: new DepositQueries(database, config, time, chains, names, carriage, onChain, presenter),
    requests: new RequestQueries(
      database,
      config,
      time,
      chains,
      names,
      carriage,
      onChain,
      presenter,
      trial,
      new BrakeReader(chains, onChain),
    ),
    withdrawals: new WithdrawalQueries(database, config, time, chains, names, facts, carriage, onChain, presenter),
  };
}
