import preset from '../jest.preset.mjs';

/**
 * Whole-system tests: every file starts its own world, so hooks and tests get minutes, not seconds. A file that fails before its world
 * is stopped must not keep the run alive: the exit of the process ends what the world started.
 */
export default { ...preset, testTimeout: 120_000, forceExit: true };
