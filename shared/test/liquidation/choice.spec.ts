import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ChainCost, type ChainState, cheapestFirst, type Choice, type Source } from '../../src/liquidation/choice.js';
import { WAD } from '../../src/risk/decimal.js';
import { eid } from '../../src/units.js';

const percent = (value: number): bigint => (BigInt(value) * WAD) / 100n;
const costs = { degraded: percent(2), quarantined: percent(30) };
const healthy: ChainState = { kind: 'healthy' };
const source = (assetId: number, on: number, value: number, haircut: number, liquidity = value): Source => ({
  assetId,
  eid: eid(on),
  value: BigInt(value) * WAD,
  haircut: percent(haircut),
  liquidity: BigInt(liquidity) * WAD,
});
const chain = (on: number, message: number, state: ChainState = healthy): ChainCost => ({
  eid: eid(on),
  message: BigInt(message) * WAD,
  state,
});
const idsOf = ({ uses }: Choice): number[] => uses.map(({ assetId }) => assetId);

const state: fc.Arbitrary<ChainState> = fc.oneof(
  fc.constantFrom<ChainState>({ kind: 'healthy' }, { kind: 'degraded' }, { kind: 'quarantined' }),
  fc.bigInt(0n, WAD).map((recovery): ChainState => ({ kind: 'written-down', recovery })),
);
const market = fc.record({
  chains: fc.tuple(...[1, 2, 3].map((id) => fc.record({ eid: fc.constant(eid(id)), message: fc.bigInt(0n, 50n * WAD), state }))),
  sources: fc.array(
    fc.record({
      eid: fc.integer({ min: 1, max: 3 }).map(eid),
      value: fc.bigInt(0n, 1_000n * WAD),
      haircut: fc.bigInt(0n, WAD),
      liquidity: fc.bigInt(0n, 1_000n * WAD),
    }),
    { maxLength: 5 },
  ),
  need: fc.bigInt(0n, 2_000n * WAD),
});
type Market = typeof market extends fc.Arbitrary<infer M> ? M : never;
const choose = ({ need, sources, chains }: Market): Choice =>
  cheapestFirst(
    need,
    sources.map((item, index) => ({ ...item, assetId: index + 1 })),
    chains,
    costs,
  );

describe('which collateral to use first', () => {
  it('given equal chains, the smaller haircut goes first and the rest covers what is left', () => {
    const choice = cheapestFirst(150n * WAD, [source(1, 1, 100, 10), source(2, 1, 100, 0)], [chain(1, 0)], costs);
    expect(choice.uses).toEqual([
      { assetId: 2, value: 100n * WAD, net: 100n * WAD },
      { assetId: 1, value: (500n * WAD) / 9n + 1n, net: 50n * WAD },
    ]);
    expect(choice.missing).toBe(0n);
  });

  it('given a message that costs more than the haircut it saves, one chain is used', () => {
    const sources = [source(1, 1, 100, 5), source(2, 2, 50, 0)];
    expect(idsOf(cheapestFirst(60n * WAD, sources, [chain(1, 1), chain(2, 10)], costs))).toEqual([1]);
    expect(idsOf(cheapestFirst(60n * WAD, sources, [chain(1, 1), chain(2, 1)], costs))).toEqual([2, 1]);
  });

  it('given a degraded chain, a healthy one with the same asset goes first; a quarantined one last', () => {
    const sources = [source(1, 1, 100, 1), source(2, 2, 100, 1), source(3, 3, 100, 1)];
    const chains = [chain(1, 0, { kind: 'quarantined' }), chain(2, 0, { kind: 'degraded' }), chain(3, 0)];
    expect(idsOf(cheapestFirst(250n * WAD, sources, chains, costs))).toEqual([3, 2, 1]);
  });

  it('given a vault that can pay a part, no more than that is used of it', () => {
    const choice = cheapestFirst(80n * WAD, [source(1, 1, 100, 0, 30), source(2, 2, 100, 10)], [chain(1, 0), chain(2, 0)], costs);
    expect(choice.uses[0]).toEqual({ assetId: 1, value: 30n * WAD, net: 30n * WAD });
  });

  it('given a written-down chain, only what it recovers counts', () => {
    const choice = cheapestFirst(80n * WAD, [source(1, 1, 100, 0)], [chain(1, 0, { kind: 'written-down', recovery: percent(50) })], costs);
    expect(choice.uses).toEqual([{ assetId: 1, value: 50n * WAD, net: 35n * WAD }]);
    expect(choice.missing).toBe(45n * WAD);
  });

  it('given no need, nothing is used', () => {
    expect(cheapestFirst(0n, [source(1, 1, 100, 0)], [chain(1, 1)], costs)).toEqual({ uses: [], cost: 0n, missing: 0n });
  });

  it('given a chain nobody described, or too many, it says so', () => {
    expect(() => cheapestFirst(1n, [source(1, 9, 1, 0)], [chain(1, 0)], costs)).toThrow(/asset 1 is on chain 9; expected one of 1/);
    const many = Array.from({ length: 17 }, (_, index) => chain(index + 1, 0));
    expect(() => cheapestFirst(1n, [], many, costs)).toThrow(/there are 17 chains; expected at most 16/);
  });

  it('given anything, what is covered and what is missing sum to the need, and nothing is used beyond its means', () => {
    fc.assert(
      fc.property(market, (input) => {
        const { uses, missing } = choose(input);
        expect(uses.reduce((sum, { net }) => sum + net, missing)).toBe(input.need);
        for (const { assetId, value, net } of uses) {
          expect(value).toBeLessThanOrEqual(input.sources[assetId - 1]?.liquidity ?? 0n);
          expect(value).toBeLessThanOrEqual(input.sources[assetId - 1]?.value ?? 0n);
          expect(net).toBeLessThanOrEqual(value);
        }
      }),
    );
  });

  it('given anything, no order of whole sources is cheaper at the same cover', () => {
    const orders = (length: number): number[][] =>
      length === 0
        ? [[]]
        : orders(length - 1).flatMap((order) =>
            Array.from({ length }, (_, place) => [...order.slice(0, place), length - 1, ...order.slice(place)]),
          );
    fc.assert(
      fc.property(market, (input) => {
        const best = choose(input);
        for (const order of orders(input.sources.length)) {
          // One source after the other, each as far as needed, whatever it costs.
          let missing = input.need;
          let cost = 0n;
          const used = new Set<number>();
          for (const index of order) {
            const item = input.sources[index];
            if (item === undefined) continue;
            const alone = cheapestFirst(
              missing,
              [{ ...item, assetId: 1 }],
              input.chains.map((c) => ({ ...c, message: 0n })),
              costs,
            );
            if (alone.uses.length === 0) continue;
            missing = alone.missing;
            cost += alone.cost;
            used.add(item.eid);
          }
          for (const { eid: id, message } of input.chains) if (used.has(id)) cost += message;
          expect(best.missing).toBeLessThanOrEqual(missing + 5n);
          if (missing === best.missing) expect(best.cost).toBeLessThanOrEqual(cost + 5n);
        }
      }),
      { numRuns: 60 },
    );
  });
});
