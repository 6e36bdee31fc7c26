import { Injectable } from '@nestjs/common';
import type { Outlook, Place } from '@lockstep/shared';
import type { Address, Hex } from 'viem';
import { Calls } from './calls.js';
import type { CarryingPacket } from './carriage.queries.js';
import { ChainNames, isoOfSeconds } from './chain-names.js';
import type { OutlookView } from './release-views.js';

interface PlaceView {
  readonly at: string;
  readonly eid: number;
  readonly chain: string | null;
  readonly tx: Hex;
  readonly final: boolean;
}

interface Told<Stage> {
  readonly steps: readonly { readonly stage: Stage; readonly place: Place; readonly detail: string | null }[];
  readonly reorged: readonly { readonly stage: string; readonly place: Place }[];
}

/** Shows timelines and outlooks the same way everywhere. */
@Injectable()
export class Presenter {
  constructor(
    private readonly names: ChainNames,
    private readonly calls: Calls,
  ) {}

  story<Stage>({ steps, reorged }: Told<Stage>): {
    steps: (PlaceView & { stage: Stage; detail: string | null })[];
    reorged: (PlaceView & { stage: string })[];
  } {
    return {
      steps: steps.map(({ stage, place, detail }) => ({ stage, ...this.#place(place), detail })),
      reorged: reorged.map(({ stage, place }) => ({ stage, ...this.#place(place) })),
    };
  }

  /** @param refundTo see {@link Calls.all} */
  async outlook({ since, next, by, late, actor, sentence, calls }: Outlook<string>, refundTo: Address): Promise<OutlookView> {
    return {
      since: isoOfSeconds(since),
      next,
      by: by === null ? null : isoOfSeconds(by),
      late,
      actor,
      sentence,
      calls: await this.calls.all(calls, refundTo),
    };
  }

  packet(packet: CarryingPacket | null): { guid: Hex; status: CarryingPacket['status']; state: string | null } | null {
    return packet === null ? null : { guid: packet.guid, status: packet.status, state: packet.state };
  }

  #place(place: Place): PlaceView {
    return { at: isoOfSeconds(place.at), eid: place.eid, chain: this.names.chain(place.eid), tx: place.tx, final: place.final };
  }
}
