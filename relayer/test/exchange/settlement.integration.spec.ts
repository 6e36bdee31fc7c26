import { describe, expect, it } from '@jest/globals';
import type { Hex } from 'viem';
import { alice, bob, carol, dora, givenDesk, revert, units } from './desk.js';
import { orderOf, signed } from './world.js';

const desk = givenDesk();

describe('given matches to be settled', () => {
  it('sends all of them in one transaction, waits for it, and follows it to finality and back', async () => {
    await desk().matched(3);
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['sent', 'sent', 'sent']);
    expect((await desk().intents()).map(({ role, state }) => [role, state])).toEqual([['match', 'queued']]);
    await desk().matched(1);
    await desk().world.settlement.settle();
    expect(await desk().intents()).toHaveLength(1);
    await desk().laneSays('mined');
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['settled', 'settled', 'settled', 'sent']);
    expect(await desk().intents()).toHaveLength(2);
    // A reorg takes the first one out; the second one goes on.
    await desk().database.query(
      `update tx_intents set state = 'queued', nonce = null, mined_hash = null, mined_block = null, mined_block_hash = null, gas_used = null,
         gas_price = null where id = (select min(id) from tx_intents)`,
    );
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['sent', 'sent', 'sent', 'sent']);
    await desk().laneSays('final');
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['sent', 'sent', 'sent', 'settled final']);
  });

  it('given one the hub refuses for the buyer, the others settle and the seller waits again in his place', async () => {
    const maker = await desk().place(alice, 'sell', 1, 60_000);
    const poor = await desk().place(carol, 'buy', 1, 60_000);
    await desk().world.matcher().match();
    const behind = await desk().place(bob, 'sell', 1, 60_000);
    await desk().world.matcher().match();
    desk().world.hub.refuses = (matches) =>
      matches.some(({ buy }) => buy.order.account === carol.account) ? revert('BelowInitialMargin', carol.account, '5', '10') : null;
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['failed']);
    expect((await desk().world.queries.order(poor.hash))?.reason).toBe(`BelowInitialMargin(${carol.account}, 5, 10)`);
    expect(await desk().shown(poor.hash)).toEqual(['rejected', units(1)]);
    expect(await desk().shown(maker.hash)).toEqual(['open', units(1)]);
    const rich = await desk().place(bob, 'buy', 1, 60_000);
    await desk().world.matcher().match();
    expect(await desk().shown(rich.hash)).toEqual(['filled', '0']);
    expect(await desk().shown(maker.hash)).toEqual(['filled', '0']);
    expect(await desk().shown(behind.hash)).toEqual(['open', units(1)]);
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['failed', 'sent']);
  });

  it('given matches that pass alone but not together, they settle one after the other', async () => {
    await desk().matched(2);
    desk().world.hub.refuses = (matches) => (matches.length > 1 ? revert('BelowInitialMargin', bob.account) : null);
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['sent', 'matched']);
    await desk().laneSays('final');
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['settled final', 'sent']);
  });

  it('given prices that are not fresh, a match waits until they are', async () => {
    await desk().matched(1);
    desk().world.hub.refuses = () => revert('PricesNotFresh', bob.account, '3');
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['matched']);
    desk().world.hub.refuses = () => null;
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['sent']);
  });

  it('given a refusal that names nobody, both orders end', async () => {
    const { makers, taker } = await desk().matched(1);
    desk().world.hub.refuses = () => ({ kind: 'message', message: 'paused' });
    await desk().world.settlement.settle();
    for (const hash of [makers[0]?.hash ?? '0x', taker.hash]) expect(await desk().shown(hash)).toEqual(['rejected', units(1)]);
  });

  it.each(['reverted', 'rejected'] as const)('given a transaction that was %s, its matches are judged and sent again', async (state) => {
    await desk().matched(1);
    await desk().world.settlement.settle();
    await desk().laneSays(state);
    await desk().world.settlement.settle();
    const [first, second] = await desk().intents();
    expect(second?.dedupe_key).not.toBe(first?.dedupe_key);
    expect(await desk().states()).toEqual(['sent']);
  });

  const sent = (): Promise<{ hash: Hex }[]> =>
    desk().database.query(`select o.hash from exchange_matches m join exchange_orders o on o.id = m.sell_order where m.state = 'sent'`);

  it('given a signer that fails what it shares when it is mined, the others settle without it and its order ends', async () => {
    // Carol's key trades for a wallet that is a contract.
    desk().world.hub.delegates.set(dora.account, carol.key.address);
    desk().world.hub.contracts.add(carol.key.address);
    const order = orderOf(dora, 'sell', 1, 60_000);
    expect((await desk().world.intake.take(await signed(carol, order), 'gtc')).kind).toBe('taken');
    const good = await desk().place(alice, 'sell', 1, 60_000);
    const taker = await desk().place(bob, 'buy', 2, 60_000);
    await desk().world.matcher().match();
    for (let batches = 0; batches < 2; batches++) {
      await desk().world.settlement.settle();
      expect(await sent()).toHaveLength(2);
      await desk().laneSays('reverted');
    }
    // One after the other now: whichever goes first, the good one settles.
    for (let tries = 0; tries < 6; tries++) {
      await desk().world.settlement.settle();
      const [one, ...others] = await sent();
      expect(others).toEqual([]);
      if (one !== undefined) await desk().laneSays(one.hash === good.hash ? 'final' : 'reverted');
    }
    expect((await desk().states()).sort()).toEqual(['failed', 'settled final']);
    expect((await desk().world.queries.ofAccount(dora.account, 'all')).map(({ state }) => state)).toEqual(['rejected']);
    expect(await desk().shown(good.hash)).toEqual(['filled', '0']);
    expect(await desk().shown(taker.hash)).toEqual(['open', units(1)]);
    expect(await desk().intents()).toHaveLength(5);
  });

  it('given one who moved his margin away in the block that was to settle, he is named, not who signs by contract', async () => {
    desk().world.hub.contracts.add(carol.key.address);
    const maker = await desk().place(carol, 'sell', 1, 60_000);
    const taker = await desk().place(bob, 'buy', 1, 60_000);
    await desk().world.matcher().match();
    desk().world.hub.refusedThen = () => revert('BelowInitialMargin', bob.account, '5', '10');
    await desk().world.settlement.settle();
    await desk().laneSays('reverted');
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['failed']);
    expect(await desk().shown(taker.hash)).toEqual(['rejected', units(1)]);
    expect(await desk().shown(maker.hash)).toEqual(['open', units(1)]);
  });

  it('given transactions that were never mined, the matches stay together', async () => {
    await desk().matched(3);
    for (let tries = 0; tries < 5; tries++) {
      await desk().world.settlement.settle();
      expect(await desk().states()).toEqual(['sent', 'sent', 'sent']);
      await desk().laneSays('rejected');
    }
  });

  it('given one that came back and waits for prices, those that came later settle', async () => {
    await desk().matched(1);
    for (let tries = 0; tries < 2; tries++) {
      await desk().world.settlement.settle();
      await desk().laneSays('reverted');
    }
    desk().world.hub.refuses = (matches) =>
      matches.some(({ failures }) => failures > 0) ? revert('PricesNotFresh', bob.account, '3') : null;
    await desk().matched(1);
    await desk().world.settlement.settle();
    expect(await desk().states()).toEqual(['matched', 'sent']);
  });

  it('given an order that was not to wait, what was taken back from it ends', async () => {
    await desk().place(alice, 'sell', 1, 60_000);
    const taker = await desk().place(bob, 'buy', 1, 60_000, 'ioc');
    await desk().world.matcher().match();
    desk().world.hub.refuses = () => revert('OrderCancelled', alice.account);
    await desk().world.settlement.settle();
    expect(await desk().shown(taker.hash)).toEqual(['cancelled', units(1)]);
  });
});
