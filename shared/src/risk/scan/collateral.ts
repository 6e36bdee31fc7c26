import type { ScanBook } from './book.js';

/** Value and haircuts of one account's collateral. */
export interface Haircuts {
  value: number;
  initial: number;
  maintenance: number;
}

/**
 * Float mirror of `haircutsOf`: tiers over all of an asset, then what the chains add to the rest.
 * @param into overwritten
 * @param follow told the value of each holding that follows an underlying
 */
export function accountHaircuts(
  book: ScanBook,
  account: number,
  into: Haircuts,
  follow: (underlying: number, value: number) => void,
): void {
  into.value = 0;
  into.initial = 0;
  into.maintenance = 0;
  const first = book.collateralStart[account] ?? 0;
  const end = book.collateralStart[account + 1] ?? first;
  for (let one = first; one < end; one++) {
    const kind = book.kinds[book.collateralKind[one] ?? 0];
    if (kind === undefined) continue;
    const value = (book.collateralAmount[one] ?? 0) * kind.price;
    into.value += value;
    if (kind.underlying >= 0) follow(kind.underlying, value);
    // The first holding of an asset stands for all of them.
    let asset = 0;
    let seen = false;
    for (let other = first; other < end; other++) {
      const otherKind = book.kinds[book.collateralKind[other] ?? 0];
      if (otherKind?.asset !== kind.asset) continue;
      if (other < one) seen = true;
      asset += (book.collateralAmount[other] ?? 0) * otherKind.price;
    }
    if (asset === 0) continue;
    let initial = 0;
    let maintenance = 0;
    kind.tiers.forEach((tier, index) => {
      const part = Math.max(0, Math.min(asset, kind.tiers[index + 1]?.from ?? Infinity) - tier.from);
      initial += part * tier.initial;
      maintenance += part * tier.maintenance;
    });
    if (!seen) {
      into.initial += initial;
      into.maintenance += maintenance;
    }
    into.initial += (value - (value * initial) / asset) * kind.chainInitial;
    into.maintenance += (value - (value * maintenance) / asset) * kind.chainMaintenance;
  }
}
