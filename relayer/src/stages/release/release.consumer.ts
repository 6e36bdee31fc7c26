import { Inject, Injectable } from '@nestjs/common';
import { iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { isAddressEqual } from 'viem';
import type { EntityManager } from 'typeorm';
import type { BlockRef, Log, LogFilter } from '../../chain/block.js';
import type { ChainConsumer } from '../../chain/chain-consumer.js';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { finalizeFacts, insertFacts, orphanFacts, topicsOf, type FactRow, type FactTable } from '../facts.js';
import { CLAIM_EVENTS, RECEIPT_EVENTS, REQUEST_EVENTS, WITHDRAWALS_EVENTS, claimRow } from './claim-rows.js';
import { PAYOUT_EVENTS, VAULT_EVENTS, payoutRow } from './payout-rows.js';

const TABLES = [CLAIM_EVENTS, REQUEST_EVENTS, RECEIPT_EVENTS, PAYOUT_EVENTS];

/** Records claims, requests and receipts of the hub, and payouts of every vault. */
@Injectable()
export class ReleaseConsumer implements ChainConsumer {
  readonly name = 'release';

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  filters(chain: ChainContext): LogFilter {
    const vault = { addresses: [chain.contract('CollateralVault')], topics: topicsOf(iPayoutsAbi, VAULT_EVENTS) };
    if (chain.withdrawals === null) return vault;
    return {
      addresses: [...vault.addresses, chain.withdrawals],
      topics: [...vault.topics, ...topicsOf(iWithdrawalsAbi, WITHDRAWALS_EVENTS)],
    };
  }

  async onBlock(tx: EntityManager, chain: ChainContext, block: BlockRef, logs: readonly Log[]): Promise<void> {
    if (logs.length === 0) return;
    const rows = new Map<FactTable, FactRow[]>(TABLES.map((table) => [table, []]));
    for (const log of logs) {
      const [table, row] = isAddressEqual(log.address, chain.contract('CollateralVault'))
        ? ([PAYOUT_EVENTS, payoutRow(chain, block, log)] as const)
        : claimRow(chain, block, log);
      rows.get(table)?.push(row);
    }
    for (const [table, found] of rows) await insertFacts(tx, table, found);
  }

  async onReorg(tx: EntityManager, chain: ChainContext, firstRemoved: BlockRef): Promise<void> {
    for (const table of TABLES) await orphanFacts(tx, table, chain.eid, firstRemoved);
  }

  async onFinal(tx: EntityManager, chain: ChainContext, upTo: BlockRef): Promise<void> {
    const at = BigInt(Math.floor(this.clock.now() / 1000));
    for (const table of TABLES) await finalizeFacts(tx, table, chain, upTo, at);
  }
}
