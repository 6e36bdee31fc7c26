import type { BlockNumber } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import type { ChainContext } from '../../src/chain/chain-context.js';
import type { Clock } from '../../src/chain/clock.js';
import type { SenderKey } from '../../src/sender/intent.js';
import type { SenderKeys } from '../../src/sender/keys.js';
import { Lane, type LaneParts } from '../../src/sender/lane.js';
import { RpcLaneChain } from '../../src/sender/lane-chain.js';
import { Watcher } from '../../src/sender/watcher.js';

/**
 * A lane and its watcher on a real chain, by the machine's clock unless given another, without faults.
 *
 * @param finalHeight height up to which blocks are final; by default nothing ever is
 */
export function testLane(
  context: ChainContext,
  dataSource: DataSource,
  keys: SenderKeys,
  given: { key: SenderKey; role: LaneParts['roles'][number]; finalHeight?: () => bigint; clock?: Clock },
): { readonly lane: Lane; readonly watcher: Watcher } {
  const { key, role, finalHeight = () => 0n, clock = { now: Date.now } } = given;
  const account = keys.account(key);
  const parts: LaneParts = {
    id: { chainId: context.chainId, chain: context.name, address: account.address },
    keyName: key,
    account,
    roles: [role],
    dataSource,
    chain: new RpcLaneChain(context),
    limits: { maxFeePerGas: 500n * 10n ** 9n, maxPriorityFeePerGas: 5n * 10n ** 9n },
    clock,
    fault: () => undefined,
  };
  // CAST: a height the test chose.
  return { lane: new Lane(parts), watcher: new Watcher(parts, () => Promise.resolve(finalHeight() as BlockNumber)) };
}
