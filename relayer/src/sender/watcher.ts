import { gas, type BlockNumber } from '@lockstep/shared';
import { decideFees } from './fees.js';
import { broadcast, signAttempt, type LaneParts, type SignedBytes } from './lane.js';
import type { AttemptRow } from './intent-row.js';
import { LaneStore, type OpenIntent } from './lane-store.js';

/** Milliseconds a node may take to show bytes it accepted before they are sent again. */
export const REBROADCAST_MS = 5_000;
/** Nonces filled in one pass at most. */
const MAX_FILLERS = 64;
const TRANSFER_GAS = gas(21_000n);

/** What a pass of the watcher changed, by intent id. */
export interface WatchReport {
  readonly included: number;
  readonly finalised: number;
  readonly reorged: number;
  readonly displaced: number;
  readonly rebroadcast: number;
  readonly filled: number;
}

interface PassState {
  readonly chainNonce: bigint;
  readonly finalHeight: BlockNumber | null;
  /** lazily read: transactions of the lane in final blocks */
  finalNonce: bigint | null | undefined;
  readonly report: { -readonly [K in keyof WatchReport]: WatchReport[K] };
}

/**
 * The only healer of a lane. It compares every signed transaction with the chain: mined, reverted, final, gone in a reorg, forgotten by
 * the node, displaced by a transaction of somebody else; and it repairs that, always with the same bytes while they can still be mined.
 */
export class Watcher {
  readonly #store: LaneStore;

  constructor(
    private readonly parts: LaneParts,
    /** highest final block of the chain as followed; null if unknown */
    private readonly finalHeight: () => Promise<BlockNumber | null>,
  ) {
    this.#store = new LaneStore(parts.id);
  }

  /** One look at every open intent. Safe to kill and to repeat. @throws if the chain or the database does not answer */
  async pass(): Promise<WatchReport> {
    const { chain, dataSource, id } = this.parts;
    const report = { included: 0, finalised: 0, reorged: 0, displaced: 0, rebroadcast: 0, filled: 0 };
    const open = await this.#store.openIntents(dataSource.manager);
    // Nothing waits, so nothing can be stuck: spare the provider.
    if (open.length === 0) return report;
    const [chainNonce, finalHeight] = await Promise.all([chain.nonce(id.address), this.finalHeight()]);
    const state: PassState = { chainNonce, finalHeight, finalNonce: undefined, report };
    for (const one of open) await (one.intent.state === 'signed' ? this.#watchSigned(one, state) : this.#watchMined(one, state));
    await this.#healNonces(state);
    return report;
  }

  async #watchSigned(open: OpenIntent, state: PassState): Promise<void> {
    const { chain, dataSource, fault } = this.parts;
    for (const { hash } of open.attempts) {
      const receipt = await chain.receipt(hash);
      if (!receipt) continue;
      await dataSource.transaction((tx) => this.#store.include(tx, open.intent.id, receipt));
      state.report.included += 1;
      fault('sender.mined');
      return;
    }
    if (open.nonce < state.chainNonce) {
      if (await this.#isDisplaced(open, state)) await this.#displace(open, state);
      return;
    }
    const [newest] = open.attempts;
    if (!newest) throw new Error(`intent ${open.intent.id} is signed but has no attempt`);
    if (!this.#isStale(newest)) return;
    if (newest.last_broadcast_at === null || !(await chain.knows(newest.hash))) await this.#again(open, newest, state);
  }

  /** A foreign transaction holds our nonce in a final block, and no provider has ours: it can never be mined. */
  async #isDisplaced({ nonce, attempts }: OpenIntent, state: PassState): Promise<boolean> {
    const finalNonce = await this.#finalNonce(state);
    if (finalNonce === null || nonce >= finalNonce) return false;
    const receipts = await Promise.all(attempts.map(({ hash }) => this.parts.chain.receiptAnywhere(hash)));
    return receipts.every((receipt) => receipt === null);
  }

  async #displace({ intent, nonce, attempts }: OpenIntent, state: PassState): Promise<void> {
    await this.parts.dataSource.transaction(async (tx) => {
      await this.#store.displace(tx, intent.id);
      await this.#store.report(tx, 'unknown-transaction-at-nonce', intent.id, {
        nonce: nonce.toString(),
        signed: attempts.map(({ hash }) => hash).join(' '),
      });
    });
    state.report.displaced += 1;
  }

  async #watchMined(open: OpenIntent, state: PassState): Promise<void> {
    const { chain, dataSource, fault } = this.parts;
    const { id, mined_hash, mined_block, mined_block_hash } = open.intent;
    if (mined_hash === null || mined_block === null || mined_block_hash === null)
      throw new Error(`intent ${id} is ${open.intent.state} but has no inclusion`);
    const receipt = await chain.receipt(mined_hash);
    if (receipt && receipt.blockHash !== mined_block_hash) {
      await dataSource.transaction((tx) => this.#store.include(tx, id, receipt));
      state.report.reorged += 1;
      return;
    }
    const canonical = await chain.blockHash(mined_block);
    if (canonical === mined_block_hash) {
      // Without a receipt the provider's index is behind its chain: the block itself says the transaction is there.
      if (receipt && state.finalHeight !== null && mined_block <= state.finalHeight) {
        await this.#store.finalise(dataSource.manager, id, mined_block_hash);
        state.report.finalised += 1;
        fault('sender.final');
      }
      return;
    }
    const bytes = open.attempts.find(({ hash }) => hash === mined_hash);
    if (!bytes) throw new Error(`intent ${id} is mined as ${mined_hash}, which is none of its attempts`);
    // A receipt in a block that another provider does not have: providers differ, look again.
    if (receipt) return;
    if (canonical === null) {
      // A provider that lags, or a branch that is still shorter. The bytes do no harm in the first case and are needed in the second.
      if (open.nonce >= state.chainNonce && this.#isStale(bytes)) await this.#again(open, bytes, state);
      return;
    }
    await dataSource.transaction((tx) => this.#store.uninclude(tx, id, mined_block_hash));
    state.report.reorged += 1;
    fault('sender.reorged');
    await this.#again(open, bytes, state);
  }

  /** Never sent as far as is known, or sent long enough ago to show up. */
  #isStale({ last_broadcast_at }: AttemptRow): boolean {
    return last_broadcast_at === null || this.parts.clock.now() - last_broadcast_at.getTime() >= REBROADCAST_MS;
  }

  async #again({ intent }: OpenIntent, bytes: SignedBytes, state: PassState): Promise<void> {
    await broadcast(this.parts, this.#store, intent.id, bytes);
    state.report.rebroadcast += 1;
    this.parts.fault('sender.rebroadcast');
  }

  /**
   * The lane's next nonce follows final foreign transactions; nonces below it that nobody holds and the chain waits for are filled, else
   * everything above them would wait for ever.
   */
  async #healNonces(state: PassState): Promise<void> {
    const { dataSource, chain, clock, limits, keyName, roles } = this.parts;
    const finalNonce = await this.#finalNonce(state);
    const next = await this.#store.nextNonce(dataSource.manager);
    if (next === undefined) return;
    if (finalNonce !== null && next < finalNonce) await this.#store.raiseNextNonce(dataSource.manager, finalNonce);
    if ((await this.#store.missingNonces(dataSource.manager, state.chainNonce, next, 1)).length === 0) return;
    const fees = decideFees(await chain.market(), limits);
    const [role] = roles;
    if (!fees || !role) return;
    const signed = await dataSource.transaction(async (tx) => {
      const locked = await this.#store.lockNextNonce(tx);
      if (locked === undefined) return [];
      const fillers: { id: bigint; bytes: SignedBytes }[] = [];
      for (const nonce of await this.#store.missingNonces(tx, state.chainNonce, locked, MAX_FILLERS)) {
        const id = await this.#store.addFiller(tx, role, keyName, nonce, clock.now());
        const bytes = await signAttempt(tx, this.parts, this.#store, {
          intentId: id,
          to: this.parts.id.address,
          data: '0x',
          value: 0n,
          nonce,
          gasLimit: TRANSFER_GAS,
          fees,
        });
        await this.#store.report(tx, 'nonce-gap-filled', id, { nonce: nonce.toString() });
        fillers.push({ id, bytes });
      }
      return fillers;
    });
    this.parts.fault('sender.filled');
    for (const { id, bytes } of signed) await broadcast(this.parts, this.#store, id, bytes);
    state.report.filled += signed.length;
  }

  async #finalNonce(state: PassState): Promise<bigint | null> {
    if (state.finalNonce === undefined)
      state.finalNonce = state.finalHeight === null ? null : await this.parts.chain.nonceAt(this.parts.id.address, state.finalHeight);
    return state.finalNonce;
  }
}
