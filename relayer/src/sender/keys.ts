import { Inject, Injectable } from '@nestjs/common';
import { privateKeyToAccount, type PrivateKeyAccount } from 'viem/accounts';
import { RELAYER_CONFIG } from '../config/config.module.js';
import type { RelayerConfig } from '../config/relayer-config.js';
import type { SenderKey } from './intent.js';

/** The sending keys this process holds. */
@Injectable()
export class SenderKeys {
  readonly #accounts: ReadonlyMap<SenderKey, PrivateKeyAccount>;

  constructor(@Inject(RELAYER_CONFIG) { keys }: Pick<RelayerConfig, 'keys'>) {
    const accounts = new Map<SenderKey, PrivateKeyAccount>([['submitter', privateKeyToAccount(keys.submitter.reveal())]]);
    if (keys.guardian) accounts.set('guardian', privateKeyToAccount(keys.guardian.reveal()));
    if (keys.keeper) accounts.set('keeper', privateKeyToAccount(keys.keeper.reveal()));
    if (keys.liquidator) accounts.set('liquidator', privateKeyToAccount(keys.liquidator.reveal()));
    if (keys.layerzeroDvn) accounts.set('layerzeroDvnAdmin', privateKeyToAccount(keys.layerzeroDvn.admin.reveal()));
    this.#accounts = accounts;
  }

  /** Keys by name. Two names may hold one key: their lanes are then one. */
  all(): ReadonlyMap<SenderKey, PrivateKeyAccount> {
    return this.#accounts;
  }

  /** @throws RangeError if this process does not hold the key */
  account(key: SenderKey): PrivateKeyAccount {
    const account = this.#accounts.get(key);
    if (!account) throw new RangeError(`key ${key} is not configured; configured are ${[...this.#accounts.keys()].join(', ')}`);
    return account;
  }
}
