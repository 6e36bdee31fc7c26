import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseOrders, type LeftWaiting, type OrderableClaim } from '../src/ordering.js';
import { eid } from '../src/units.js';

interface Wanted {
  readonly asset: number;
  readonly units: bigint;
  readonly fromCash: boolean;
  /** false: no bucket counts it */
  readonly limited: boolean;
}
interface Token {
  readonly capacity: bigint;
  readonly level: bigint;
  readonly free: bigint;
}

/** `TokenBucket.outflow`: a fifth is kept for orders of up to a hundredth of the capacity. */
function outflow(units: bigint, { capacity, level }: Token): { passes: boolean; drawn: bigint; room: bigint } {
  const kept = units <= capacity / 100n ? 0n : capacity / 5n;
  const most = capacity - kept;
  const drawn = units < most ? units : most;
  const room = level > kept ? level - kept : 0n;
  return { passes: drawn <= room && capacity !== 0n, drawn, room };
}

/** The hub: one claim after the other, each as `ClaimQueue._tryOrder` does. @returns those it orders */
function hub(claims: readonly Wanted[], ids: readonly number[], start: readonly Token[]): { ordered: number[]; tokens: readonly Token[] } {
  const tokens = [...start];
  const ordered = ids.filter((id) => {
    const { asset, units, fromCash, limited } = claims[id] ?? fail();
    const token = tokens[asset] ?? fail();
    const { passes, drawn } = outflow(units, token);
    if (limited && !passes) return false;
    if (fromCash && units > token.free) return false;
    tokens[asset] = { ...token, level: token.level - (limited ? drawn : 0n), free: token.free - (fromCash ? units : 0n) };
    return true;
  });
  return { ordered, tokens };
}
function fail(): never {
  throw new Error('the test names a claim or token that it did not make');
}

const SPOKE = eid(40002);
const choose = (claims: readonly Wanted[], tokens: readonly Token[], most = 1_000) =>
  chooseOrders(
    claims.map(({ asset, units, fromCash, limited }, i): OrderableClaim => {
      const { passes, room } = outflow(units, tokens[asset] ?? fail());
      return { claim: BigInt(i), token: { eid: SPOKE, asset }, units, fromCash, bucket: limited ? { passes, room } : null };
    }),
    ({ asset }) => {
      const token = tokens[asset] ?? fail();
      return { free: token.free, level: outflow(0n, token).room };
    },
    most,
  );
const idsOf = (ordered: readonly bigint[]): number[] => ordered.map(Number);

const token: fc.Arbitrary<Token> = fc
  .tuple(fc.bigInt(0n, 100_000n), fc.bigInt(0n, 1_000n), fc.bigInt(0n, 200_000n))
  .map(([capacity, share, free]) => ({ capacity, level: (capacity * share) / 1_000n, free }));
const tokens = fc.array(token, { minLength: 3, maxLength: 3 });
const units = fc.oneof(fc.bigInt(0n, 200n), fc.bigInt(0n, 5_000n), fc.bigInt(0n, 200_000n));
const claim: fc.Arbitrary<Wanted> = fc.record({ asset: fc.nat(2), units, fromCash: fc.boolean(), limited: fc.boolean() });
const queue = fc.array(claim, { maxLength: 40 });

describe('the order of claims', () => {
  it('given any queue, it chooses exactly what the hub would order going through it by age', () => {
    fc.assert(
      fc.property(queue, tokens, (claims, rooms) => {
        const all = claims.map((_, i) => i);
        const { ordered, waiting } = choose(claims, rooms);
        expect(idsOf(ordered)).toEqual(hub(claims, all, rooms).ordered);
        expect([...ordered, ...waiting.map((w) => w.claim)].sort((a, b) => Number(a - b))).toEqual(all.map(BigInt));
      }),
      { numRuns: 2_000 },
    );
  });

  it('given any queue, the hub orders everything that was chosen, alone', () => {
    fc.assert(
      fc.property(queue, tokens, fc.integer({ min: 1, max: 5 }), (claims, rooms, most) => {
        const ids = idsOf(choose(claims, rooms, most).ordered);
        expect(ids.length).toBeLessThanOrEqual(most);
        expect(hub(claims, ids, rooms).ordered).toEqual(ids);
      }),
      { numRuns: 2_000 },
    );
  });

  it('given any queue, large orders leave small ones a fifth of a bucket', () => {
    fc.assert(
      fc.property(queue, tokens, (claims, rooms) => {
        const large = claims.filter(({ asset, units: u }) => u > (rooms[asset]?.capacity ?? 0n) / 100n);
        const after = hub(large, idsOf(choose(large, rooms).ordered), rooms).tokens;
        after.forEach(({ level, capacity }, i) => {
          const before = rooms[i]?.level ?? 0n;
          expect(level).toBeGreaterThanOrEqual(before < capacity / 5n ? before : capacity / 5n);
        });
      }),
    );
  });

  it('given any queue, what is chosen among older claims does not depend on a younger one', () => {
    fc.assert(
      fc.property(queue, tokens, fc.nat(39), (claims, rooms, at) => {
        fc.pre(at < claims.length);
        const full = idsOf(choose(claims, rooms).ordered).filter((id) => id < at);
        const rest = claims.map((c, i) => (i === at ? { ...c, units: 10n ** 12n, fromCash: true } : c)); // one that never fits
        expect(idsOf(choose(rest, rooms).ordered).filter((id) => id < at)).toEqual(full);
      }),
    );
  });

  const wide: Token = { capacity: 10_000n, level: 10_000n, free: 1_000n };
  const cash = (amount: bigint, asset = 0): Wanted => ({ asset, units: amount, fromCash: true, limited: true });
  const because = (claims: readonly Wanted[], rooms: readonly Token[], most?: number): [number, LeftWaiting][] =>
    choose(claims, rooms, most).waiting.map((w) => [Number(w.claim), w.because]);

  it('given one that does not fit, it is passed over and holds nobody up, of its own token or of another', () => {
    const claims = [cash(900n), cash(200n), cash(100n), cash(1_000n, 1)];
    expect(idsOf(choose(claims, [wide, wide]).ordered)).toEqual([0, 2, 3]);
    expect(because(claims, [wide, wide])).toEqual([[1, 'Liquidity']]);
  });

  it('given an empty bucket, it says so; given a full batch, the rest is for the next one', () => {
    expect(because([cash(500n)], [{ ...wide, level: 0n }])).toEqual([[0, 'OutflowLimit']]);
    expect(because([cash(1n), cash(2n), cash(3n)], [wide], 2)).toEqual([[2, 'NextBatch']]);
  });

  it('given an order above all that a bucket can give, it passes a full one, first, and small ones still pass after it', () => {
    const rich = { ...wide, free: 10n ** 9n };
    expect(idsOf(choose([cash(50_000n), cash(101n), cash(100n)], [rich]).ordered)).toEqual([0, 2]);
    expect(idsOf(choose([cash(100n), cash(50_000n)], [rich]).ordered)).toEqual([0]);
  });
});
