import preset from '../jest.preset.mjs';

// Integration tests start PostgreSQL and a local chain; on a busy machine that takes its time.
export default { ...preset, testTimeout: 60_000 };
