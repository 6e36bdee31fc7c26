import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chainId, eid } from '@lockstep/shared';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HUB_CONTRACTS, liveChainOf, readLive, readPartialLive, writeLive, type LiveChain, type LiveContract } from '../src/index.js';

const address = (byte: string): `0x${string}` => `0x${byte.repeat(20)}`;
const contract: LiveContract = { address: address('aa'), block: 7, args: ['1'], bytecodeHash: `0x${'bb'.repeat(32)}` };

function live(chain: string, index: number, role: 'hub' | 'spoke'): LiveChain {
  const core = { AccessManager: contract, Messenger: contract, CollateralVault: contract, LockstepDVN: contract, BatchExecutor: contract };
  return {
    network: 'local',
    chain,
    chainId: chainId(31_001 + index),
    eid: eid(40_001 + index),
    role,
    deployedAt: { block: 3, timestamp: 1_700_000_000 },
    layerzero: {
      endpoint: address('01'),
      sendUln302: address('02'),
      receiveUln302: address('03'),
      receiveUln302View: address('04'),
      endpointView: address('05'),
      dvn: address('06'),
      dvnVid: 10_001,
    },
    contracts: role === 'hub' ? { ...core, ...Object.fromEntries(HUB_CONTRACTS.map((name) => [name, contract])) } : core,
    assets: [{ index: 1, symbol: 'USDC', token: address('0c'), decimals: 6, standing: 'Settlement' }],
  };
}

describe('live files', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'live-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('given a written network, it is read back as it was, and nothing else is left in the directory', () => {
    const chains = [live('hub', 0, 'hub'), live('spoke-a', 1, 'spoke')];
    for (const chain of chains) writeLive(dir, chain);
    const network = readLive(dir);
    expect(network).toEqual({ network: 'local', chains, hub: chains[0] });
    expect(liveChainOf(network, eid(40_002))).toEqual(chains[1]);
    expect(readdirSync(dir).sort()).toEqual(['hub.json', 'spoke-a.json']);
  });

  it('given an interrupted deployment, the part is readable and the network is refused with what is missing', () => {
    writeLive(dir, { ...live('hub', 0, 'hub'), contracts: { AccessManager: contract } });
    expect(readPartialLive(dir, 'hub')?.contracts).toEqual({ AccessManager: contract });
    expect(() => readLive(dir)).toThrow(/hub\.json is no live file:[\s\S]*contracts\.Messenger/);
  });

  it.each<[string, LiveChain[], RegExp]>([
    [
      'no hub',
      [live('spoke-a', 1, 'spoke')],
      /holds 0 hubs; expected exactly 1 with Ledger, Gateway, Delegates, Withdrawals, InterestModel, NormalTable, Feeds, /,
    ],
    [
      'two chains of one eid',
      [live('hub', 0, 'hub'), { ...live('spoke-a', 1, 'spoke'), eid: eid(40_001) }],
      /two chains have the same eid/,
    ],
    [
      'a chain of another network',
      [live('hub', 0, 'hub'), { ...live('spoke-a', 1, 'spoke'), network: 'other' }],
      /spoke-a is of network other; expected local/,
    ],
  ])('given %s, the network is refused', (_case, chains, message) => {
    for (const chain of chains) writeLive(dir, chain);
    expect(() => readLive(dir)).toThrow(message);
  });

  it('given no directory, no JSON or an unknown chain, the error says what was expected', () => {
    expect(() => readLive(path.join(dir, 'none'))).toThrow(/none does not exist; expected the live files of a network: deploy it first/);
    writeFileSync(path.join(dir, 'hub.json'), '{');
    expect(() => readLive(dir)).toThrow(/hub\.json is no JSON; expected a live file/);
    rmSync(path.join(dir, 'hub.json'));
    writeLive(dir, live('hub', 0, 'hub'));
    expect(() => liveChainOf(readLive(dir), 'moon')).toThrow('no chain moon in local; expected one of hub (40001)');
  });
});
