import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iGatewayAbi, iMessengerAbi } from '@lockstep/contracts';
import {
  EntryKind,
  deliveryGas,
  deliveryStream,
  eid,
  gas,
  genesisHead,
  planDelivery,
  sequence,
  wei,
  type DeliverCall,
  type Gas,
  type Sequence,
  type SplitCall,
} from '@lockstep/shared';
import { BaseError, ContractFunctionRevertedError, encodeFunctionData, zeroHash, type Hex } from 'viem';
import { DataSource, type EntityManager } from 'typeorm';
import type { ChainContext } from '../../chain/chain-context.js';
import { FAULT_POINT, type FaultPoint } from '../../chain/fault-point.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { Intents, type Wanted } from '../intents.js';
import { PathProblems } from '../path-problems.js';
import { Paths, messengerOf, type Route } from '../paths.js';

const MAX_RETRIES = 20;

/** Gas of a split: folding a leaf is cheap, remembering what a VOID leaf voids takes a slot. */
const splitGas = ({ leaves }: SplitCall): Gas =>
  gas(
    150_000n +
      3_000n * BigInt(leaves.length) +
      25_000n * BigInt(leaves.filter((leaf) => Number(leaf.slice(0, 4)) === EntryKind.Void).length),
  );

type InboxView = { readonly consumed: bigint; readonly verified: bigint; readonly quarantined: boolean; readonly consumedHead: Hex };

/** Delivers what a destination has verified. The plan starts from the destination's own state, so it is right whoever delivered before. */
@Injectable()
export class DeliveryService {
  readonly #logger = new Logger(DeliveryService.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: RelayerConfig,
    private readonly paths: Paths,
    private readonly intents: Intents,
    private readonly problems: PathProblems,
    @Inject(FAULT_POINT) private readonly faultPoint: FaultPoint,
  ) {}

  /** One look at every log that arrives at a chain. */
  async deliverDue(destination: ChainContext): Promise<void> {
    for (const route of this.paths.into(destination)) await this.#deliver(route);
  }

  async #deliver(route: Route): Promise<void> {
    const { source, destination } = route;
    const inbox = await destination.client.readContract({
      address: messengerOf(destination),
      abi: iMessengerAbi,
      functionName: 'inbox',
      args: [source.eid],
    });
    await this.#recordInbox(route, inbox);
    if (inbox.quarantined) return this.problems.raise('ledger', { code: 'PATH_QUARANTINED', srcEid: source.eid, dstEid: destination.eid });
    const own = await this.#ownHead(route, inbox.consumed);
    if (own !== null && own !== inbox.consumedHead)
      return this.problems.raise('ledger', {
        code: 'CONSUMED_HEAD_MISMATCH',
        srcEid: source.eid,
        dstEid: destination.eid,
        sequence: sequence(inbox.consumed),
        own,
        consumed: inbox.consumedHead,
      });
    if (inbox.verified <= inbox.consumed) return this.problems.clear('ledger', source.eid, destination.eid);
    const verifiedHeads = await this.#verifiedHeads(route, inbox);
    const plan = planDelivery(
      {
        srcEid: source.eid,
        dstEid: destination.eid,
        consumed: sequence(inbox.consumed),
        consumedHead: inbox.consumedHead,
        verifiedHeads,
        entries: await this.#entries(route, inbox),
      },
      { entries: this.config.delivery.chunkSize, gas: BigInt(this.config.delivery.chunkGas) },
    );
    switch (plan.kind) {
      case 'nothing':
        return;
      case 'blocked':
        return this.problems.raise('ledger', plan.problem);
      case 'calls': {
        await this.problems.clear('ledger', source.eid, destination.eid);
        const made = await this.dataSource.transaction((tx) => this.#enqueue(tx, route, plan.splits, plan.deliveries));
        if (made === 0) return;
        this.faultPoint('ledger.delivered');
        this.#logger.log({
          event: 'ledger.deliver',
          srcEid: source.eid,
          chain: destination.name,
          splits: plan.splits.length,
          deliveries: plan.deliveries.length,
        });
      }
    }
  }

  /**
   * One lane sends them in this order, so each finds what the one before left. Only the first can be simulated before it is sent; the
   * others carry their gas limit.
   */
  async #enqueue(tx: EntityManager, route: Route, splits: readonly SplitCall[], deliveries: readonly DeliverCall[]): Promise<number> {
    let made = 0;
    const count = (wanted: Wanted): void => void (made += wanted === 'sent' ? 1 : 0);
    const path = `${route.source.eid}:${route.destination.eid}`;
    for (const [i, call] of splits.entries()) {
      const data = encodeFunctionData({
        abi: iMessengerAbi,
        functionName: 'split',
        args: [route.source.eid, call.from, call.to, call.headAt, call.leaves],
      });
      const limit = i === 0 ? {} : { gasLimit: splitGas(call) };
      count(
        await this.#want(tx, route, `split:${path}:${call.from}:${call.to}:${call.headAt}`, data, limit, {
          what: 'split',
          from: `${call.from}`,
          to: `${call.to}`,
        }),
      );
    }
    for (const [i, call] of deliveries.entries()) {
      const data = encodeFunctionData({
        abi: iMessengerAbi,
        functionName: 'deliver',
        args: [route.source.eid, deliveryStream(call.entries)],
      });
      const limit = i === 0 && splits.length === 0 ? {} : { gasLimit: gas(deliveryGas(call.entries)) };
      count(
        await this.#want(tx, route, `deliver:${path}:${call.first}:${call.last}`, data, limit, {
          what: 'deliver',
          first: `${call.first}`,
          last: `${call.last}`,
        }),
      );
    }
    return made;
  }

  #want(
    tx: EntityManager,
    { source, destination }: Route,
    what: string,
    data: Hex,
    limit: { gasLimit?: Gas },
    purpose: Record<string, string>,
  ): Promise<Wanted> {
    return this.intents.want(tx, what, {
      role: 'deliver',
      chainId: destination.chainId,
      key: 'submitter',
      to: messengerOf(destination),
      data,
      value: wei(0n),
      ...limit,
      purpose: { ...purpose, srcEid: source.eid, dstEid: destination.eid },
    });
  }

  /** Heads verified above the consumed sequence: found in the index, believed from the chain (a rebase forgets them there). */
  async #verifiedHeads({ source, destination }: Route, inbox: InboxView): Promise<Map<Sequence, Hex>> {
    const rows = await this.dataSource.query<{ sequence: string }[]>(
      `select distinct sequence from verified_heads
       where src_eid = $1 and dst_eid = $2 and sequence > $3 and sequence <= $4 and state <> 'orphaned' order by sequence limit 200`,
      [source.eid, destination.eid, inbox.consumed.toString(), inbox.verified.toString()],
    );
    const known = new Set(rows.map((row) => BigInt(row.sequence)));
    // The highest one may not be indexed yet, and a long backlog has more than fit in one plan.
    known.add(inbox.verified);
    const heads = await Promise.all(
      [...known].map(async (at): Promise<[Sequence, Hex]> => {
        const head = await destination.client.readContract({
          address: messengerOf(destination),
          abi: iMessengerAbi,
          functionName: 'verifiedHead',
          args: [source.eid, at],
        });
        return [sequence(at), head];
      }),
    );
    return new Map(heads.filter(([, head]) => head !== zeroHash));
  }

  /** Head of the source's log as it stands now at a sequence; null if it is not indexed that far. */
  async #ownHead({ source, destination, path }: Route, at: bigint): Promise<Hex | null> {
    if (at === 0n) return genesisHead(path);
    const [row] = await this.dataSource.query<{ head: Hex }[]>(
      `select head from log_entries where src_eid = $1 and dst_eid = $2 and sequence = $3 and state <> 'orphaned'`,
      [source.eid, destination.eid, at.toString()],
    );
    return row?.head ?? null;
  }

  async #entries({ source, destination }: Route, inbox: InboxView): Promise<Hex[]> {
    const rows = await this.dataSource.query<{ sequence: string; bytes: Hex }[]>(
      `select sequence, bytes from log_entries
       where src_eid = $1 and dst_eid = $2 and sequence > $3 and sequence <= $4 and state <> 'orphaned' order by sequence`,
      [source.eid, destination.eid, inbox.consumed.toString(), inbox.verified.toString()],
    );
    const contiguous = rows.findIndex((row, i) => BigInt(row.sequence) !== inbox.consumed + BigInt(i) + 1n);
    return (contiguous === -1 ? rows : rows.slice(0, contiguous)).map(({ bytes }) => bytes);
  }

  async #recordInbox({ source, destination }: Route, inbox: InboxView): Promise<void> {
    await this.dataSource.query(
      `insert into path_states (src_eid, dst_eid, verified, consumed, destination_quarantined) values ($1, $2, $3, $4, $5)
       on conflict (src_eid, dst_eid) do update
       set verified = excluded.verified, consumed = excluded.consumed, destination_quarantined = excluded.destination_quarantined, seen_at = now()`,
      [source.eid, destination.eid, inbox.verified.toString(), inbox.consumed.toString(), inbox.quarantined],
    );
  }

  /** Retries parked deposits that would pass now: the ledger itself is asked, by a call that changes nothing. */
  async retryParked(hub: ChainContext): Promise<void> {
    const rows = await this.dataSource.query<{ src_eid: number; sequence: string; bytes: Hex }[]>(
      `select o.src_eid, o.sequence, l.bytes from deposit_outcomes o
       join log_entries l on l.src_eid = o.src_eid and l.dst_eid = o.dst_eid and l.sequence = o.sequence and l.state <> 'orphaned'
       where o.dst_eid = $1 and o.outcome = 'parked' and o.state <> 'orphaned'
         and not exists (select 1 from deposit_outcomes c where c.src_eid = o.src_eid and c.dst_eid = o.dst_eid and c.sequence = o.sequence
                         and c.outcome in ('credited', 'returned') and c.state <> 'orphaned')
       order by o.id limit ${MAX_RETRIES}`,
      [hub.eid],
    );
    for (const row of rows) {
      const args = [eid(row.src_eid), BigInt(row.sequence), row.bytes] as const;
      if (!(await this.#wouldPass(hub, args))) continue;
      await this.dataSource.transaction((tx) =>
        this.intents.want(tx, `retry:${row.src_eid}:${hub.eid}:${row.sequence}`, {
          role: 'deliver',
          chainId: hub.chainId,
          key: 'submitter',
          to: hub.contract('Gateway'),
          data: encodeFunctionData({ abi: iGatewayAbi, functionName: 'retry', args }),
          value: wei(0n),
          purpose: { what: 'retry-parked', srcEid: row.src_eid, sequence: row.sequence },
        }),
      );
    }
  }

  async #wouldPass(hub: ChainContext, args: readonly [number, bigint, Hex]): Promise<boolean> {
    try {
      await hub.client.simulateContract({ address: hub.contract('Gateway'), abi: iGatewayAbi, functionName: 'retry', args });
      return true;
    } catch (error) {
      // Still parked, or somebody retried it a moment ago: both are answers, anything else is not.
      if (error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError) !== null) return false;
      throw error;
    }
  }
}
