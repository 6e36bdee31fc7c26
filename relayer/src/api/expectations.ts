import type { PathExpectations } from '@lockstep/shared';
import type { ChainConfig, RelayerConfig } from '../config/relayer-config.js';

/** Seconds per block, and until a tag follows the head, at which people start to worry; chains that are faster are told so too late. */
const BLOCK_SECONDS = 12;
const TAG_SECONDS = { safe: 600, finalized: 1_200 } as const;
/** Beats of the loops, and a block or two for the transaction to be mined. */
const SLACK_SECONDS = 30;
/** Verifiers, commit and execution of a packet. */
const VERIFIED_SECONDS = 300;
const DELIVERED_SECONDS = 120;
/** A parked deposit waits for a bucket, a cap or an operator. */
export const PARKED_SECONDS = 3_600;

/** Seconds until blocks of a chain are final by its policy. */
function finalSeconds({ finality }: ChainConfig): number {
  switch (finality.kind) {
    case 'seconds':
      return finality.seconds + SLACK_SECONDS;
    case 'blocks':
      return finality.blocks * BLOCK_SECONDS + SLACK_SECONDS;
    case 'tag':
      return TAG_SECONDS[finality.tag] + SLACK_SECONDS;
  }
}

/** How long each part of a path from this chain is expected to take, by the operator's own configuration. */
export function pathExpectations(source: ChainConfig, { batching }: RelayerConfig): PathExpectations {
  return {
    final: finalSeconds(source),
    flushed: batching.maxAgeSeconds + SLACK_SECONDS,
    verified: VERIFIED_SECONDS,
    delivered: DELIVERED_SECONDS,
  };
}

export const orderedSeconds = ({ release }: RelayerConfig): number => release.orderSeconds + SLACK_SECONDS;
export const decidedSeconds = DELIVERED_SECONDS;

/** Seconds of a whole path, from the entry to its delivery. */
export const wholePath = (expect: PathExpectations): number => expect.final + expect.flushed + expect.verified + expect.delivered;
