import { Inject, Injectable } from '@nestjs/common';
import { fundAbi, ledgerAbi } from '@lockstep/contracts';
import { encodeFunctionData } from 'viem';
import { Chains } from '../../../chain/chains.js';
import { RELAYER_CONFIG } from '../../../config/config.module.js';
import type { RelayerConfig } from '../../../config/relayer-config.js';
import type { HubCalls } from '../../hub-calls.js';
import { KEEPER_CALLS } from './calls.js';
import { MarketReader } from './market.reader.js';

/** Interest below which charging an account is not worth a transaction: a cent, 18 decimals. */
const WORTHY = 10n ** 16n;
/** A charge touches two slots of an account, the sums and the rate; it measures below 100k. */
const GAS = 250_000n;

/** Brings interest to the fund: charges debtors whose cash did not move, then collects. */
@Injectable()
export class InterestKeeper {
  constructor(
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'keeper'>,
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    private readonly reader: MarketReader,
    @Inject(KEEPER_CALLS) private readonly calls: HubCalls,
  ) {}

  /**
   * Once in each window of `interestSeconds`; a window in which nothing is due costs nothing. Nobody is left out for ever: interest grows until it is
   * charged.
   */
  async collect(): Promise<void> {
    const { hub } = this.chains;
    const fund = hub.find('Fund');
    if (fund === null) return;
    const ledger = { address: hub.contract('Ledger'), abi: ledgerAbi } as const;
    const now = await this.reader.now();
    const window = now / BigInt(this.config.keeper.interestSeconds);
    const what = `collect-interest:${window}`;
    if (await this.calls.wasWanted(what)) return;
    const [debt, pool] = await hub.client.readContract({ ...ledger, functionName: 'interestOf' });
    const charges = debt === 0n ? [] : await this.#charges(now);
    if (charges.length === 0 && pool < WORTHY) return;
    const collect = {
      what,
      to: fund,
      data: encodeFunctionData({ abi: fundAbi, functionName: 'collectInterest' }),
      purpose: { what: 'collect-interest', window: window.toString(), debtors: charges.length },
    };
    const refusal = await this.calls.refusal(collect);
    if (refusal !== null) return;
    await this.calls.wantOnce(
      [
        ...charges.map((account) => ({
          what: `charge-interest:${account}:${window}`,
          to: ledger.address,
          data: encodeFunctionData({ abi: ledgerAbi, functionName: 'chargeInterest', args: [account] }),
          purpose: { what: 'charge-interest', account },
        })),
        collect,
      ],
      GAS,
    );
  }

  /** @param now seconds */
  async #charges(now: bigint) {
    const { hub } = this.chains;
    const ledger = { address: hub.contract('Ledger'), abi: ledgerAbi } as const;
    const debtors = await this.reader.debtors(now, this.config.keeper.interestDebtors);
    const due = await Promise.all(
      debtors.map(async (account) => {
        const [booked, cash] = await Promise.all([
          hub.client.readContract({ ...ledger, functionName: 'bookedCashOf', args: [account] }),
          hub.client.readContract({ ...ledger, functionName: 'cashOf', args: [account] }),
        ]);
        return booked - cash;
      }),
    );
    return debtors.filter((_, index) => (due[index] ?? 0n) >= WORTHY);
  }
}
