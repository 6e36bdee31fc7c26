import { describe, expect, it } from '@jest/globals';
import { ALL_RULES, explore } from './log-model.js';
describe('x',()=>{ for (const b of [3,4,5,6]) it('n'+b,()=>{ const t=Date.now(); const r=explore(b, ALL_RULES); console.log(b, r.states, r.transitions, JSON.stringify(r.counterexample), Date.now()-t); }, 300000);
 for (const k of Object.keys(ALL_RULES)) it(k,()=>{ console.log(k, JSON.stringify(explore(6,{...ALL_RULES,[k]:false}))) }, 300000);
});
