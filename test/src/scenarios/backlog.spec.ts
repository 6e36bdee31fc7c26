import { iCollateralVaultAbi, iGatewayAbi, iLedgerAbi, testTokenAbi } from '@lockstep/contracts';
import { encodeFunctionData, type Address, type Hex } from 'viem';
import { Operator } from '../harness/operator.js';
import type { StackChain } from '../harness/stack.js';
import type { DepositOrder } from '../harness/user.js';
import { World } from '../harness/world.js';

const CHUNK = 50;

describe('given a spoke whose entries pile up while no relayer runs', () => {
  let world: World;
  let operator: Operator;
  let spoke: StackChain;

  beforeAll(async () => {
    world = await World.start({ spokes: 1, relayer: false, chunkSize: CHUNK });
    operator = new Operator(world.stack, world.flow);
    spoke = world.stack.chains[1]!;
  });
  afterAll(() => world.stop());

  describe('when 1,000 entries wait behind one checkpoint, one of a token the hub does not know', () => {
    const GOOD = 999;

    it('is split and delivered in chunks; the poison entry parks, all others are credited', async () => {
      const users = Array.from({ length: 10 }, (_, i) => world.user(i));
      await world.mining({ kind: 'auto' });
      const unlisted = spoke.assets.length + 1;
      const poison = await operator.deployToken(spoke, 'Unheard Of', 'UNHEARD', 18);
      await operator.govern(
        spoke,
        spoke.vault,
        encodeFunctionData({ abi: iCollateralVaultAbi, functionName: 'listAsset', args: [poison, 1n, 10n ** 30n] }),
      );

      const half = (count: number): DepositOrder[] =>
        Array.from({ length: count }, (_, i) => ({ chain: spoke, asset: i % 2 ? 'USDC' : 'WETH', amount: BigInt(1 + i) }));
      const made = [];
      for (const [i, user] of users.entries()) {
        made.push(...(await user.depositMany(half(i === 0 ? 99 : 100))));
        if (i === 4) await depositPoison(poison, unlisted);
      }
      expect(made).toHaveLength(GOOD);
      await operator.flush(spoke);
      await world.resumeMining();
      await world.relayer.start();
      await world.flow.settled({ timeoutMs: 120_000 });
      await world.flow.ended(made);

      const endings = [...(await world.flow.endings(spoke.eid)).entries()];
      const parked = endings.filter(([, e]) => e === 'parked');
      expect(parked).toHaveLength(1);
      expect(await world.flow.packets(spoke)).toBe(1);
      await world.assertInvariants();

      const [[sequence]] = parked as [[bigint, string]];
      await configureOnHub(unlisted);
      const [entry] = await world.flow.entries(spoke, sequence, sequence);
      const { hub } = world.stack;
      await operator.send(hub, {
        to: hub.gateway,
        data: encodeFunctionData({ abi: iGatewayAbi, functionName: 'retry', args: [spoke.eid, sequence, entry!] }),
      });
      expect((await world.flow.endings(spoke.eid)).get(sequence)).toBe('credited');
      await world.assertInvariants();
    });
  });

  /** A deposit of a token that the vault takes and the hub has never heard of. */
  async function depositPoison(token: Address, index: number): Promise<void> {
    const user = world.user(20);
    const call = async (to: Address, data: Hex) => expect((await user.call(spoke, to, data)).status).toBe('success');
    await call(token, encodeFunctionData({ abi: testTokenAbi, functionName: 'mint', args: [user.address, 100n] }));
    await call(token, encodeFunctionData({ abi: testTokenAbi, functionName: 'approve', args: [spoke.vault, 100n] }));
    const params = { account: user.account(), asset: index, amount: 100n, refund: user.address, express: false };
    await call(spoke.vault, encodeFunctionData({ abi: iCollateralVaultAbi, functionName: 'deposit', args: [params] }));
  }

  async function configureOnHub(index: number): Promise<void> {
    const { hub } = world.stack;
    const cap = 10n ** 24n;
    const config = { standing: 1, decimals: 18, cap, inflowCapacity: cap, inflowPerSecond: cap };
    await operator.govern(
      hub,
      hub.ledger,
      encodeFunctionData({ abi: iLedgerAbi, functionName: 'configureAsset', args: [spoke.eid, index, config] }),
    );
  }
});
