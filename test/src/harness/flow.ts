import { iGatewayAbi, iLedgerAbi, iMessengerAbi } from '@lockstep/contracts';
import { decodeCreditReceipt, foldEntries, genesisHead, type Eid } from '@lockstep/shared';
import type { Hex } from 'viem';
import type { Stack, StackChain } from './stack.js';
import type { Deposit } from './user.js';
import { eventually, type WaitOptions } from './wait.js';

/** How a deposit ended on the hub. */
export type Ending = 'credited' | 'parked' | 'returned' | 'voided';

/** Where one path stands, read from both chains. */
export interface PathPosition {
  readonly appended: bigint;
  readonly flushed: bigint;
  readonly verified: bigint;
  readonly consumed: bigint;
  readonly quarantined: boolean;
}

/** Follows deposits on the chains themselves, whatever the relayer says. */
export class Flow {
  constructor(private readonly stack: Stack) {}

  /** Position of the path from `from` to `to`. */
  async position(from: StackChain, to: StackChain = this.stack.hub): Promise<PathPosition> {
    const inbox = await to.client.readContract({ address: to.messenger, abi: iMessengerAbi, functionName: 'inbox', args: [from.eid] });
    const outbox = await from.client.readContract({ address: from.messenger, abi: iMessengerAbi, functionName: 'outbox', args: [to.eid] });
    return {
      appended: outbox.sequence,
      flushed: outbox.flushed,
      verified: inbox.verified,
      consumed: inbox.consumed,
      quarantined: inbox.quarantined,
    };
  }

  /** Every path of these chains (default: all), both ways; the hub's own is one. */
  paths(chains: readonly StackChain[] = this.stack.chains): (readonly [from: StackChain, to: StackChain])[] {
    const { hub } = this.stack;
    return chains.flatMap((c) => (c.eid === hub.eid ? [[hub, hub] as const] : [[c, hub] as const, [hub, c] as const]));
  }

  /** Waits until both ends of every path (or those of the named chains) have consumed everything the other one appended. */
  async settled(options: WaitOptions & { readonly chains?: readonly StackChain[] } = {}): Promise<void> {
    await eventually(
      'every appended entry to be consumed',
      async (note) => {
        const positions = await Promise.all(
          this.paths(options.chains).map(async ([from, to]) => ({
            path: `${from.name} → ${to.name}`,
            ...(await this.position(from, to)),
          })),
        );
        note(positions.filter((p) => p.consumed !== p.appended));
        return positions.every((p) => p.consumed === p.appended) ? true : undefined;
      },
      { timeoutMs: 60_000, everyMs: 150, ...options },
    );
  }

  /** Entries of a log from its events, `first` … `last` inclusive. */
  async entries(from: StackChain, first = 1n, last?: bigint, to: StackChain = this.stack.hub): Promise<Hex[]> {
    const events = await from.client.getContractEvents({
      address: from.messenger,
      abi: iMessengerAbi,
      eventName: 'EntryAppended',
      args: { dstEid: to.eid },
      fromBlock: from.deployedAt,
      strict: true,
    });
    return events
      .filter(({ args }) => args.sequence >= first && (last === undefined || args.sequence <= last))
      .map(({ args }) => args.entry);
  }

  /** Head of a log at `sequence`, folded from its events. */
  async head(from: StackChain, sequence: bigint, to: StackChain = this.stack.hub): Promise<Hex> {
    const genesis = genesisHead({ srcEid: from.eid, srcMessenger: from.messenger, dstEid: to.eid, dstMessenger: to.messenger });
    return sequence === 0n ? genesis : foldEntries(genesis, await this.entries(from, 1n, sequence, to));
  }

  /** Sequences of `eid`'s log that ended on the hub, and how. */
  async endings(eid: Eid): Promise<Map<bigint, Ending>> {
    const { hub } = this.stack;
    const range = { fromBlock: hub.deployedAt, strict: true } as const;
    const [credited, parked, returned, voided] = await Promise.all([
      hub.client.getContractEvents({ address: hub.ledger, abi: iLedgerAbi, eventName: 'Credited', ...range }),
      hub.client.getContractEvents({ address: hub.gateway, abi: iGatewayAbi, eventName: 'DepositParked', args: { srcEid: eid }, ...range }),
      hub.client.getContractEvents({
        address: hub.gateway,
        abi: iGatewayAbi,
        eventName: 'DepositReturned',
        args: { srcEid: eid },
        ...range,
      }),
      hub.client.getContractEvents({
        address: hub.messenger,
        abi: iMessengerAbi,
        eventName: 'EntryVoided',
        args: { srcEid: eid },
        ...range,
      }),
    ]);
    return new Map<bigint, Ending>([
      ...parked.map(({ args }) => [args.sequence, 'parked'] as const),
      ...returned.map(({ args }) => [args.sequence, 'returned'] as const),
      ...voided.map(({ args }) => [args.sequence, 'voided'] as const),
      ...credited
        .map(({ args }) => decodeCreditReceipt(args.receipt))
        .filter((c) => c.srcEid === eid)
        .map((c) => [c.sequence, 'credited'] as const),
    ]);
  }

  /** Waits until each deposit has ended as expected. */
  async ended(deposits: readonly Deposit[], ending: Ending = 'credited', options: WaitOptions = {}): Promise<void> {
    await eventually(
      `${deposits.length} deposit(s) to be ${ending}`,
      async (note) => {
        const eids = [...new Set(deposits.map((d) => d.chain.eid))];
        const seen = new Map(await Promise.all(eids.map(async (eid) => [eid, await this.endings(eid)] as const)));
        const open = deposits.filter((d) => seen.get(d.chain.eid)?.get(d.sequence) !== ending);
        note(open.slice(0, 5).map((d) => `${d.chain.name}/${d.sequence}: ${seen.get(d.chain.eid)?.get(d.sequence) ?? 'nothing yet'}`));
        return open.length === 0 ? true : undefined;
      },
      { everyMs: 150, ...options },
    );
  }

  /** LayerZero packets sent on a path so far; same-chain checkpoints are none. */
  async packets(from: StackChain, to: StackChain = this.stack.hub): Promise<number> {
    if (from.eid === to.eid) return 0;
    const events = await from.client.getContractEvents({
      address: from.messenger,
      abi: iMessengerAbi,
      eventName: 'Flushed',
      args: { dstEid: to.eid },
      fromBlock: from.deployedAt,
      strict: true,
    });
    return events.length;
  }

  /** Margin collateral and cash of an account, as the hub's ledger has them. */
  async holdings(account: Hex): Promise<{ readonly collateral: ReadonlyMap<number, bigint>; readonly cash: bigint }> {
    const { hub } = this.stack;
    const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
    const [[ids, amounts], cash] = await Promise.all([
      hub.client.readContract({ ...ledger, functionName: 'collateralOf', args: [account] }),
      hub.client.readContract({ ...ledger, functionName: 'cashOf', args: [account] }),
    ]);
    return { collateral: new Map(ids.map((id, i) => [id, amounts[i] ?? 0n])), cash };
  }
}
