import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { decideSignature, sequence, wei, type RelayProblem, type SignedHead } from '@lockstep/shared';
import { concatHex, keccak256, type Address, type Hex } from 'viem';
import { DataSource } from 'typeorm';
import type { ChainContext } from '../../chain/chain-context.js';
import { CLOCK, type Clock } from '../../chain/clock.js';
import { FAULT_POINT, type FaultPoint } from '../../chain/fault-point.js';
import { QuorumError } from '../../chain/quorum-reader.js';
import { Intents } from '../intents.js';
import { groupBy } from '../group-by.js';
import { PathProblems } from '../path-problems.js';
import { Paths, type Route } from '../paths.js';
import { Accountant } from './accountant.service.js';
import { OwnLogReader } from './own-log.reader.js';
import { PacketObserver, type ObservedPacket } from './packet.observer.js';
import { SignedHeads } from './signed-heads.js';
import { SIGNATURE_LIFETIME_SECONDS, Verifiers, type Attestation } from './verifiers.js';

/** Packets attested in one transaction: 50 × 80k gas stay far below every chain's limit. */
const MAX_BATCH = 50;

interface Signable {
  readonly item: ObservedPacket;
  readonly route: Route;
  readonly signed: SignedHead;
}

/** The DVN role: signs a checkpoint only after rebuilding it entry by entry, and only if it extends the one signed before. Fails closed. */
@Injectable()
export class VerifierService {
  readonly #logger = new Logger(VerifierService.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly paths: Paths,
    private readonly observer: PacketObserver,
    private readonly verifiers: Verifiers,
    private readonly own: OwnLogReader,
    private readonly accountant: Accountant,
    private readonly heads: SignedHeads,
    private readonly intents: Intents,
    private readonly problems: PathProblems,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(FAULT_POINT) private readonly faultPoint: FaultPoint,
  ) {}

  /** One look at everything sent to a chain that our verifiers have not attested. */
  async attestDue(destination: ChainContext): Promise<void> {
    const observed = await this.observer.observe(destination);
    for (const dvn of this.verifiers.addresses(destination)) {
      const due = observed.filter((item) => item.open.final && lacks(item, dvn));
      const free = await this.heads.withoutOpenAttestation(dvn, due);
      const signable = await this.#signable(destination, dvn, free);
      for (let from = 0; from < signable.length; from += MAX_BATCH)
        await this.#attest(destination, dvn, signable.slice(from, from + MAX_BATCH));
    }
  }

  /** Per path in the order of nonces; the first checkpoint of a path that may not be signed stops that path and no other. */
  async #signable(destination: ChainContext, dvn: Address, due: readonly ObservedPacket[]): Promise<Signable[]> {
    const signable: Signable[] = [];
    for (const [srcEid, items] of groupBy(due, ({ open }) => open.packet.srcEid)) {
      const route = this.paths.find(srcEid, destination.eid);
      if (route === undefined || (await this.problems.isHeld(srcEid, destination.eid))) continue;
      let last = await this.heads.last(dvn, srcEid, destination.eid);
      for (const item of items) {
        const decision = await this.#decide(route, item, last);
        if (decision.kind === 'wait') break;
        if (decision.kind === 'refuse') {
          await this.problems.raise('attestation', decision.problem);
          break;
        }
        await this.problems.clear('attestation', srcEid, destination.eid);
        signable.push({ item, route, signed: decision.signed });
        last = decision.signed;
      }
    }
    return signable;
  }

  async #decide(
    route: Route,
    { open, confirmations }: ObservedPacket,
    last: SignedHead | null,
  ): Promise<{ kind: 'wait' } | { kind: 'refuse'; problem: RelayProblem } | { kind: 'sign'; signed: SignedHead }> {
    const { source, path } = route;
    try {
      if (!(await this.own.isSettled(source, open, confirmations))) return { kind: 'wait' };
      const older = last !== null && open.checkpoint.sequence < last.sequence;
      const entries = await this.own.entries(route, older || last === null ? sequence(0n) : last.sequence, open);
      const decision = decideSignature(path, open.checkpoint, last, entries);
      if (decision.kind === 'refuse') return decision;
      const problem = await this.accountant.audit(route, open, entries);
      return problem === null ? decision : { kind: 'refuse', problem };
    } catch (error) {
      if (error instanceof QuorumError)
        return { kind: 'refuse', problem: { code: 'PROVIDERS_DISAGREE', srcEid: path.srcEid, dstEid: path.dstEid, detail: error.message } };
      throw error;
    }
  }

  async #attest(destination: ChainContext, dvn: Address, batch: readonly Signable[]): Promise<void> {
    const attestations = batch.map(({ item: { open, confirmations } }): Attestation => ({
      packetHeader: open.hashes.header,
      payloadHash: open.hashes.payloadHash,
      confirmations,
    }));
    const latest = await destination.client.getBlock({ blockTag: 'latest' });
    const wall = BigInt(Math.floor(this.clock.now() / 1000));
    const expiration = (latest.timestamp > wall ? latest.timestamp : wall) + SIGNATURE_LIFETIME_SECONDS;
    const { to, data, key } = await this.verifiers.sign(destination, dvn, attestations, expiration);
    const what = `attest:${dvn.toLowerCase()}:${destination.eid}:${batchHash(batch)}`;
    const wanted = await this.dataSource.transaction(async (tx) => {
      // What was signed is remembered before anybody can see the signature.
      await this.heads.remember(tx, dvn, what, batch);
      const purpose = { what: 'attest', dvn, packets: batch.length, dstEid: destination.eid };
      return this.intents.want(tx, what, { role: 'dvn', chainId: destination.chainId, key, to, data, value: wei(0n), purpose });
    });
    if (wanted === 'waiting') return;
    this.faultPoint('packet.attested');
    this.#logger.log({ event: 'packet.attested', chain: destination.name, dvn, packets: batch.length });
  }
}

function lacks({ state }: ObservedPacket, dvn: Address): boolean {
  switch (state.kind) {
    case 'unverified':
    case 'conflicting':
      return state.missing.includes(dvn);
    case 'done':
    case 'executable':
    case 'behind-gap':
    case 'nilified':
    case 'verifiable':
    case 'awaiting-others':
    case 'path-uninitialised':
      return false;
  }
}

const batchHash = (batch: readonly Signable[]): Hex => keccak256(concatHex(batch.map(({ item }) => item.open.hashes.payloadHash)));
