import { Injectable } from '@nestjs/common';
import { getAddress, type Address } from 'viem';
import type { Eid, Path } from '@lockstep/shared';
import type { ChainContext } from '../chain/chain-context.js';
import { Chains } from '../chain/chains.js';

/** One direction between two configured chains; source and destination are the same chain for the hub's own vault. */
export interface Route {
  readonly source: ChainContext;
  readonly destination: ChainContext;
  readonly path: Path;
}

/** The directions this relayer serves: every chain to the hub, the hub to every chain, and the hub to itself. */
@Injectable()
export class Paths {
  readonly #routes: readonly Route[];

  constructor(chains: Chains) {
    const hub = chains.hub;
    const spokes = chains.all().filter((chain) => !chain.isHub);
    this.#routes = [routeOf(hub, hub), ...spokes.flatMap((spoke) => [routeOf(spoke, hub), routeOf(hub, spoke)])];
  }

  all(): readonly Route[] {
    return this.#routes;
  }

  find(srcEid: Eid, dstEid: Eid): Route | undefined {
    return this.#routes.find(({ source, destination }) => source.eid === srcEid && destination.eid === dstEid);
  }

  from(source: ChainContext): readonly Route[] {
    return this.#routes.filter((route) => route.source.eid === source.eid);
  }

  into(destination: ChainContext): readonly Route[] {
    return this.#routes.filter((route) => route.destination.eid === destination.eid);
  }
}

function routeOf(source: ChainContext, destination: ChainContext): Route {
  return {
    source,
    destination,
    path: { srcEid: source.eid, srcMessenger: messengerOf(source), dstEid: destination.eid, dstMessenger: messengerOf(destination) },
  };
}

export const messengerOf = (chain: ChainContext): Address => getAddress(chain.contract('Messenger'));
