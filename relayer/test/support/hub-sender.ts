import type { BlockNumber } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { numberToHex, type Address, type Hex } from 'viem';
import type { ChainContext } from '../../src/chain/chain-context.js';
import { Secret } from '../../src/config/secret.js';
import { SenderKeys } from '../../src/sender/keys.js';
import { Lane, type LaneParts } from '../../src/sender/lane.js';
import { RpcLaneChain } from '../../src/sender/lane-chain.js';
import { SenderService } from '../../src/sender/sender.service.js';
import { Watcher } from '../../src/sender/watcher.js';
import { HubCalls } from '../../src/stages/hub-calls.js';
import { Intents } from '../../src/stages/intents.js';

/** The liquidator's calls over the durable sender, whose lane moves when the test says so. */
export interface HubSender {
  readonly address: Address;
  readonly calls: HubCalls;
  /** Sends what is wanted until nothing waits, and sees what became of it. */
  settle(): Promise<void>;
  /** what every intent was for, and its state, oldest first */
  intents(): Promise<string[]>;
  /** this process's clock runs ahead by so much, milliseconds: what was mined must show its effect by then */
  pass(ms: number): void;
}

export function hubSender(database: DataSource, context: ChainContext, key: Hex): HubSender {
  const keys = new SenderKeys({
    keys: { submitter: new Secret(numberToHex(7, { size: 32 })), lockstepDvnSigners: [], liquidator: new Secret(key) },
  });
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const account = keys.account('liquidator');
  const sender = new SenderService(database, { byChainId: () => context }, keys);
  const caller = { role: 'liquidate', key: 'liquidator', event: 'liquidation' } as const;
  const calls = new HubCalls(caller, database, { hub: context }, keys, sender, new Intents(sender, clock));
  const parts: LaneParts = {
    id: { chainId: context.chainId, chain: context.name, address: account.address },
    keyName: 'liquidator',
    account,
    roles: ['liquidate'],
    dataSource: database,
    chain: new RpcLaneChain(context),
    limits: { maxFeePerGas: 500n * 10n ** 9n, maxPriorityFeePerGas: 5n * 10n ** 9n },
    clock,
    fault: () => undefined,
  };
  const lane = new Lane(parts);
  // CAST: nothing becomes final here.
  const watcher = new Watcher(parts, () => Promise.resolve(0n as BlockNumber));
  return {
    address: account.address,
    calls,
    pass: (ms) => (ahead += ms),
    settle: async () => {
      while ((await lane.step()) !== 'idle') await watcher.pass();
      await watcher.pass();
    },
    intents: async () =>
      (await database.query<{ line: string }[]>(`select purpose->>'what' || ' ' || state as line from tx_intents order by id`)).map(
        ({ line }) => line,
      ),
  };
}
