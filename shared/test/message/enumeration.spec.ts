import { describe, expect, it } from '@jest/globals';
import { ALL_RULES, explore, type Rules } from './log-model.js';

/** Long enough for two entries, two VOIDs, two flushes and a split between them; the contracts are walked to the same bound. */
const BOUND = 6;

describe('INV-LOG-1 and INV-LOG-2 in all orders of append, void, flush, receive, lose, split and deliver', () => {
  describe('given every rule of the log', () => {
    it(`then no state of up to ${BOUND} leaves breaks them`, () => {
      const { states, transitions, counterexample } = explore(BOUND, ALL_RULES);
      expect(counterexample).toBeUndefined();
      // contracts/test/message/Enumeration.t.sol walks the same graph; a change of either shows here.
      expect({ states, transitions }).toEqual({ states: 91_886, transitions: 709_672 });
    });
  });

  describe.each<{ rule: keyof Rules; history: string[]; what: string }>([
    {
      rule: 'voidOnlyUnflushed',
      history: ['append', 'flush', 'void', 'receive', 'deliver'],
      what: 'a voided entry took effect',
    },
    {
      rule: 'collectBeforeApply',
      history: ['append', 'void', 'flush', 'receive', 'deliver'],
      what: 'a voided entry took effect',
    },
    {
      rule: 'splitKeepsVoids',
      history: ['append', 'void', 'flush', 'receive', 'split', 'deliver'],
      what: 'a voided entry took effect',
    },
    {
      rule: 'splitFromVerified',
      history: ['append', 'append', 'split'],
      what: 'INV-LOG-1: verified what was never flushed',
    },
    {
      rule: 'deliverFromConsumed',
      history: ['append', 'append', 'flush', 'receive', 'split', 'deliver', 'deliver'],
      what: 'INV-LOG-2: applied twice',
    },
  ])('given a log without the rule $rule', ({ rule, history, what }) => {
    it(`then ${history.join(', ')} breaks it`, () => {
      const { counterexample } = explore(BOUND, { ...ALL_RULES, [rule]: false });
      expect(counterexample?.what).toBe(what);
      expect(counterexample?.history.map((action) => action.kind)).toEqual(history);
    });
  });
});
