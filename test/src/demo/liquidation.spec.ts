import { whole } from '../harness/tokens.js';
import { paidElsewhere, type LiquidationRecord } from '../harness/liquidation-records.js';
import { eventually } from '../harness/wait.js';
import type { World } from '../harness/world.js';
import { tellLiquidation } from './liquidation.js';
import { startNetwork } from './story.js';

const silent = { stage: () => undefined, say: () => undefined };
const PATIENCE_MS = 90_000;

describe("given the demo's network, and a market maker with cash on one of its chains", () => {
  let world: World;
  beforeAll(async () => {
    world = await startNetwork(silent);
    const { hub } = world.stack;
    const deposit = await world.user(1).deposit({ chain: hub, asset: 'USDC', amount: whole(hub, 'USDC', 200_000n) });
    await world.flow.ended([deposit], 'credited');
  });
  afterAll(() => world.stop());

  describe('when prices fall below what an account with collateral on two chains carries', () => {
    it('liquidates it, and pays the liquidator on the third by the route of its bid; the count asks for all of that', async () => {
      const { records } = await tellLiquidation(world, silent, PATIENCE_MS);
      const [record, ...others] = records;
      if (!record) throw new Error('no auction was told of');
      expect(others).toEqual([]);
      const { hub, chains } = world.stack;
      const touched = record.touched.map(({ eid }) => eid).sort();
      expect(touched).toEqual(chains.map(({ eid }) => eid).filter((eid) => eid !== hub.eid));
      expect(record.routes.map(({ bidder }) => bidder)).toEqual(Array.from({ length: record.bids }, () => world.user(3).account()));
      expect(record.routes.flatMap(({ claims }) => claims)).toEqual(record.payouts.map(({ claim }) => claim));
      expect(new Set(record.payouts.map(({ chain, payout }) => `${payout?.kind ?? ''} on ${chain.eid}`))).toEqual(
        new Set([`paid on ${hub.eid}`]),
      );
      expect(paidElsewhere(record)).toBe(true);

      const [taken] = record.touched;
      if (!taken) throw new Error('nothing was touched');
      const spoilt: Record<string, Partial<LiquidationRecord>> = {
        'still open': { ended: false },
        'nothing sold': { bids: 0 },
        'one chain touched': { touched: [taken] },
        'no route chosen': { routes: [], payouts: [] },
        'not paid yet': { payouts: record.payouts.map((state) => ({ ...state, payout: undefined })) },
        'paid where something was taken': { touched: [...record.touched, { ...taken, eid: hub.eid }] },
      };
      for (const [what, change] of Object.entries(spoilt))
        expect({ what, counted: paidElsewhere({ ...record, ...change }) }).toEqual({ what, counted: false });

      // The relayer tells the same of it, with the transactions in which it happened.
      const told = await eventually('the relayer to tell of the receipts', async (note) => {
        const found = await world.relayer.api.liquidation(record.id);
        note(found);
        return found.payouts.length > 0 && found.payouts.every(({ receipted }) => receipted) ? found : undefined;
      });
      expect(told).toMatchObject({ id: record.id, kind: 'margin', account: record.account, state: 'ended' });
      expect(told.bids).toHaveLength(record.bids);
      const amounts = (list: readonly { readonly eid: number; readonly amountBaseUnits: bigint }[]) =>
        list.map(({ eid, amountBaseUnits }) => `${eid}: ${amountBaseUnits}`).sort();
      expect(amounts(told.touched)).toEqual(record.touched.map(({ eid, amount }) => `${eid}: ${amount}`).sort());
      expect(amounts(told.payouts)).toEqual(record.payouts.map(({ chain, units }) => `${chain.eid}: ${units}`).sort());
      const paid = told.payouts[0]?.steps.find(({ stage }) => stage === 'paid');
      expect(paid?.eid).toBe(hub.eid);
      expect((await hub.client.getTransactionReceipt({ hash: paid?.tx ?? '0x' })).status).toBe('success');
      await world.assertInvariants(['INV-LIQ-1', 'INV-LIQ-3']);
    });
  });
});
