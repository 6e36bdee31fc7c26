import { createWalletClient, TransactionReceiptNotFoundError, type Address, type Hex, type PublicClient, type Transport } from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';
import { decideFees, type Fees } from '../sender/fees.js';
import { describeReason, type RevertReason } from '../sender/intent.js';
import { RpcLaneChain } from '../sender/lane-chain.js';
import { refusalOf, revertOf, rpcErrorOf } from '../sender/revert-reason.js';
import type { Became, HubCall } from '../stages/hub-calls.js';
import type { OpenIntent } from '../stages/intents.js';
import type { LiquidationSender } from '../stages/liquidation/wants.js';

/** What became of a transaction: for the user. */
export type LaneEvent =
  | { readonly kind: 'sent' | 'raised'; readonly purpose: HubCall['purpose']; readonly hash: Hex }
  | { readonly kind: 'transaction'; readonly purpose: HubCall['purpose']; readonly hash: Hex; readonly status: 'success' | 'reverted' }
  | { readonly kind: 'replaced' | 'emptied'; readonly purpose: HubCall['purpose'] }
  | { readonly kind: 'refused'; readonly purpose: HubCall['purpose']; readonly because: string }
  /** not sent: the next block asks more for gas than may be paid; told once until something is sent again */
  | { readonly kind: 'dear'; readonly purpose: HubCall['purpose'] };

interface Flight extends Pick<HubCall, 'to' | 'data' | 'purpose'> {
  readonly what: string;
  readonly nonce: number;
  gas: bigint;
  fees: Fees;
  /** everything that was sent with this number, of which one will be mined; `isEmpty`: it calls nothing */
  readonly versions: { readonly hash: Hex; readonly isEmpty: boolean }[];
  sentAt: number;
}

export interface LaneLimits {
  /** after which a transaction that is not mined is sent again at higher fees, milliseconds */
  readonly stuckMs: number;
  /** most that is paid for gas, wei; what costs more is not sent */
  readonly maxFeePerGas: bigint;
}

/** Interest and funding accrue with time, others bid meanwhile: the block that takes a transaction is not the one it was estimated on. */
const GAS_MARGIN_PERCENT = 30n;
/** Nodes take a replacement that pays an eighth more. */
const RAISE_PERCENT = 25n;
const TRANSFER_GAS = 21_000n;
const LEAST_TIP = 1n;
/** Needs whose end is remembered. */
const REMEMBERED = 1_000;
const GAP = 'nonce-gap';

/**
 * Transactions of one key, without a database: several are under way at a time, one that is stuck is sent again at higher fees, or emptied if the hub would
 * refuse it by now. What a process before this one left behind is overtaken.
 */
export class WalletLane implements LiquidationSender {
  readonly #wallet;
  readonly #chain: RpcLaneChain;
  #isDear = false;
  #flights: Flight[] = [];
  readonly #over = new Map<string, Became>();

  constructor(
    private readonly client: PublicClient,
    transport: Transport,
    private readonly account: PrivateKeyAccount,
    private readonly limits: LaneLimits,
    private readonly tell: (event: LaneEvent) => void,
    private readonly now: () => number = Date.now,
  ) {
    this.#wallet = createWalletClient({ transport, account });
    this.#chain = new RpcLaneChain({ client, providers: [] });
  }

  get address(): Address {
    return this.account.address;
  }

  /** Transactions under way. */
  get underWay(): number {
    return this.#flights.length;
  }

  async want(what: string, { to, data, purpose }: HubCall): Promise<'sent' | 'waiting' | 'refused'> {
    if (this.#flights.some((flight) => flight.what === what)) return 'waiting';
    const asked = await this.#gas({ to, data });
    if (typeof asked === 'string') {
      this.tell({ kind: 'refused', purpose, because: asked });
      return 'refused';
    }
    const fees = await this.#fees();
    if (fees === null) {
      if (!this.#isDear) this.tell({ kind: 'dear', purpose });
      this.#isDear = true;
      return 'waiting';
    }
    this.#isDear = false;
    const flight: Flight = {
      ...{ what, to, data, purpose, nonce: await this.#nextNonce(), fees, versions: [], sentAt: this.now() },
      gas: asked + (asked * GAS_MARGIN_PERCENT) / 100n,
    };
    const hash = await this.#send(flight);
    this.#flights.push(flight);
    this.tell({ kind: 'sent', purpose, hash });
    return 'sent';
  }

  refusal({ to, data }: Pick<HubCall, 'to' | 'data'>): Promise<RevertReason | null> {
    return refusalOf(this.client, { account: this.address, to, data });
  }

  became(what: string): Promise<Became | null> {
    const isOpen = this.#flights.some((flight) => flight.what === what);
    return Promise.resolve(isOpen ? { state: 'open' } : (this.#over.get(what) ?? null));
  }

  open(): Promise<readonly OpenIntent[]> {
    return Promise.resolve(this.#flights.map(({ what, to, data }) => ({ what, to, data })));
  }

  /** Looks for what was mined, and sends again what is stuck. */
  async settle(): Promise<void> {
    if (this.#flights.length === 0) return;
    const mined = await this.#count('latest');
    const left: Flight[] = [];
    for (const flight of this.#flights) {
      if (flight.nonce >= mined) left.push(flight);
      else await this.#end(flight);
    }
    this.#flights = left.sort((a, b) => a.nonce - b.nonce);
    const [first] = this.#flights;
    if (first === undefined || this.now() - first.sentAt < this.limits.stuckMs) return;
    // The others can only follow.
    if (first.nonce === mined) await this.#raise(first);
    else await this.#overtake(mined, first);
  }

  /** What the call takes at the newest block; why the hub would refuse it, if it would. */
  async #gas({ to, data }: Pick<HubCall, 'to' | 'data'>): Promise<bigint | string> {
    try {
      return await this.client.estimateGas({ account: this.address, to, data, blockTag: 'latest' });
    } catch (error) {
      const reason = revertOf(error);
      if (reason === null) throw error;
      return describeReason(reason);
    }
  }

  async #end(flight: Flight): Promise<void> {
    for (const { hash, isEmpty } of flight.versions) {
      const receipt = await this.client.getTransactionReceipt({ hash }).catch((error: unknown) => {
        if (error instanceof TransactionReceiptNotFoundError) return null;
        throw error;
      });
      if (receipt === null) continue;
      const done = receipt.status === 'success' && !isEmpty;
      this.#remember(flight.what, done ? { state: 'mined', block: receipt.blockNumber } : { state: 'failed' });
      this.tell(
        isEmpty
          ? { kind: 'emptied', purpose: flight.purpose }
          : { kind: 'transaction', purpose: flight.purpose, hash, status: receipt.status },
      );
      return;
    }
    // Its number went to a transaction that is not this process's.
    this.#remember(flight.what, { state: 'failed' });
    this.tell({ kind: 'replaced', purpose: flight.purpose });
  }

  /** The same number at higher fees, as far as may be paid: the same call, or nothing if the hub would refuse it by now. */
  async #raise(flight: Flight): Promise<void> {
    const asked = await this.#fees();
    if (asked === null) return;
    const higher = raised(flight.fees, asked);
    const mayRaise = capOf(higher) <= this.limits.maxFeePerGas;
    // Nodes let go of what nobody mined for long: the same is sent again, for what is asked now.
    if (!mayRaise && (await this.#isKnown(flight))) return;
    const fees = mayRaise ? higher : asked;
    const isMoot = flight.what === GAP || typeof (await this.#gas(flight)) === 'string';
    const next: Flight = { ...flight, ...(isMoot ? { to: this.address, data: '0x', gas: TRANSFER_GAS } : {}), fees };
    // Also if the node refuses: it may ask for more still, and is offered that at the next turn.
    flight.fees = fees;
    try {
      this.tell({ kind: mayRaise ? 'raised' : 'sent', purpose: flight.purpose, hash: await this.#send(next) });
    } catch (error) {
      if (rpcErrorOf(error) === null) throw error;
    }
    flight.sentAt = this.now();
  }

  async #isKnown({ versions }: Flight): Promise<boolean> {
    const last = versions.at(-1);
    return last !== undefined && (await this.#chain.knows(last.hash));
  }

  /** Somebody before this process left numbers below its own that are not mined: nothing of value is sent with the lowest. */
  async #overtake(nonce: number, first: Flight): Promise<void> {
    const purpose = { what: GAP, nonce };
    const flight: Flight = {
      ...{
        what: GAP,
        to: this.address,
        data: '0x',
        purpose,
        nonce,
        gas: TRANSFER_GAS,
        fees: first.fees,
        versions: [],
        sentAt: first.sentAt,
      },
    };
    this.#flights.unshift(flight);
    await this.#raise(flight);
  }

  async #send(flight: Flight): Promise<Hex> {
    const { to, data, nonce, gas, fees } = flight;
    const call = { chain: null, to, data, nonce, gas };
    const hash = await this.#wallet.sendTransaction(
      fees.kind === 'legacy'
        ? { ...call, type: 'legacy', gasPrice: fees.gasPrice }
        : { ...call, type: 'eip1559', maxFeePerGas: fees.maxFeePerGas, maxPriorityFeePerGas: fees.maxPriorityFeePerGas },
    );
    flight.versions.push({ hash, isEmpty: data === '0x' });
    return hash;
  }

  /** Null: the next block asks more than may be paid. A tip of nothing moves nothing to the front, and some nodes do not take it. */
  async #fees(): Promise<Fees | null> {
    const { baseFee, suggested } = await this.#chain.market();
    const { maxFeePerGas } = this.limits;
    return decideFees({ baseFee, suggested: highest(suggested, LEAST_TIP) }, { maxFeePerGas, maxPriorityFeePerGas: maxFeePerGas });
  }

  async #nextNonce(): Promise<number> {
    const own = this.#flights.reduce((highest, { nonce }) => Math.max(highest, nonce + 1), 0);
    return Math.max(own, await this.#count('pending'));
  }

  #count(blockTag: 'latest' | 'pending'): Promise<number> {
    return this.client.getTransactionCount({ address: this.address, blockTag });
  }

  #remember(what: string, became: Became): void {
    this.#over.delete(what);
    this.#over.set(what, became);
    for (const oldest of this.#over.keys()) {
      if (this.#over.size <= REMEMBERED) return;
      this.#over.delete(oldest);
    }
  }
}

const highest = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const more = (fee: bigint): bigint => fee + (fee * RAISE_PERCENT) / 100n + 1n;
const capOf = (fees: Fees): bigint => (fees.kind === 'legacy' ? fees.gasPrice : fees.maxFeePerGas);
const tipOf = (fees: Fees): bigint => (fees.kind === 'legacy' ? fees.gasPrice : fees.maxPriorityFeePerGas);

/** What replaces a transaction: what is asked now, and enough more than before. */
function raised(before: Fees, asked: Fees): Fees {
  const cap = highest(capOf(asked), more(capOf(before)));
  if (asked.kind === 'legacy') return { kind: 'legacy', gasPrice: cap };
  return { kind: 'eip1559', maxFeePerGas: cap, maxPriorityFeePerGas: highest(tipOf(asked), more(tipOf(before))) };
}
