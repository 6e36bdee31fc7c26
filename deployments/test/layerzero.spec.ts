import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eid } from '@lockstep/shared';
import { endpointAbi } from '../src/layerzero/abi.js';
import { deployLayerZero, layerZeroCalls, type LayerZeroOptions } from '../src/layerzero/deploy.js';
import { Anvil, devAccount } from './anvil.js';

const eids = [eid(40_001), eid(40_002), eid(40_003)];

function optionsOf(index: number): LayerZeroOptions {
  const own = eids[index];
  if (own === undefined) throw new Error(`no eid ${index}`);
  return {
    eid: own,
    remoteEids: eids.filter((other) => other !== own),
    owner: devAccount(9),
    dvn: { signers: [devAccount(8).address], admin: devAccount(7).address },
    nonceOffset: index,
  };
}

describe('deployLayerZero', () => {
  let chains: Anvil[] = [];

  beforeAll(async () => {
    chains = await Promise.all([31_001, 31_002, 31_003].map((id) => Anvil.start(id)));
  });
  afterAll(async () => {
    await Promise.all(chains.map((chain) => chain.stop()));
  });

  describe('given three empty chains', () => {
    it('deploys LayerZero on each, at addresses that differ, and a second run sends nothing', async () => {
      const started = performance.now();
      const stacks = await Promise.all(chains.map((chain, i) => deployLayerZero(chain.client(`chain${i}`), optionsOf(i))));
      process.stdout.write(`three LayerZero stacks in ${Math.round(performance.now() - started)} ms\n`);
      expect(new Set(stacks.map((s) => s.endpoint)).size).toBe(3);

      for (const [i, chain] of chains.entries()) {
        const { rpc } = chain.client(`chain${i}`);
        const before = await rpc.getTransactionCount({ address: devAccount(9).address });
        expect(await deployLayerZero(chain.client(`chain${i}`), optionsOf(i))).toEqual(stacks[i]);
        expect(await rpc.getTransactionCount({ address: devAccount(9).address })).toBe(before);
        expect(before).toBe(layerZeroCalls(optionsOf(i)).calls.length);
        for (const remote of optionsOf(i).remoteEids) {
          const lib = await rpc.readContract({
            address: stacks[i]!.endpoint,
            abi: endpointAbi,
            functionName: 'defaultSendLibrary',
            args: [remote],
          });
          expect(lib).toBe(stacks[i]!.sendUln302);
        }
      }
    });
  });
});
