import preset from '../jest.preset.mjs';

/**
 * Whole-system tests: every file starts its own world, so hooks and tests get minutes, not seconds. A file that fails before its world
 * is stopped must not keep the run alive: the exit of the process ends what the world started. The time is longer than anything in a world
 * waits for: what does not come is told by who waited for it.
 */
export default { ...preset, testTimeout: 240_000, forceExit: true };
