import fc from 'fast-check';

// A run is the same run wherever it runs: one seed for every property, another by LOCKSTEP_SEED. `npm run test:long` multiplies the number of
// cases and goes elsewhere each time; a failure prints its seed.
const long = process.env.LOCKSTEP_LONG === '1';
const { LOCKSTEP_SEED: seed = long ? String(Date.now() % 2 ** 31) : '0x1234' } = process.env;
fc.configureGlobal({ seed: Number(seed), ...(long ? { numRuns: 5_000 } : {}) });
