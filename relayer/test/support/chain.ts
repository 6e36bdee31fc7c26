import { keccak256, zeroAddress, type Address } from 'viem';
import { chainId, eid } from '@lockstep/shared';
import { ChainContext } from '../../src/chain/chain-context.js';
import { createChainClients } from '../../src/chain/clients.js';
import { systemClock } from '../../src/chain/clock.js';
import { QuorumReader } from '../../src/chain/quorum-reader.js';
import { quorumOf, type ChainConfig } from '../../src/config/relayer-config.js';

/** A chain's configuration with test-sized numbers. */
export function chainConfig(part: Partial<ChainConfig> & Pick<ChainConfig, 'rpcUrls'>): ChainConfig {
  return {
    chain: 'spoke1',
    quorum: undefined,
    finality: { kind: 'blocks', blocks: 4 },
    pollMs: 100,
    requestTimeoutMs: 5_000,
    maxResponseBytes: 16_777_216,
    maxBlocksPerStep: 500,
    fees: { maxFeePerGasGwei: 500, maxPriorityFeePerGasGwei: 5 },
    ...part,
  };
}

const nothing = { address: zeroAddress, block: 0, args: [], bytecodeHash: keccak256('0x') };

/** A chain, followed from its first block. @param deployed contracts by name; the others are nowhere */
export function chainContext(
  id: number,
  part: Partial<ChainConfig> & Pick<ChainConfig, 'rpcUrls'>,
  deployed: Readonly<Record<string, Address>> = {},
): ChainContext {
  const config = chainConfig(part);
  const { client, providers, pool } = createChainClients(config, systemClock);
  return new ChainContext(
    config,
    {
      network: 'test',
      chain: config.chain,
      chainId: chainId(id),
      eid: eid(id),
      role: 'hub',
      deployedAt: { block: 0, timestamp: 0 },
      contracts: {
        AccessManager: nothing,
        Messenger: nothing,
        CollateralVault: nothing,
        LockstepDVN: nothing,
        BatchExecutor: nothing,
        ...Object.fromEntries(Object.entries(deployed).map(([name, address]) => [name, { ...nothing, address }])),
      },
      layerzero: {
        endpoint: zeroAddress,
        sendUln302: zeroAddress,
        receiveUln302: zeroAddress,
        receiveUln302View: zeroAddress,
        endpointView: zeroAddress,
        dvn: zeroAddress,
        dvnVid: 1,
      },
      assets: [],
    },
    client,
    providers,
    pool,
    new QuorumReader(providers, quorumOf(config)),
  );
}
