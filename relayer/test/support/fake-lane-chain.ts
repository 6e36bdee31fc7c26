import { keccak256, numberToHex, parseTransaction, type Address, type Hex } from 'viem';
import { blockNumber, gas, wei, type BlockNumber } from '@lockstep/shared';
import { classifyRefusal, type BroadcastAnswer } from '../../src/sender/broadcast.js';
import type { Market } from '../../src/sender/fees.js';
import type { Call, LaneChain, Receipt, Simulation } from '../../src/sender/lane-chain.js';

interface Tx {
  readonly hash: Hex;
  readonly nonce: number;
  readonly data: Hex;
  readonly foreign: boolean;
}

interface Block {
  readonly hash: Hex;
  readonly txs: readonly Tx[];
}

/** What the node does to the next broadcast. */
export type NodeMood = 'fine' | 'takes it but the answer is lost' | 'loses it' | 'refuses it';

/**
 * One account's chain in memory: a pool, blocks, reorgs down to the last final block, transactions of strangers with the same key, and a
 * node that lies, forgets and loses answers.
 */
export class FakeLaneChain implements LaneChain {
  readonly blocks: Block[] = [{ hash: keccak256('0x00'), txs: [] }];
  /** every payload ever given to the node, by nonce */
  readonly given = new Map<number, Set<Hex>>();
  mood: NodeMood = 'fine';
  #pool = new Map<number, Tx>();
  #final = 0;
  #made = 0;

  constructor(private readonly finality: number) {}

  get finalHeight(): BlockNumber {
    return blockNumber(BigInt(this.#final));
  }

  get mined(): readonly Tx[] {
    return this.blocks.flatMap(({ txs }) => txs);
  }

  get poolSize(): number {
    return this.#pool.size;
  }

  /** A block with the pool's next transactions, `max` at most. */
  mine(max: number): void {
    const txs: Tx[] = [];
    for (let nonce = this.mined.length; txs.length < max; nonce += 1) {
      const tx = this.#pool.get(nonce);
      if (!tx) break;
      this.#pool.delete(nonce);
      txs.push(tx);
    }
    this.#append(txs);
  }

  /** Somebody else uses the key. */
  foreign(): void {
    const nonce = this.mined.length;
    this.#pool.delete(nonce);
    this.#append([{ hash: this.#fresh(), nonce, data: '0xf0', foreign: true }]);
  }

  /** Replaces up to `depth` unfinal blocks by empty ones; their transactions go back to the pool, or are forgotten. */
  reorg(depth: number, keepsTransactions: boolean, grows: boolean): void {
    const removed = this.blocks.splice(Math.max(this.#final + 1, this.blocks.length - depth));
    for (const tx of removed.flatMap(({ txs }) => txs)) if (keepsTransactions && !tx.foreign) this.#pool.set(tx.nonce, tx);
    if (grows) for (const _ of removed) this.#append([]);
    for (const nonce of this.#pool.keys()) if (nonce < this.mined.length) this.#pool.delete(nonce);
  }

  /** The node restarts without its pool. */
  forget(): void {
    this.#pool.clear();
  }

  #append(txs: readonly Tx[]): void {
    this.blocks.push({ hash: this.#fresh(), txs });
    this.#final = Math.max(this.#final, this.blocks.length - 1 - this.finality);
  }

  #fresh(): Hex {
    this.#made += 1;
    return keccak256(numberToHex(this.#made, { size: 32 }));
  }

  nonce(_address: Address): Promise<bigint> {
    return Promise.resolve(BigInt(this.mined.length));
  }

  nonceAt(_address: Address, block: BlockNumber): Promise<bigint | null> {
    return Promise.resolve(BigInt(this.blocks.slice(0, Number(block) + 1).flatMap(({ txs }) => txs).length));
  }

  simulate({ data }: Call): Promise<Simulation> {
    return Promise.resolve(
      data === '0xbad0'
        ? { kind: 'reverts', reason: { kind: 'error', name: 'HeadMismatch', args: [], data: '0x' } }
        : { kind: 'succeeds', gasUsed: gas(50_000n) },
    );
  }

  market(): Promise<Market> {
    return Promise.resolve({ baseFee: 10n, suggested: 1n });
  }

  broadcast(raw: Hex): Promise<BroadcastAnswer> {
    const hash = keccak256(raw);
    const { nonce = 0, data = '0x' } = parseTransaction(raw);
    const payloads = this.given.get(nonce) ?? new Set<Hex>();
    this.given.set(nonce, payloads.add(hash));
    const mood = this.mood;
    this.mood = 'fine';
    if (mood === 'loses it') return Promise.resolve({ kind: 'unreachable', message: 'socket hang up' });
    if (mood === 'refuses it') return Promise.resolve(classifyRefusal('txpool is full'));
    if (nonce < this.mined.length) return Promise.resolve(classifyRefusal('nonce too low'));
    const waiting = this.#pool.get(nonce);
    if (waiting) return Promise.resolve(classifyRefusal(waiting.hash === hash ? 'already known' : 'replacement transaction underpriced'));
    this.#pool.set(nonce, { hash, nonce, data, foreign: false });
    return Promise.resolve(mood === 'fine' ? { kind: 'accepted' } : { kind: 'unreachable', message: 'timeout' });
  }

  receipt(hash: Hex): Promise<Receipt | null> {
    for (const [height, block] of this.blocks.entries())
      if (block.txs.some((tx) => tx.hash === hash))
        return Promise.resolve({
          hash,
          block: blockNumber(BigInt(height)),
          blockHash: block.hash,
          succeeded: true,
          gasUsed: gas(50_000n),
          gasPrice: wei(11n),
        });
    return Promise.resolve(null);
  }

  receiptAnywhere(hash: Hex): Promise<Receipt | null> {
    return this.receipt(hash);
  }

  knows(hash: Hex): Promise<boolean> {
    return Promise.resolve([...this.#pool.values(), ...this.mined].some((tx) => tx.hash === hash));
  }

  blockHash(number: BlockNumber): Promise<Hex | null> {
    return Promise.resolve(this.blocks[Number(number)]?.hash ?? null);
  }
}
