import type { Eid } from '@lockstep/shared';

// Price levels of throw-away networks, fixed and plausible; quotes and fees work as on a live network.
export const PRICE_DENOMINATOR = 10n ** 20n;
export const NATIVE_PRICE_USD = 3_000n * PRICE_DENOMINATOR;
export const GAS_PRICE = 1_000_000_000n;
export const GAS_PER_BYTE = 16;
export const NATIVE_DECIMALS_RATE = 10n ** 18n;
export const DVN_VERIFY_GAS = 100_000n;

/** LayerZero looks prices up under the id of its first version. */
export const priceEid = (eid: Eid): number => eid % 30_000;
