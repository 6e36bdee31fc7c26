import { Inject, Injectable, Logger } from '@nestjs/common';
import { collateralVaultAbi, iMessengerAbi, ledgerAbi } from '@lockstep/contracts';
import { wei, type Containment, type Eid, type TokenAsset } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex } from 'viem';
import { DataSource } from 'typeorm';
import type { ChainContext } from '../../chain/chain-context.js';
import { Chains } from '../../chain/chains.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { Intents } from '../intents.js';
import { messengerOf } from '../paths.js';

/** Reconciliations in a row that must disagree: one alone may be a provider that answered from another block than it was asked for. */
const NEEDED = 2;
/** `Frozen` of the vault's `AssetStatus` and of the ledger's `AssetStanding`. */
const FROZEN = 3;

/** Something to stop on chain. */
interface Measure {
  /** the same measure has the same key in each reconciliation */
  readonly key: string;
  readonly because: string;
  readonly take: () => Promise<void>;
}

/**
 * Quarantines a path on chain when the books of its chain do not add up, on the hub and on the other side, and freezes a token of which a
 * vault holds too little, on the vault and on the hub. Only where this process holds the guardian's key; the path is held back from signing
 * either way. Governance opens both again, and what it opened after the blocks of a reconciliation is not closed for what stood in them.
 */
@Injectable()
export class Guardian {
  readonly #logger = new Logger(Guardian.name);
  #inARow: ReadonlyMap<string, number> = new Map();

  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'keys'>,
    private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly intents: Intents,
  ) {}

  /**
   * @param containment what the newest reconciliation asks for
   * @param pinned blocks it was read at, by chain
   */
  async saw(containment: Containment, pinned: Pinned): Promise<void> {
    const measures = this.#measures(containment, pinned);
    this.#inARow = new Map(measures.map(({ key }) => [key, (this.#inARow.get(key) ?? 0) + 1]));
    for (const { key, because, take } of measures) {
      if ((this.#inARow.get(key) ?? 0) < NEEDED) continue;
      if (this.config.keys.guardian === undefined) this.#logger.error({ event: 'ledger.guardian.no-key', measure: key, because });
      else await take();
    }
  }

  #measures({ paths, assets }: Containment, pinned: Pinned): readonly Measure[] {
    return this.chains.all().flatMap((chain) => [
      ...[...paths]
        .filter(([eid]) => eid === chain.eid)
        .map(([eid, because]): Measure => ({ key: `path ${eid}`, because, take: () => this.#quarantineBoth(chain, because, pinned) })),
      ...assets
        .filter(({ token }) => token.eid === chain.eid)
        .map(({ token, because }): Measure => ({
          key: `asset ${token.asset} of ${token.eid}`,
          because,
          take: () => this.#freeze(chain, token, because, pinned),
        })),
    ]);
  }

  async #quarantineBoth(chain: ChainContext, because: string, pinned: Pinned): Promise<void> {
    const { hub } = this.chains;
    const ends = chain.isHub
      ? [{ on: hub, peer: hub.eid }]
      : [
          { on: hub, peer: chain.eid },
          { on: chain, peer: hub.eid },
        ];
    const seen = await Promise.all(ends.map(({ on, peer }) => isShut(pinOf(pinned, on), (at) => this.#isQuarantined(on, peer, at))));
    // Both ends are opened one after the other: the first of them must not fall shut again before the second one is.
    if (seen.includes('opened')) return;
    for (const [i, { on, peer }] of ends.entries()) {
      if (seen[i] === 'shut') continue;
      const data = encodeFunctionData({ abi: iMessengerAbi, functionName: 'quarantine', args: [peer] });
      await this.#want(on, 'quarantine', `quarantine:${on.eid}:${peer}`, messengerOf(on), data, { peerEid: peer, because });
    }
  }

  #isQuarantined(on: ChainContext, peer: Eid, at: BlockOf): Promise<boolean> {
    return on.client.readContract({ address: messengerOf(on), abi: iMessengerAbi, functionName: 'isQuarantined', args: [peer], ...at });
  }

  async #freeze(chain: ChainContext, { eid, asset }: TokenAsset, because: string, pinned: Pinned): Promise<void> {
    const { hub } = this.chains;
    const vault = { address: chain.contract('CollateralVault'), abi: collateralVaultAbi } as const;
    const onVault = await isShut(pinOf(pinned, chain), async (at) => {
      const { status } = await chain.client.readContract({ ...vault, functionName: 'assetOf', args: [asset], ...at });
      return status === FROZEN;
    });
    if (onVault === 'open') {
      const data = encodeFunctionData({ abi: vault.abi, functionName: 'restrictAsset', args: [asset, FROZEN] });
      await this.#want(chain, 'freeze', `freeze:vault:${eid}:${asset}`, vault.address, data, { asset, because });
    }
    const ledger = { address: hub.contract('Ledger'), abi: ledgerAbi } as const;
    const assetId = await hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [eid, asset] });
    if (assetId === 0) return; // never configured on the hub: everything of it is parked
    const onHub = await isShut(pinOf(pinned, hub), async (at) => {
      const { standing } = await hub.client.readContract({ ...ledger, functionName: 'configOf', args: [assetId], ...at });
      return standing === FROZEN;
    });
    if (onHub !== 'open') return;
    const data = encodeFunctionData({ abi: ledger.abi, functionName: 'freezeAsset', args: [assetId] });
    await this.#want(hub, 'freeze', `freeze:hub:${eid}:${asset}`, ledger.address, data, { srcEid: eid, asset, because });
  }

  async #want(
    on: ChainContext,
    what: 'quarantine' | 'freeze',
    key: string,
    to: Address,
    data: Hex,
    { because, ...subject }: { readonly because: string; readonly [field: string]: string | number },
  ): Promise<void> {
    const purpose = { what, eid: on.eid, ...subject, because: because.slice(0, 300) };
    const wanted = await this.dataSource.transaction((tx) =>
      this.intents.want(tx, key, { role: 'reconcile', chainId: on.chainId, key: 'guardian', to, data, value: wei(0n), purpose }),
    );
    if (wanted === 'sent') this.#logger.error({ event: `ledger.${what}`, chain: on.name, ...subject, because });
  }
}

type Pinned = ReadonlyMap<Eid, bigint>;
type BlockOf = { readonly blockNumber: bigint } | { readonly blockTag: 'latest' };

/** `opened`: it was shut at the pinned block and is not any more, so what was seen at that block is not what it was opened upon. */
async function isShut(pin: bigint, read: (at: BlockOf) => Promise<boolean>): Promise<'shut' | 'open' | 'opened'> {
  const [before, now] = await Promise.all([read({ blockNumber: pin }), read({ blockTag: 'latest' })]);
  if (now) return 'shut';
  return before ? 'opened' : 'open';
}

function pinOf(pinned: Pinned, { eid, name }: ChainContext): bigint {
  const pin = pinned.get(eid);
  if (pin === undefined) throw new Error(`the reconciliation names no block of ${name}`);
  return pin;
}
