/** An auction as far as it matters to its undoing; times are seconds. */
export interface UndoableAuction {
  /** of the oldest value it was started with */
  readonly startOldest: bigint;
  readonly openedAt: bigint;
}

/** Prices dated up to this long after a start may undo it, seconds; as Auctions.UNDO_SECONDS. */
const PRICED_WITHIN = 60n;
/** Prices newer than those that may undo a start are on the hub after this long: then it is not looked at any more. */
const LOOKED_AT = 120n;

/** Whether an auction can still be undone: it was opened a moment ago. Bids change nothing of what it was started on. */
export const mayBeUndone = ({ openedAt }: Pick<UndoableAuction, 'openedAt'>, now: bigint): boolean => now - openedAt <= LOOKED_AT;

/**
 * The snapshots that may undo an auction: signed for a time after the prices of its start and no later than a minute after the start itself. The
 * newest first: what was true last counts.
 */
export const undoingSnapshots = <S extends { readonly time: number }>(
  { startOldest, openedAt }: UndoableAuction,
  snapshots: readonly S[],
): S[] =>
  snapshots.filter(({ time }) => BigInt(time) > startOldest && BigInt(time) <= openedAt + PRICED_WITHIN).sort((a, b) => b.time - a.time);
