import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eid } from '@lockstep/shared';
import { describeProblem, forkSources, knownLive, layerzeroFromLive, verify, type LocalNetwork, type LocalNode } from '../src/index.js';
import { TestChains } from './local-network.js';

describe('forks', () => {
  describe('given local chains that hold the LayerZero stack', () => {
    let origin: TestChains;
    let forks: TestChains | undefined;

    beforeAll(async () => {
      origin = await TestChains.start(2);
    });
    afterAll(async () => {
      await Promise.all([origin.stop(), forks?.stop()]);
    });

    it('when Lockstep is deployed on forks of them, it uses their endpoint and libraries with its own DVNs', async () => {
      const { desired } = await origin.prepare();
      forks = await TestChains.fork(origin);
      const nodes = forks.nodes.map((node): LocalNode => {
        const { eid: id, layerzero } = desired.chains.find((chain) => chain.name === node.name)!;
        return { ...node, layerzero: { eid: id, endpoint: layerzero.endpoint } };
      });
      const network: LocalNetwork = await forks.deploy({ nodes, network: 'fork' });

      expect((await verify(network.desired, network.clients, knownLive(network.desired, forks.liveDir))).map(describeProblem)).toEqual([]);
      for (const chain of network.live.chains) {
        const source = desired.chains.find((candidate) => candidate.name === chain.chain);
        expect(chain.layerzero.sendUln302).toBe(source?.layerzero.sendUln302);
        expect(chain.layerzero.receiveUln302).toBe(source?.layerzero.receiveUln302);
        expect(chain.layerzero.dvn).not.toBe(source?.layerzero.dvn);
      }
      const again = await forks.deploy({ nodes, network: 'fork' });
      expect(again.result.transactions).toBe(0);
      expect(again.desired).toEqual(network.desired);
    });
  });

  describe('given the environment', () => {
    it('when a chain has an RPC URL, it is a fork source with its own endpoint', () => {
      expect(
        forkSources({ LOCKSTEP_FORK_ARBITRUM_SEPOLIA_RPC_URL: 'https://rpc.example', PATH: '/bin', LOCKSTEP_FORK_BASE_RPC_URL: '' }),
      ).toEqual([{ ...layerzeroFromLive(eid(40_231)), rpcUrl: 'https://rpc.example' }]);
    });

    it('when a variable is wrong, the error names it and what was expected', () => {
      expect(() => forkSources({ LOCKSTEP_FORK_MOON_RPC_URL: 'https://rpc.example' })).toThrow(
        /LOCKSTEP_FORK_MOON_RPC_URL names an unknown chain; expected one of ETHEREUM, /,
      );
      expect(() => forkSources({ LOCKSTEP_FORK_BASE_RPC_URL: 'rpc' })).toThrow(
        'LOCKSTEP_FORK_BASE_RPC_URL is no URL; expected http://… or https://…',
      );
      expect(() => layerzeroFromLive(eid(1))).toThrow(/eid 1 is not known; expected one of 30101 \(ethereum\)/);
    });
  });

  it('given a chain without LayerZero, when it is adopted, the error says so', async () => {
    const chains = await TestChains.start(2);
    const nodes = chains.nodes.map((node, i): LocalNode => {
      return { ...node, layerzero: { eid: eid(40_001 + i), endpoint: layerzeroFromLive(eid(30_101)).endpoint } };
    });
    await expect(chains.deploy({ nodes })).rejects.toThrow(/no LayerZero endpoint at 0x1a44\w+ on (hub|spoke-a); expected EndpointV2/);
    await chains.stop();
  });
});
