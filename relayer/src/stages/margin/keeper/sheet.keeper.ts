import { Inject, Injectable } from '@nestjs/common';
import { feedsAbi, sheetsAbi } from '@lockstep/contracts';
import { encodeFunctionData, zeroAddress } from 'viem';
import { Chains } from '../../../chain/chains.js';
import { RELAYER_CONFIG } from '../../../config/config.module.js';
import type { RelayerConfig } from '../../../config/relayer-config.js';
import type { HubCalls } from '../../hub-calls.js';
import { KEEPER_CALLS } from './calls.js';
import { MarketReader } from './market.reader.js';

/** Places of a chunk. */
const CHUNK = 128n;
const CHUNKS = [0, 1] as const;

/** Publishes risk sheets. Nothing waits for them: they make valuing options cheaper for everybody until the next epoch. */
@Injectable()
export class SheetKeeper {
  /** time of the block in which a chunk was wanted last, seconds; forgotten by a restart, which costs one sheet */
  readonly #wantedAt = new Map<string, bigint>();

  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'keeper'>,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    private readonly reader: MarketReader,
    @Inject(KEEPER_CALLS) private readonly calls: HubCalls,
  ) {}

  /** Publishes the chunks whose epoch has no sheet yet, each at most once in `sheetSeconds`. */
  async publish(): Promise<void> {
    const { hub } = this.chains;
    const sheets = { address: hub.contract('Sheets'), abi: sheetsAbi } as const;
    const { listings, sheetSeconds } = this.config.keeper;
    const now = await this.reader.now();
    for (const { underlying } of listings) {
      const places = await this.reader.places(underlying);
      for (const chunk of CHUNKS) {
        const key = `${underlying}:${chunk}`;
        if (BigInt.asUintN(Number(CHUNK), places >> (BigInt(chunk) * CHUNK)) === 0n) continue;
        if (now - (this.#wantedAt.get(key) ?? 0n) < BigInt(sheetSeconds)) continue;
        const [sheet, epoch] = await Promise.all([
          hub.client.readContract({ ...sheets, functionName: 'sheetOf', args: [underlying, chunk] }),
          hub.client.readContract({ address: hub.contract('Feeds'), abi: feedsAbi, functionName: 'epochOf', args: [underlying] }),
        ]);
        if (sheet !== zeroAddress) continue;
        const wanted = await this.calls.want(`sheet:${key}:${epoch}`, {
          to: sheets.address,
          data: encodeFunctionData({ abi: sheetsAbi, functionName: 'publish', args: [underlying, chunk] }),
          purpose: { what: 'sheet', underlying, chunk, epoch },
        });
        if (wanted === 'sent') this.#wantedAt.set(key, now);
      }
    }
  }
}
