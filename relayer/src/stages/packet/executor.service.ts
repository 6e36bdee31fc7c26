import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iBatchExecutorAbi, iMessengerAbi } from '@lockstep/contracts';
import { wei, type Eid } from '@lockstep/shared';
import { concatHex, encodeFunctionData, keccak256, padHex } from 'viem';
import { DataSource } from 'typeorm';
import type { ChainContext } from '../../chain/chain-context.js';
import { FAULT_POINT, type FaultPoint } from '../../chain/fault-point.js';
import { Intents } from '../intents.js';
import { groupBy } from '../group-by.js';
import { messengerOf } from '../paths.js';
import { PacketObserver, type ObservedPacket } from './packet.observer.js';
import { PacketRepository } from './packet.repository.js';

/** Items of one transaction: 50 × (commit + lzReceive) stay below the gas limit of a transaction (2^24). */
const MAX_BATCH = 50;
/** A nonce that blocks committed later ones for this long is skipped: the later checkpoint says all it said. */
const STALL_SECONDS = 30;

/** Commits and executes verified packets in batches, and gets stalled nonces out of the way. Everything here is open to anyone. */
@Injectable()
export class ExecutorService {
  readonly #logger = new Logger(ExecutorService.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly observer: PacketObserver,
    private readonly packets: PacketRepository,
    private readonly intents: Intents,
    @Inject(FAULT_POINT) private readonly faultPoint: FaultPoint,
  ) {}

  /** One look at everything sent to a chain that is verified and not executed. */
  async executeDue(destination: ChainContext): Promise<void> {
    const observed = await this.observer.observe(destination);
    const ready: ObservedPacket[] = [];
    for (const item of observed) if (isReady(item) && !(await this.#isUnderWay(item))) ready.push(item);
    for (let from = 0; from < ready.length; from += MAX_BATCH) await this.#execute(destination, ready.slice(from, from + MAX_BATCH));
    for (const [srcEid, items] of groupBy(observed, ({ open }) => open.packet.srcEid)) await this.#skipStalled(destination, srcEid, items);
  }

  async #isUnderWay({ open: { executeKey } }: ObservedPacket): Promise<boolean> {
    return executeKey !== null && (await this.intents.isOpen(this.dataSource.manager, executeKey));
  }

  async #execute(destination: ChainContext, batch: readonly ObservedPacket[]): Promise<void> {
    const items = batch.map(({ open: { packet, hashes, receiveGas } }) => ({
      packetHeader: hashes.header,
      origin: { srcEid: packet.srcEid, sender: padHex(packet.sender, { size: 32 }), nonce: packet.nonce },
      receiver: packet.receiver,
      guid: packet.guid,
      message: packet.message,
      gasLimit: receiveGas,
    }));
    const what = `execute:${destination.eid}:${keccak256(concatHex(batch.flatMap(({ open }) => [open.packet.guid, open.hashes.payloadHash])))}`;
    const wanted = await this.dataSource.transaction(async (tx) => {
      await this.packets.recordExecution(
        tx,
        batch.map(({ open }) => open),
        what,
      );
      return this.intents.want(tx, what, {
        role: 'execute',
        chainId: destination.chainId,
        key: 'submitter',
        to: destination.contract('BatchExecutor'),
        data: encodeFunctionData({ abi: iBatchExecutorAbi, functionName: 'commitAndExecute', args: [items] }),
        value: wei(0n),
        purpose: { what: 'commit-and-execute', dstEid: destination.eid, packets: batch.length },
      });
    });
    if (wanted === 'waiting') return;
    this.faultPoint('packet.executed');
    this.#logger.log({ event: 'packet.execute', chain: destination.name, packets: batch.length });
  }

  async #skipStalled(destination: ChainContext, srcEid: Eid, items: readonly ObservedPacket[]): Promise<void> {
    const behind = items.find(({ state }) => state.kind === 'behind-gap');
    if (behind === undefined || behind.state.kind !== 'behind-gap' || behind.open.ageSeconds < STALL_SECONDS) return;
    const { gapAt } = behind.state;
    const gap = items.find(({ open }) => open.packet.nonce === gapAt);
    // A packet that only waits for our own commit is no gap: it is committed with the next batch.
    if (gap !== undefined && isReady(gap)) return;
    const committed = behind.open.packet.nonce;
    await this.dataSource.transaction((tx) =>
      this.intents.want(tx, `skip:${destination.eid}:${srcEid}:${gapAt}`, {
        role: 'execute',
        chainId: destination.chainId,
        key: 'submitter',
        to: messengerOf(destination),
        data: encodeFunctionData({ abi: iMessengerAbi, functionName: 'skipStalled', args: [srcEid, gapAt, committed] }),
        value: wei(0n),
        purpose: { what: 'skip-stalled', srcEid, dstEid: destination.eid, nonce: gapAt.toString(), committed: committed.toString() },
      }),
    );
  }
}

function isReady({ state }: ObservedPacket): boolean {
  switch (state.kind) {
    case 'verifiable':
    case 'executable':
      return true;
    case 'conflicting':
      return state.verifiable;
    case 'done':
    case 'behind-gap':
    case 'nilified':
    case 'awaiting-others':
    case 'unverified':
    case 'path-uninitialised':
      return false;
  }
}
