import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { VERIFICATION_STATES, classifyPacket, type Eid, type PacketState, type VerificationState } from '@lockstep/shared';
import { padHex, zeroHash, type Address } from 'viem';
import { DataSource } from 'typeorm';
import type { ChainContext } from '../../chain/chain-context.js';
import { groupBy } from '../group-by.js';
import { PathProblems } from '../path-problems.js';
import { endpointAbi, receiveUlnAbi, receiveUlnViewAbi } from './layerzero-abi.js';
import { PacketRepository, type OpenPacket } from './packet.repository.js';
import { Verifiers } from './verifiers.js';

/** A packet and where it stands on its destination. */
export interface ObservedPacket {
  readonly open: OpenPacket;
  readonly state: PacketState;
  /** confirmations the destination's configuration asks its verifiers for */
  readonly confirmations: bigint;
}

/** Reads the state of packets from the destination chain; nothing here trusts an event or a transaction's status. */
@Injectable()
export class PacketObserver {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly packets: PacketRepository,
    private readonly verifiers: Verifiers,
    private readonly problems: PathProblems,
  ) {}

  /** State of every open packet towards a chain, recorded for the API. A packet is done once it is so in a final block. */
  async observe(destination: ChainContext): Promise<ObservedPacket[]> {
    const open = await this.packets.open(destination.eid);
    if (open.length === 0) return [];
    const observed = await Promise.all(open.map((packet) => this.#observe(destination, packet)));
    const finalBlock = observed.some(({ state }) => state.kind === 'done') ? await this.#finalBlock(destination) : null;
    for (const { open: packet, state } of observed) {
      const done = state.kind === 'done' && finalBlock !== null && (await this.#doneAt(destination, packet, finalBlock));
      if (done || packet.workState !== state.kind) await this.packets.recordState(packet, state.kind, detailOf(state), done);
    }
    await this.#report(destination.eid, observed);
    return observed.filter(({ state }) => state.kind !== 'done');
  }

  async #observe(destination: ChainContext, open: OpenPacket): Promise<ObservedPacket> {
    const { packet, hashes } = open;
    const endpoint = { address: destination.layerzero('endpoint'), abi: endpointAbi } as const;
    const uln = { address: destination.layerzero('receiveUln302'), abi: receiveUlnAbi } as const;
    const view = { address: destination.layerzero('receiveUln302View'), abi: receiveUlnViewAbi } as const;
    const { client } = destination;
    const from = [packet.receiver, packet.srcEid, padHex(packet.sender, { size: 32 })] as const;
    const dvns = this.verifiers.addresses(destination);
    const [config, committedHash, lazyNonce, inboundNonce, verification, ...lookups] = await Promise.all([
      client.readContract({ ...uln, functionName: 'getUlnConfig', args: [packet.receiver, packet.srcEid] }),
      client.readContract({ ...endpoint, functionName: 'inboundPayloadHash', args: [...from, packet.nonce] }),
      client.readContract({ ...endpoint, functionName: 'lazyInboundNonce', args: from }),
      client.readContract({ ...endpoint, functionName: 'inboundNonce', args: from }),
      client.readContract({ ...view, functionName: 'verifiable', args: [hashes.header, hashes.payloadHash] }),
      ...dvns.map((dvn) => client.readContract({ ...uln, functionName: 'hashLookup', args: [hashes.headerHash, hashes.payloadHash, dvn] })),
    ]);
    const attestedBy = new Map(
      dvns.map((dvn, i): [Address, boolean] => {
        const [submitted, confirmations] = lookups[i] ?? [false, 0n];
        return [dvn, submitted && confirmations >= config.confirmations];
      }),
    );
    const state = classifyPacket({
      nonce: packet.nonce,
      payloadHash: hashes.payloadHash,
      committedHash,
      lazyNonce,
      inboundNonce,
      verification: verificationOf(verification),
      attestedBy,
    });
    return { open, state, confirmations: config.confirmations };
  }

  async #doneAt(destination: ChainContext, { packet }: OpenPacket, blockNumber: bigint): Promise<boolean> {
    const endpoint = { address: destination.layerzero('endpoint'), abi: endpointAbi, blockNumber } as const;
    const from = [packet.receiver, packet.srcEid, padHex(packet.sender, { size: 32 })] as const;
    const [hash, lazyNonce] = await Promise.all([
      destination.client.readContract({ ...endpoint, functionName: 'inboundPayloadHash', args: [...from, packet.nonce] }),
      destination.client.readContract({ ...endpoint, functionName: 'lazyInboundNonce', args: from }),
    ]);
    return hash === zeroHash && packet.nonce <= lazyNonce;
  }

  async #finalBlock({ chainId }: ChainContext): Promise<bigint | null> {
    const [row] = await this.dataSource.query<{ final_number: string }[]>('select final_number from cursors where chain_id = $1', [
      chainId,
    ]);
    return row === undefined ? null : BigInt(row.final_number);
  }

  /** The worst thing seen on each path into the chain, or its absence. */
  async #report(dstEid: Eid, observed: readonly ObservedPacket[]): Promise<void> {
    for (const [srcEid, packets] of groupBy(observed, ({ open }) => open.packet.srcEid)) {
      const stuck = packets.find(
        ({ state }) => state.kind === 'conflicting' || state.kind === 'nilified' || state.kind === 'path-uninitialised',
      );
      if (stuck === undefined) {
        await this.problems.clear('packet', srcEid, dstEid);
        continue;
      }
      const { state, open } = stuck;
      const nonce = open.packet.nonce;
      if (state.kind === 'conflicting')
        await this.problems.raise('packet', {
          code: 'PAYLOAD_CONFLICT',
          srcEid,
          dstEid,
          nonce,
          committed: state.committed,
          own: open.hashes.payloadHash,
        });
      if (state.kind === 'nilified') await this.problems.raise('packet', { code: 'PACKET_NILIFIED', srcEid, dstEid, nonce });
      if (state.kind === 'path-uninitialised') await this.problems.raise('packet', { code: 'PATH_UNINITIALISED', srcEid, dstEid });
    }
  }
}

function verificationOf(state: number): VerificationState {
  const name = VERIFICATION_STATES[state];
  if (name === undefined) throw new RangeError(`verification state is ${state}; expected 0 … ${VERIFICATION_STATES.length - 1}`);
  return name;
}

function detailOf(state: PacketState): string | null {
  switch (state.kind) {
    case 'behind-gap':
      return `waits for nonce ${state.gapAt}`;
    case 'conflicting':
      return `another payload is committed: ${state.committed}`;
    case 'unverified':
      return `not attested by ${state.missing.join(', ')}`;
    case 'done':
    case 'executable':
    case 'nilified':
    case 'verifiable':
    case 'awaiting-others':
    case 'path-uninitialised':
      return null;
  }
}
