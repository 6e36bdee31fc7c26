import type { CreditDestination } from '../journal.js';
import { eid, sequence, tokenAmount, type Eid, type Sequence, type TokenAmount } from '../units.js';

/** What the ledger's `Credited` event says in one word; twin of contracts/src/hub/Credit.sol. */
export interface CreditReceipt {
  readonly srcEid: Eid;
  readonly sequence: Sequence;
  readonly assetId: number;
  readonly destination: CreditDestination['kind'];
  readonly amount: TokenAmount;
}

const DESTINATIONS = ['collateral', 'idle', 'cash'] as const satisfies readonly CreditDestination['kind'][];
const field = (word: bigint, offset: bigint, bits: bigint): bigint => (word >> offset) & ((1n << bits) - 1n);

/**
 * Reads `srcEid 32 | sequence 64 | assetId 16 | destination 8 | amount 128`, right-aligned.
 * @throws RangeError if the destination or the eid is none
 */
export function decodeCreditReceipt(word: bigint): CreditReceipt {
  const index = Number(field(word, 128n, 8n));
  const destination = DESTINATIONS[index];
  if (destination === undefined) throw new RangeError(`credit destination is ${index}; expected 0 … ${DESTINATIONS.length - 1}`);
  return {
    srcEid: eid(Number(field(word, 216n, 32n))),
    sequence: sequence(field(word, 152n, 64n)),
    assetId: Number(field(word, 136n, 16n)),
    destination,
    amount: tokenAmount(field(word, 0n, 128n)),
  };
}
