/** An auction as far as it matters to its undoing; times are seconds. */
export interface UndoableAuction {
  /** of the oldest value it was started with */
  readonly startOldest: bigint;
  readonly openedAt: bigint;
  /** 0: no bid yet */
  readonly lastBidAt: bigint;
}

/** Prices newer than those of a start are on the hub after this long: then no older ones are looked at any more. */
const UNDO_SECONDS = 120n;

/** Whether an auction can still be undone: nobody bid on it, and it was opened a moment ago. */
export const mayBeUndone = ({ openedAt, lastBidAt }: UndoableAuction, now: bigint): boolean =>
  lastBidAt === 0n && now - openedAt <= UNDO_SECONDS;

/**
 * The snapshots that may undo an auction: signed for a time after the prices of its start and not after the start itself. The newest first: what was
 * true last counts.
 */
export const undoingSnapshots = <S extends { readonly time: number }>(
  { startOldest, openedAt }: UndoableAuction,
  snapshots: readonly S[],
): S[] => snapshots.filter(({ time }) => BigInt(time) > startOldest && BigInt(time) <= openedAt).sort((a, b) => b.time - a.time);
