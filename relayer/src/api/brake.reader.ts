import { Injectable } from '@nestjs/common';
import { iFundAbi, iLevyAbi } from '@lockstep/contracts';
import { unixSeconds, type Undecidable, type UnixSeconds } from '@lockstep/shared';
import type { Address } from 'viem';
import { Chains } from '../chain/chains.js';
import { OnChain } from './on-chain.js';

/** Levies looked at, newest first: one window per underlying is open at a time. */
const LOOKED_AT = 16;

type Brake = Pick<Extract<Undecidable, { kind: 'braked' }>, 'figures' | 'until'>;

/** Why cash may not leave the hub, and when that may end. */
@Injectable()
export class BrakeReader {
  constructor(
    private readonly chains: Chains,
    private readonly onChain: OnChain,
  ) {}

  async now(): Promise<Brake> {
    return (await this.onChain.ask('brake', () => this.#read())) ?? { figures: null, until: null };
  }

  async #read(): Promise<Brake> {
    const { hub } = this.chains;
    const [levy, fund] = [hub.find('Levy'), hub.find('Fund')];
    if (levy === null || fund === null) return { figures: null, until: null };
    const [missing, assets, until] = await Promise.all([
      hub.client.readContract({ address: levy, abi: iLevyAbi, functionName: 'insolvency' }),
      hub.client.readContract({ address: fund, abi: iFundAbi, functionName: 'assets' }),
      this.#lastWindow(levy),
    ]);
    return { figures: { missing, fund: assets }, until };
  }

  /** When the last of the open windows ends. */
  async #lastWindow(levy: Address): Promise<UnixSeconds | null> {
    const { client } = this.chains.hub;
    const count = Number(await client.readContract({ address: levy, abi: iLevyAbi, functionName: 'levyCount' }));
    const ids = Array.from({ length: Math.min(count, LOOKED_AT) }, (_, i) => BigInt(count - i));
    const levies = await Promise.all(
      ids.map((id) => client.readContract({ address: levy, abi: iLevyAbi, functionName: 'levyOf', args: [id] })),
    );
    const open = levies.filter(({ closed }) => !closed).map(({ until }) => until);
    return open.length === 0 ? null : unixSeconds(BigInt(Math.max(...open)));
  }
}
