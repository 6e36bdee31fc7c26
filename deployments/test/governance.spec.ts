import { afterEach, describe, expect, it } from '@jest/globals';
import { apply, parseDesired, plan, verify, describeProblem, type Desired, type DesiredInput } from '../src/index.js';
import { devAccount } from './anvil.js';
import { TestChains } from './local-network.js';

const DELAY = 172_800;
const OWNER = { address: devAccount(1).address, delaySeconds: DELAY };

/** Governance of a live network: the deployer keeps nothing, everything that raises risk waits 48 hours. */
function governed(base: DesiredInput): Desired {
  const late = { members: [{ ...OWNER }] };
  const guardian = { members: [{ address: devAccount(2).address, delaySeconds: 0 }] };
  return parseDesired({ ...base, access: { ...base.access, admin: late, governor: late, operator: late, guardian } });
}

describe('governance with delays', () => {
  let chains: TestChains | undefined;
  afterEach(() => chains?.stop());

  describe('given a deployer that gave everything away', () => {
    it('when a limit changes, it is scheduled, waits, and the next apply after the delay executes it', async () => {
      chains = await TestChains.start(2);
      const { liveDir } = chains;
      const prepared = await chains.prepare();
      const desired = governed(prepared.desired);
      await apply({ desired, clients: prepared.clients, liveDir });
      expect((await verify(desired, prepared.clients)).map(describeProblem)).toEqual([]);

      const lower = parseDesired({
        ...desired,
        chains: desired.chains.map((chain) => ({
          ...chain,
          assets: chain.assets.map((asset) => ({ ...asset, minDeposit: asset.symbol === 'USDC' ? 7n : asset.minDeposit })),
        })),
      });
      await expect(apply({ desired: lower, clients: prepared.clients, liveDir })).rejects.toThrow(
        /0xf39F\w+ may not set CollateralVault limits of USDC on hub; expected an account with the role for it/,
      );

      const clients = prepared.clients.map((client) => ({ ...client, account: devAccount(1) }));
      const first = await apply({ desired: lower, clients, liveDir });
      expect(first.done).toEqual([]);
      expect(first.scheduled.map(({ step }) => `${step.chain} ${step.subject}`)).toEqual([
        'hub CollateralVault limits of USDC',
        'spoke-a CollateralVault limits of USDC',
      ]);

      const early = await apply({ desired: lower, clients, liveDir });
      expect(early).toMatchObject({ transactions: 0, done: [] });
      expect(early.scheduled).toHaveLength(2);

      for (const { control } of chains.anvils) {
        await control.increaseTime({ seconds: DELAY });
        await control.mine({ blocks: 1 });
      }
      const late = await apply({ desired: lower, clients, liveDir });
      expect(late.scheduled).toEqual([]);
      expect(late.done).toHaveLength(2);
      expect(await plan(lower, clients)).toEqual([]);
    });
  });
});
