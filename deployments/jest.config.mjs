import preset from '../jest.preset.mjs';

/** These tests start chains of their own: on a busy machine a deployment of a second takes many. */
export default { ...preset, testTimeout: 120_000 };
