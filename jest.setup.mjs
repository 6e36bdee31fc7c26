import fc from 'fast-check';

// `npm run test:long` multiplies every property's number of cases; the properties themselves stay as they are.
if (process.env.LOCKSTEP_LONG === '1') fc.configureGlobal({ numRuns: 5_000 });
