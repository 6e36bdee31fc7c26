import { Inject, Injectable, Logger } from '@nestjs/common';
import { iMessengerAbi } from '@lockstep/contracts';
import { wei, type Eid } from '@lockstep/shared';
import { encodeFunctionData } from 'viem';
import { DataSource } from 'typeorm';
import type { ChainContext } from '../../chain/chain-context.js';
import { Chains } from '../../chain/chains.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { Intents } from '../intents.js';
import { messengerOf } from '../paths.js';

/** Reconciliations in a row that must disagree: one alone may be a provider that answered from another block than it was asked for. */
const NEEDED = 2;

/**
 * Quarantines a path on chain when the books of its chain do not add up, on the hub and on the other side. Only where this process holds
 * the guardian's key; the path is held back from signing either way. A governed rebase opens it again.
 */
@Injectable()
export class Guardian {
  readonly #logger = new Logger(Guardian.name);
  readonly #inARow = new Map<Eid, number>();

  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'keys'>,
    private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly intents: Intents,
  ) {}

  /** @param held chains whose books do not add up in the newest reconciliation, with the reason */
  async saw(held: ReadonlyMap<Eid, string>): Promise<void> {
    for (const chain of this.chains.all()) {
      const because = held.get(chain.eid);
      const inARow = because === undefined ? 0 : (this.#inARow.get(chain.eid) ?? 0) + 1;
      this.#inARow.set(chain.eid, inARow);
      if (because === undefined || inARow < NEEDED) continue;
      if (this.config.keys.guardian === undefined) {
        this.#logger.error({ event: 'ledger.quarantine.no-key', chain: chain.name, because });
        continue;
      }
      await this.#quarantine(this.chains.hub, chain.eid, because);
      if (!chain.isHub) await this.#quarantine(chain, this.chains.hub.eid, because);
    }
  }

  async #quarantine(on: ChainContext, peer: Eid, because: string): Promise<void> {
    const messenger = { address: messengerOf(on), abi: iMessengerAbi } as const;
    if (await on.client.readContract({ ...messenger, functionName: 'isQuarantined', args: [peer] })) return;
    const wanted = await this.dataSource.transaction((tx) =>
      this.intents.want(tx, `quarantine:${on.eid}:${peer}`, {
        role: 'reconcile',
        chainId: on.chainId,
        key: 'guardian',
        to: messenger.address,
        data: encodeFunctionData({ abi: iMessengerAbi, functionName: 'quarantine', args: [peer] }),
        value: wei(0n),
        purpose: { what: 'quarantine', eid: on.eid, peerEid: peer, because: because.slice(0, 300) },
      }),
    );
    if (wanted === 'sent') this.#logger.error({ event: 'ledger.quarantine', chain: on.name, peerEid: peer, because });
  }
}
