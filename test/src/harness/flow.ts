import { iGatewayAbi, iLedgerAbi, iMessengerAbi } from '@lockstep/contracts';
import { decodeCreditReceipt, foldEntries, genesisHead, type Eid } from '@lockstep/shared';
import type { Hex } from 'viem';
import type { Stack, StackChain } from './stack.js';
import type { Deposit } from './user.js';
import { eventually, type WaitOptions } from './wait.js';

/** How a deposit ended on the hub. */
export type Ending = 'credited' | 'parked' | 'voided';

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

  /** Position of the path from `chain` to the hub. */
  async position(chain: StackChain): Promise<PathPosition> {
    const { hub } = this.stack;
    const inbox = await hub.client.readContract({ address: hub.messenger, abi: iMessengerAbi, functionName: 'inbox', args: [chain.eid] });
    const outbox = await chain.client.readContract({
      address: chain.messenger,
      abi: iMessengerAbi,
      functionName: 'outbox',
      args: [hub.eid],
    });
    return {
      appended: outbox.sequence,
      flushed: outbox.flushed,
      verified: inbox.verified,
      consumed: inbox.consumed,
      quarantined: inbox.quarantined,
    };
  }

  /** Waits until the hub has consumed everything appended on every chain (or the named ones). */
  async settled(options: WaitOptions & { readonly chains?: readonly StackChain[] } = {}): Promise<void> {
    await eventually(
      'every appended entry to be consumed by the hub',
      async (note) => {
        const positions = await Promise.all(
          (options.chains ?? this.stack.chains).map(async (c) => ({ chain: c.name, ...(await this.position(c)) })),
        );
        note(positions);
        return positions.every((p) => p.consumed === p.appended) ? true : undefined;
      },
      { timeoutMs: 60_000, everyMs: 150, ...options },
    );
  }

  /** Entries of `chain`'s log towards the hub from its events, `from` … `to` inclusive. */
  async entries(chain: StackChain, from = 1n, to?: bigint): Promise<Hex[]> {
    const events = await chain.client.getContractEvents({
      address: chain.messenger,
      abi: iMessengerAbi,
      eventName: 'EntryAppended',
      args: { dstEid: this.stack.hub.eid },
      fromBlock: chain.deployedAt,
      strict: true,
    });
    return events.filter(({ args }) => args.sequence >= from && (to === undefined || args.sequence <= to)).map(({ args }) => args.entry);
  }

  /** Head of `chain`'s log at `sequence`, folded from its events. */
  async head(chain: StackChain, sequence: bigint): Promise<Hex> {
    const { hub } = this.stack;
    const genesis = genesisHead({ srcEid: chain.eid, srcMessenger: chain.messenger, dstEid: hub.eid, dstMessenger: hub.messenger });
    return sequence === 0n ? genesis : foldEntries(genesis, await this.entries(chain, 1n, sequence));
  }

  /** Sequences of `eid`'s log that ended on the hub, and how. */
  async endings(eid: Eid): Promise<Map<bigint, Ending>> {
    const { hub } = this.stack;
    const range = { fromBlock: hub.deployedAt, strict: true } as const;
    const [credited, parked, voided] = await Promise.all([
      hub.client.getContractEvents({ address: hub.ledger, abi: iLedgerAbi, eventName: 'Credited', ...range }),
      hub.client.getContractEvents({ address: hub.gateway, abi: iGatewayAbi, eventName: 'DepositParked', args: { srcEid: eid }, ...range }),
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

  /** LayerZero packets sent from `chain` towards the hub so far; same-chain checkpoints are none. */
  async packets(chain: StackChain): Promise<number> {
    if (chain.eid === this.stack.hub.eid) return 0;
    const events = await chain.client.getContractEvents({
      address: chain.messenger,
      abi: iMessengerAbi,
      eventName: 'Flushed',
      args: { dstEid: this.stack.hub.eid },
      fromBlock: chain.deployedAt,
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
