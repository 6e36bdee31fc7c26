import type { DataSource } from 'typeorm';
import { numberToHex, type Address, type Hex } from 'viem';
import type { ChainContext } from '../../src/chain/chain-context.js';
import { Secret } from '../../src/config/secret.js';
import { SenderKeys } from '../../src/sender/keys.js';
import { SenderService } from '../../src/sender/sender.service.js';
import { HubCalls } from '../../src/stages/hub-calls.js';
import { Intents } from '../../src/stages/intents.js';
import { testLane } from './lane.js';

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
  const sender = new SenderService(database, { byChainId: () => context }, keys);
  const caller = { role: 'liquidate', key: 'liquidator', event: 'liquidation' } as const;
  const calls = new HubCalls(caller, database, { hub: context }, keys, sender, new Intents(sender, clock));
  const { lane, watcher } = testLane(context, database, keys, { key: 'liquidator', role: 'liquidate', clock });
  return {
    address: keys.account('liquidator').address,
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
