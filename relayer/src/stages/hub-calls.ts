import { Logger, type FactoryProvider, type InjectionToken } from '@nestjs/common';
import { gas, wei } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import type { Address, Hex } from 'viem';
import { Chains } from '../chain/chains.js';
import { describeReason, type NewIntent, type RevertReason, type SenderKey } from '../sender/intent.js';
import type { SendingRole } from '../config/relayer-config.js';
import { SenderKeys } from '../sender/keys.js';
import { refusalOf } from '../sender/revert-reason.js';
import { SenderService } from '../sender/sender.service.js';
import { Intents, type OpenIntent, type Wanted } from './intents.js';

/** A call of the hub. */
export interface HubCall {
  readonly to: Address;
  readonly data: Hex;
  readonly purpose: NewIntent['purpose'];
}

/** What became of the last call that was sent for a need. `mined`: it succeeded, in that block. */
export type Became = { readonly state: 'open' } | { readonly state: 'failed' } | { readonly state: 'mined'; readonly block: bigint };

/** Whose calls they are. */
interface Caller {
  readonly role: SendingRole;
  readonly key: SenderKey;
  /** name of their lines in the log */
  readonly event: string;
}

/** Calls of the hub with one key: tried first, then wanted from the durable sender. */
export class HubCalls {
  readonly #logger = new Logger(HubCalls.name);

  constructor(
    private readonly caller: Caller,
    private readonly dataSource: DataSource,
    private readonly chains: Pick<Chains, 'hub'>,
    private readonly keys: SenderKeys,
    private readonly sender: SenderService,
    private readonly intents: Intents,
  ) {}

  /** Who calls. */
  get address(): Address {
    return this.keys.account(this.caller.key).address;
  }

  /** Why the hub would refuse a call now; null if it would not. No answer is no refusal: it throws. */
  refusal({ to, data }: Pick<HubCall, 'to' | 'data'>): Promise<RevertReason | null> {
    return refusalOf(this.chains.hub.client, { account: this.address, to, data });
  }

  /**
   * Wants a call whose need the chain shows, if the hub would take it. Asked again while the need is there.
   * @param what key derived from the facts that make it necessary
   */
  async want(what: string, call: HubCall): Promise<Wanted | 'refused'> {
    const refusal = await this.refusal(call);
    if (refusal !== null) {
      this.#logger.warn({ event: `${this.caller.event}.refused`, ...call.purpose, because: describeReason(refusal) });
      return 'refused';
    }
    const wanted = await this.dataSource.transaction((tx) => this.intents.want(tx, what, this.#intent(call)));
    if (wanted === 'sent') this.#logger.log({ event: this.caller.event, ...call.purpose });
    return wanted;
  }

  /** What became of the newest attempt for `what`; null: there is none. */
  async became(what: string): Promise<Became | null> {
    const outcome = await this.intents.newest(this.dataSource.manager, what);
    if (outcome === undefined) return null;
    switch (outcome.state) {
      case 'queued':
      case 'signed':
        return { state: 'open' };
      case 'mined':
      case 'final':
        return { state: 'mined', block: outcome.inclusion.block };
      case 'reverted':
      case 'final-reverted':
      case 'rejected':
        return { state: 'failed' };
    }
  }

  /** Calls of this caller, by any process, that are queued or sent and have no result yet. */
  open(): Promise<readonly OpenIntent[]> {
    const { role, key } = this.caller;
    return this.intents.open(this.dataSource.manager, { role, key, chainId: this.chains.hub.chainId });
  }

  /** Whether {@link wantOnce} took a call with this key, whatever became of it. */
  async wasWanted(what: string): Promise<boolean> {
    return (await this.sender.outcomeByKey(what)) !== undefined;
  }

  /**
   * Wants calls that belong together, in this order, once and never again.
   * @param gasLimit of each: a call may build on the one before it, so none can be estimated
   */
  async wantOnce(calls: readonly (HubCall & { readonly what: string })[], gasLimit: bigint): Promise<void> {
    await this.dataSource.transaction(async (tx) => {
      for (const { what, ...call } of calls) {
        const { created } = await this.sender.enqueue(tx, { ...this.#intent(call), dedupeKey: what, gasLimit: gas(gasLimit) });
        if (created) this.#logger.log({ event: this.caller.event, ...call.purpose });
      }
    });
  }

  #intent({ to, data, purpose }: HubCall): Omit<NewIntent, 'dedupeKey'> {
    return { role: this.caller.role, chainId: this.chains.hub.chainId, key: this.caller.key, to, data, value: wei(0n), purpose };
  }
}

/** The calls of one caller, as a provider. */
export const hubCallsOf = (token: InjectionToken, caller: Caller): FactoryProvider<HubCalls> => ({
  provide: token,
  inject: [DataSource, Chains, SenderKeys, SenderService, Intents],
  useFactory: (dataSource: DataSource, chains: Chains, keys: SenderKeys, sender: SenderService, intents: Intents) =>
    new HubCalls(caller, dataSource, chains, keys, sender, intents),
});
