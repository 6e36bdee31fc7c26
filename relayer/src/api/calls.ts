import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { iCollateralVaultAbi, iGatewayAbi, iMessengerAbi, iPayoutsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import {
  decodePacket,
  deliveryGas,
  deliveryStream,
  eid,
  genesisHead,
  hashPacket,
  type Call,
  type Eid,
  type OfferedCall,
  type Sequence,
} from '@lockstep/shared';
import { encodeFunctionData, padHex, parseAbi, type Abi, type Address, type Hex } from 'viem';
import { DataSource } from 'typeorm';
import type { ChainContext } from '../chain/chain-context.js';
import { Chains } from '../chain/chains.js';
import { RequestTrial } from '../stages/request-trial.js';
import { Paths, messengerOf } from '../stages/paths.js';
import { OnChain } from './on-chain.js';
import type { CallView } from './release-views.js';

const endpointAbi = parseAbi([
  'struct Origin { uint32 srcEid; bytes32 sender; uint64 nonce; }',
  'function lzReceive(Origin origin, address receiver, bytes32 guid, bytes message, bytes extraData) payable',
]);
const receiveUlnAbi = parseAbi(['function commitVerification(bytes packetHeader, bytes32 payloadHash)']);

/** A transaction may have 2^24 gas (EIP-7825); a larger delivery has to be split first. */
const MOST_GAS = 16_600_000n;
/** The newest heads that a Messenger remembers. */
const RING = 64n;
const QUOTE_MARGIN = 120n;
const NO_PRICES: Hex = '0x';

/** Names the trial of a request: whoever asks for it within a moment gets the same answer. */
export const tryKey = (srcEid: Eid, at: Sequence): string => `process:${srcEid}:${at}`;

/** What only the caller knows. */
type Blank = { readonly blank: string };
const blank = (name: string): Blank => ({ blank: name });
const isBlank = (value: unknown): value is Blank => typeof value === 'object' && value !== null && 'blank' in value;

interface Made {
  readonly address: Address;
  readonly abi: Abi;
  readonly args: readonly unknown[];
  readonly valueWei?: bigint | null;
  readonly note?: string;
}

/** Turns an offered call into a transaction anyone could sign: bytes and proofs come from the logs. */
@Injectable()
export class Calls {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly chains: Chains,
    private readonly paths: Paths,
    private readonly onChain: OnChain,
    private readonly trial: RequestTrial,
  ) {}

  /** @param refundTo where a flush sends back what was paid too much: an address of whom the calls are offered to */
  async all(offered: readonly OfferedCall[], refundTo: Address): Promise<CallView[]> {
    const views = await Promise.all(offered.map((one) => this.#view(one, refundTo)));
    return views.filter((view) => view !== null);
  }

  /** Null if the chain is not followed, or its logs are not known far enough to make the call. */
  async #view({ call, by }: OfferedCall, refundTo: Address): Promise<CallView | null> {
    const chain = this.chains.byEid(call.eid);
    const made = chain === undefined ? null : await this.#make(chain, call, refundTo);
    if (chain === undefined || made === null) return null;
    const blanks = made.args.filter(isBlank).map(({ blank: name }) => name);
    return {
      by,
      eid: chain.eid,
      chain: chain.name,
      chainId: chain.chainId,
      contract: call.contract,
      address: made.address,
      function: call.function,
      args: made.args.map(shown),
      calldata: blanks.length > 0 ? null : encodeFunctionData({ abi: made.abi, functionName: call.function, args: [...made.args] }),
      valueWei: made.valueWei === undefined ? '0' : (made.valueWei?.toString() ?? null),
      note: [made.note, ...(blanks.length > 0 ? [`fill in ${blanks.join(', ')}`] : [])].filter(Boolean).join('; ') || null,
    };
  }

  #make(chain: ChainContext, call: Call, refundTo: Address): Promise<Made | null> | Made | null {
    switch (call.contract) {
      case 'Messenger':
        return this.#messenger(chain, call, refundTo);
      case 'ReceiveUln302':
      case 'EndpointV2':
        return this.#packet(chain, call);
      case 'Gateway':
        return this.#withEntry(call, chain.eid, (entry) => ({
          address: chain.contract('Gateway'),
          abi: iGatewayAbi,
          args: [call.srcEid, call.sequence, entry],
        }));
      case 'Withdrawals':
        return chain.withdrawals === null ? null : this.#withdrawals(chain, chain.withdrawals, call);
      case 'CollateralVault':
        return this.#vault(chain, call);
    }
  }

  async #messenger(chain: ChainContext, call: Extract<Call, { contract: 'Messenger' }>, refundTo: Address): Promise<Made | null> {
    const messenger = { address: messengerOf(chain), abi: iMessengerAbi };
    switch (call.function) {
      case 'flush':
      case 'resend': {
        const quote = await this.onChain.ask(`quote:${chain.eid}:${call.dstEid}`, () =>
          chain.client.readContract({ address: messenger.address, abi: iMessengerAbi, functionName: 'quoteFlush', args: [call.dstEid] }),
        );
        const valueWei = quote === null ? null : (quote * QUOTE_MARGIN) / 100n;
        return { ...messenger, args: [call.dstEid, refundTo], valueWei };
      }
      case 'deliver': {
        const entries = await this.#deliverable(call.srcEid, chain.eid, call.through);
        if (entries === null) return null;
        const note =
          deliveryGas(entries) > MOST_GAS
            ? `${entries.length} entries: split the head first, this is more than one transaction may take`
            : '';
        return { ...messenger, args: [call.srcEid, deliveryStream(entries)], note };
      }
      case 'skipStalled': {
        const [row] = await this.dataSource.query<{ stalled: string; committed: string | null }[]>(
          `select min(nonce) as stalled, min(nonce) filter (where work_state in ('behind-gap', 'executable')) as committed from packets
           where src_eid = $1 and dst_eid = $2 and not done and state <> 'orphaned'`,
          [call.srcEid, chain.eid],
        );
        if (row === undefined || row.committed === null) return null;
        return { ...messenger, args: [call.srcEid, BigInt(row.stalled), BigInt(row.committed)] };
      }
    }
  }

  /** Entries after the consumed one, up to the lowest verified head that covers `through`; null if they are not all known. */
  async #deliverable(srcEid: Eid, dstEid: Eid, through: bigint): Promise<Hex[] | null> {
    const rows = await this.dataSource.query<{ sequence: string; bytes: Hex; consumed: string }[]>(
      `select l.sequence, l.bytes, s.consumed from path_states s
       join log_entries l on l.src_eid = s.src_eid and l.dst_eid = s.dst_eid and l.sequence > s.consumed and l.state <> 'orphaned'
       where s.src_eid = $1 and s.dst_eid = $2 and l.sequence <= (
         select min(v.sequence) from verified_heads v where v.src_eid = $1 and v.dst_eid = $2 and v.sequence >= $3 and v.state <> 'orphaned')
       order by l.sequence`,
      [srcEid, dstEid, through.toString()],
    );
    const first = rows[0];
    if (first === undefined || rows.some((row, i) => BigInt(row.sequence) !== BigInt(first.consumed) + BigInt(i) + 1n)) return null;
    return rows.map(({ bytes }) => bytes);
  }

  async #packet(chain: ChainContext, call: Extract<Call, { contract: 'ReceiveUln302' | 'EndpointV2' }>): Promise<Made | null> {
    const [row] = await this.dataSource.query<{ encoded: Hex }[]>(
      `select encoded from packets where src_eid = $1 and dst_eid = $2 and sequence >= $3 and not done and state <> 'orphaned' order by nonce limit 1`,
      [call.srcEid, chain.eid, call.through.toString()],
    );
    if (row === undefined) return null;
    const packet = decodePacket(row.encoded);
    const { header, payloadHash } = hashPacket(packet);
    if (call.function === 'commitVerification')
      return { address: chain.layerzero('receiveUln302'), abi: receiveUlnAbi, args: [header, payloadHash] };
    const origin = { srcEid: packet.srcEid, sender: padHex(packet.sender, { size: 32 }), nonce: packet.nonce };
    return { address: chain.layerzero('endpoint'), abi: endpointAbi, args: [origin, packet.receiver, packet.guid, packet.message, '0x'] };
  }

  async #withdrawals(chain: ChainContext, address: Address, call: Extract<Call, { contract: 'Withdrawals' }>): Promise<Made | null> {
    const withdrawals = { address, abi: iWithdrawalsAbi };
    switch (call.function) {
      case 'order':
        return { ...withdrawals, args: [[call.claim]] };
      case 'cancel':
        return { ...withdrawals, args: [call.claim] };
      case 'cancelOrdered': {
        const proof = await this.#proof(chain.eid, call.dstEid, call.sequence);
        return proof === null ? null : { ...withdrawals, args: [call.claim, proof.headBefore, proof.leavesAfter] };
      }
      case 'processRequest':
        return this.#processRequest(address, chain.eid, call);
    }
  }

  /** With prices, if it needs newer ones than the hub has. */
  async #processRequest(
    address: Address,
    hubEid: Eid,
    { srcEid, sequence: at }: { srcEid: Eid; sequence: Sequence },
  ): Promise<Made | null> {
    const entry = await this.#entry(srcEid, hubEid, at);
    if (entry === null) return null;
    const tried = await this.onChain.ask(tryKey(srcEid, at), () => this.trial.of({ srcEid, sequence: at, bytes: entry }));
    const prices = tried?.kind === 'passes' ? tried.prices : NO_PRICES;
    return {
      address,
      abi: iWithdrawalsAbi,
      args: [srcEid, at, entry, prices],
      note:
        prices === NO_PRICES
          ? 'an account with positions: put `prices` of GET /prices signed since the request last, if it reverts'
          : 'with prices signed since the request',
    };
  }

  async #vault(chain: ChainContext, call: Extract<Call, { contract: 'CollateralVault' }>): Promise<Made | null> {
    const vault = { address: chain.contract('CollateralVault'), abi: iPayoutsAbi };
    switch (call.function) {
      case 'claim':
        return { ...vault, args: [call.sequence] };
      case 'claimTo':
        return { ...vault, args: [call.sequence, blank('to')] };
      case 'returnClaim': {
        const fee = await this.onChain.ask(`entryFee:${chain.eid}`, () =>
          chain.client.readContract({ address: messengerOf(chain), abi: iMessengerAbi, functionName: 'entryFee' }),
        );
        return { ...vault, args: [call.sequence], valueWei: fee };
      }
      case 'cancel': {
        const hubEid = this.chains.hub.eid;
        const proof = await this.#proof(chain.eid, hubEid, call.sequence);
        const entry = await this.#entry(chain.eid, hubEid, call.sequence);
        if (proof === null || entry === null) return null;
        return { ...vault, abi: iCollateralVaultAbi, args: [call.sequence, proof.headBefore, entry, proof.leavesAfter] };
      }
    }
  }

  async #withEntry(call: { srcEid: Eid; sequence: bigint }, dstEid: Eid, make: (entry: Hex) => Made): Promise<Made | null> {
    const entry = await this.#entry(call.srcEid, dstEid, call.sequence);
    return entry === null ? null : make(entry);
  }

  async #entry(srcEid: Eid, dstEid: Eid, sequence: bigint): Promise<Hex | null> {
    const [row] = await this.dataSource.query<{ bytes: Hex }[]>(
      `select bytes from log_entries where src_eid = $1 and dst_eid = $2 and sequence = $3 and state <> 'orphaned'`,
      [srcEid, dstEid, sequence.toString()],
    );
    return row?.bytes ?? null;
  }

  /** Proof that an entry is in a log: the head before it, and the leaves after it up to the newest head, or the newest still remembered. */
  async #proof(srcEid: Eid, dstEid: Eid, sequence: bigint): Promise<{ headBefore: Hex; leavesAfter: Hex[] } | null> {
    const rows = await this.dataSource.query<{ sequence: string; leaf: Hex; head: Hex }[]>(
      `select sequence, leaf, head from log_entries
       where src_eid = $1 and dst_eid = $2 and sequence >= $3::numeric - 1 and sequence < $3::numeric + ${RING} and state <> 'orphaned' order by sequence`,
      [srcEid, dstEid, sequence.toString()],
    );
    const route = this.paths.find(eid(srcEid), eid(dstEid));
    const before =
      sequence === 1n && route !== undefined ? genesisHead(route.path) : rows.find((row) => BigInt(row.sequence) === sequence - 1n)?.head;
    const after = rows.filter((row) => BigInt(row.sequence) > sequence);
    if (before === undefined || !rows.some((row) => BigInt(row.sequence) === sequence)) return null;
    return { headBefore: before, leavesAfter: after.map(({ leaf }) => leaf) };
  }
}

function shown(value: unknown): CallView['args'][number] {
  if (isBlank(value)) return null;
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]));
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw new TypeError(`an argument is a ${typeof value}; expected what JSON can show`);
}
