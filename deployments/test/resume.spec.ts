import { afterEach, describe, expect, it } from '@jest/globals';
import { accessManagerAbi, messengerAbi } from '@lockstep/contracts';
import { encodeFunctionData, padHex } from 'viem';
import { addressesOf, apply, chainOf, describeProblem, knownLive, plan, sendAll, verify, type PlanStep } from '../src/index.js';
import { devAccount } from './anvil.js';
import { KEYS, TestChains } from './local-network.js';

class Killed extends Error {}

/** Stops a run before its n-th step, as a kill would. */
function killBefore(count: number): (step: PlanStep) => void {
  let seen = 0;
  return () => {
    if (++seen > count) throw new Killed();
  };
}

const isKill = (error: unknown): boolean => (error instanceof AggregateError ? error.errors.every(isKill) : error instanceof Killed);

const nameOf = (step: PlanStep): string => (step.kind === 'deploy' ? step.contract.name : step.subject);

describe('an interrupted deployment', () => {
  let chains: TestChains | undefined;
  afterEach(() => chains?.stop());

  describe('given runs that are killed after every few steps', () => {
    it('when it is started again and again, it ends as one run would, and deploys nothing twice', async () => {
      chains = await TestChains.start();
      const deployed: string[] = [];
      let runs = 0;
      for (; ; runs++) {
        const stop = killBefore(3 + 23 * runs);
        try {
          await chains.deploy({
            onStep: (step) => {
              stop(step);
              if (step.kind === 'deploy') deployed.push(`${step.chain} ${step.contract.name}`);
            },
          });
          break;
        } catch (error) {
          // Steps of the chains run side by side; each run gets a little further.
          if (!isKill(error)) throw error;
          expect(runs).toBeLessThan(60);
        }
      }
      const { desired, clients, live, result } = await chains.deploy();
      expect(result.transactions).toBe(0);
      expect((await verify(desired, clients, knownLive(desired, chains.liveDir))).map(describeProblem)).toEqual([]);
      expect(live.chains).toHaveLength(3);
      expect(runs).toBeGreaterThan(2);
    });
  });

  describe('given a hub that was given a wrong peer before its routes were set up', () => {
    it('when it is applied, the peer is refused by name, everything else is done, and verify shows both ends', async () => {
      chains = await TestChains.start();
      const setUp = await chains.prepare();
      // Contracts are deployed, nothing is configured.
      const deployOnly = (step: PlanStep): void => {
        if (step.kind === 'configure') throw new Killed();
      };
      const stopped: unknown = await apply({ ...setUp, liveDir: chains.liveDir, onStep: deployOnly }).catch((error: unknown) => error);
      expect(isKill(stopped)).toBe(true);
      expect((await plan(setUp.desired, setUp.clients)).filter((step) => step.kind === 'deploy')).toEqual([]);

      const [hub, other, right] = ['hub', 'spoke-a', 'spoke-b'].map((name) => addressesOf(setUp.desired, chainOf(setUp.desired, name)));
      if (hub === undefined || other === undefined || right === undefined) throw new Error('three chains expected');
      const eid = chainOf(setUp.desired, 'spoke-b').eid;
      const wrongPeer = padHex(other.contracts.Messenger, { size: 32 });
      const setPeer = encodeFunctionData({ abi: messengerAbi, functionName: 'setPeer', args: [eid, wrongPeer] });
      const execute = encodeFunctionData({ abi: accessManagerAbi, functionName: 'execute', args: [hub.contracts.Messenger, setPeer] });
      await sendAll(setUp.clients[0]!, devAccount(0), [{ label: 'setPeer', to: hub.contracts.AccessManager, data: execute }]);

      await expect(apply({ ...setUp, liveDir: chains.liveDir })).rejects.toThrow(
        /Messenger peer of spoke-b on hub would revert: .*PeerInUse/,
      );
      const left = await plan(setUp.desired, setUp.clients);
      expect(left.map(nameOf)).toEqual(['Messenger peer of spoke-b']);
      expect((await verify(setUp.desired, setUp.clients)).map(describeProblem)).toEqual([
        expect.stringMatching(/^hub: Messenger peer of spoke-b: expected 0x0{24}.*, got 0x0{24}/),
        expect.stringMatching(/^hub: route spoke-b → hub: genesis head: expected 0x.* as on spoke-b, got 0x/),
        expect.stringMatching(/^spoke-b: route hub → spoke-b: genesis head: expected 0x.* as on hub, got 0x/),
      ]);
    });
  });

  describe('given live files of chains that were thrown away', () => {
    it('when new chains are deployed into the same directory, the files are replaced and nothing old is used', async () => {
      const earlier = await TestChains.start(2);
      const before = await earlier.deploy();
      await earlier.stop({ keepLive: true });

      chains = await TestChains.start(2, earlier.liveDir);
      // Another signer, so that another DVN belongs to another address.
      const after = await chains.deploy({ keys: { ...KEYS, lockstepDvnSigners: [devAccount(6).address] } });
      const known = knownLive(after.desired, chains.liveDir);
      expect((await verify(after.desired, after.clients, known)).map(describeProblem)).toEqual([]);
      for (const [i, chain] of after.live.chains.entries())
        expect(chain.contracts.LockstepDVN.address).not.toBe(before.live.chains[i]?.contracts.LockstepDVN.address);
    });
  });
});
