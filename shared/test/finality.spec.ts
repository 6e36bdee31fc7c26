import { describe, expect, it } from '@jest/globals';
import { finalHeight } from '../src/finality.js';
import { blockNumber, unixSeconds } from '../src/units.js';

const block = (n: number, t: number) => ({ number: blockNumber(BigInt(n)), timestamp: unixSeconds(BigInt(t)) });
const view = { head: block(100, 1000), tagged: null, recent: [block(98, 976), block(99, 988), block(97, 964)] };

describe('finalHeight', () => {
  it('given a tag, it is the tagged height, never above the head', () => {
    expect(finalHeight({ kind: 'tag', tag: 'finalized' }, { ...view, tagged: blockNumber(64n) }, null)).toBe(64n);
    expect(finalHeight({ kind: 'tag', tag: 'safe' }, { ...view, tagged: blockNumber(164n) }, null)).toBe(100n);
  });
  it('given a node without the tag, it is what was known before', () => {
    expect(finalHeight({ kind: 'tag', tag: 'finalized' }, view, blockNumber(60n))).toBe(60n);
    expect(finalHeight({ kind: 'tag', tag: 'finalized' }, view, null)).toBeNull();
  });
  it('given blocks, it counts back from the head', () => {
    expect(finalHeight({ kind: 'blocks', blocks: 3 }, view, null)).toBe(97n);
    expect(finalHeight({ kind: 'blocks', blocks: 101 }, view, null)).toBeNull();
  });
  it('given seconds, it is the newest block that old, by chain time', () => {
    expect(finalHeight({ kind: 'seconds', seconds: 24 }, view, null)).toBe(98n);
    expect(finalHeight({ kind: 'seconds', seconds: 13 }, view, null)).toBe(98n);
    expect(finalHeight({ kind: 'seconds', seconds: 0 }, view, null)).toBe(100n);
  });
  it('given a lower answer than before, it does not fall', () => {
    expect(finalHeight({ kind: 'blocks', blocks: 10 }, view, blockNumber(95n))).toBe(95n);
  });
});
