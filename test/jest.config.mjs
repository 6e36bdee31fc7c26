import preset from '../jest.preset.mjs';

/** Whole-system tests: every file starts its own world, so hooks and tests get minutes, not seconds. */
export default { ...preset, testTimeout: 180_000 };
