import { readLive as readDeployed, type LiveChain, type LiveContract, type LiveNetwork } from '@lockstep/deployments';
import { ConfigError } from './load.js';

export type { LiveChain, LiveContract, LiveNetwork };

/**
 * Reads the live files of a network's folder.
 * @throws ConfigError naming the file and what is not as expected
 */
export function readLive(dir: string): LiveNetwork {
  try {
    return readDeployed(dir);
  } catch (error) {
    throw new ConfigError('live files', [{ key: 'liveDir', message: error instanceof Error ? error.message : String(error) }]);
  }
}
