import { iMessengerAbi } from '@lockstep/contracts';
import { decodeEntry, fold, genesisHead, leafOf, type Entry } from '@lockstep/shared';
import type { Hex } from 'viem';
import type { StackChain } from '../harness/stack.js';

/** An entry as the source chain's log has it, with the head that follows it. */
export interface LoggedEntry {
  readonly sequence: bigint;
  readonly bytes: Hex;
  readonly entry: Entry;
  readonly head: Hex;
}

/** A log as its source chain shows it at one block. */
export interface LogObservation {
  readonly outbox: { readonly sequence: bigint; readonly flushed: bigint; readonly acknowledged: bigint; readonly head: Hex };
  /** entry `n` at index `n − 1` */
  readonly log: readonly LoggedEntry[];
  /** folded here, from the events alone, not read: head at each sequence, genesis at 0 */
  readonly foldedHeads: readonly Hex[];
}

/** The same log as its destination knows it at one block. */
export interface InboxObservation {
  readonly inbox: { readonly consumed: bigint; readonly verified: bigint; readonly consumedHead: Hex; readonly quarantined: boolean };
  readonly verifiedHead: Hex;
  /** where a governed rebase re-opened the path last; effects of entries above it count only after it */
  readonly rebased: { readonly sequence: bigint; readonly block: bigint; readonly head: Hex } | undefined;
}

/** Reads the log from one chain to another on its source, at `block`. */
export async function observeLog(from: StackChain, to: StackChain, block: bigint): Promise<LogObservation> {
  const messenger = { address: from.messenger, abi: iMessengerAbi } as const;
  const [outbox, events] = await Promise.all([
    from.client.readContract({ ...messenger, functionName: 'outbox', args: [to.eid], blockNumber: block }),
    from.client.getContractEvents({
      ...messenger,
      eventName: 'EntryAppended',
      args: { dstEid: to.eid },
      fromBlock: from.deployedAt,
      toBlock: block,
      strict: true,
    }),
  ]);
  const log = events.map(({ args }) => ({ sequence: args.sequence, bytes: args.entry, entry: decodeEntry(args.entry), head: args.head }));
  const foldedHeads = [genesisHead({ srcEid: from.eid, srcMessenger: from.messenger, dstEid: to.eid, dstMessenger: to.messenger })];
  for (const { bytes } of log) foldedHeads.push(fold(foldedHeads.at(-1) ?? '0x', leafOf(bytes)));
  return { outbox, log, foldedHeads };
}

/** Reads what a destination knows of a log, at `block`. */
export async function observeInbox(to: StackChain, from: StackChain, block: bigint): Promise<InboxObservation> {
  const messenger = { address: to.messenger, abi: iMessengerAbi } as const;
  const inbox = await to.client.readContract({ ...messenger, functionName: 'inbox', args: [from.eid], blockNumber: block });
  const [verifiedHead, rebases] = await Promise.all([
    to.client.readContract({ ...messenger, functionName: 'verifiedHead', args: [from.eid, inbox.verified], blockNumber: block }),
    to.client.getContractEvents({
      ...messenger,
      eventName: 'PathRebased',
      args: { eid: from.eid },
      fromBlock: to.deployedAt,
      toBlock: block,
      strict: true,
    }),
  ]);
  const last = rebases.at(-1);
  return { inbox, verifiedHead, rebased: last && { sequence: last.args.sequence, block: last.blockNumber, head: last.args.head } };
}

/** Sequences that a later VOID of the same log takes back. */
export const voidedIn = (log: readonly LoggedEntry[]): ReadonlySet<bigint> =>
  new Set<bigint>(log.flatMap(({ entry }) => (entry.kind === 'Void' ? [entry.target] : [])));
