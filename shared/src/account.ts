import { concatHex, getAddress, numberToHex, sliceHex, type Address } from 'viem';
import { accountId, type AccountId, type Eid } from './units.js';

/** Parts of a hub account. `home` 0: the owner is a key; else the eid of the chain on which the owning contract lives. */
export interface Account {
  readonly owner: Address;
  readonly home: Eid | 0;
  readonly subaccount: bigint;
}

/** owner (20) ‖ home (4) ‖ subaccount (8). @throws if a part does not fit its width */
export function encodeAccount({ owner, home, subaccount }: Account): AccountId {
  return accountId(concatHex([owner, numberToHex(home, { size: 4 }), numberToHex(subaccount, { size: 8 })]));
}

export function decodeAccount(id: AccountId): Account {
  return {
    owner: getAddress(sliceHex(id, 0, 20)),
    // CAST: every 4 bytes are a valid home; the hub decides whether it knows that chain.
    home: Number(sliceHex(id, 20, 24)) as Eid | 0,
    subaccount: BigInt(sliceHex(id, 24, 32)),
  };
}
