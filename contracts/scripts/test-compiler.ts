import type { HardhatPlugin } from 'hardhat/types/plugins';

const isTest = (source: string) => source.startsWith('project/test/');

/**
 * Compiles Solidity tests in seconds instead of minutes, and once: Hardhat would ask the compiler for the bytecode of every contract that
 * a test imports, with the optimizer that what is deployed needs. Tests deploy the built artifacts (`vm.getCode`), so only what stands
 * below `test/` is compiled here, as it is written. (All tests in one job of the optimizing compiler also exceed its 4 GiB of memory.)
 *
 * @param carriers  tests that carry code of `src/` in themselves (a library's internal functions, a contract extended by a probe): they
 *   keep the settings of what is deployed. Each needs a compiler of its own in `overrides`, so that it is a job of its own.
 */
export function testCompiler(carriers: readonly string[]): HardhatPlugin {
  const keepsSettings = new Set(carriers.map((file) => `project/${file}`));
  return {
    id: 'lockstep-test-compiler',
    hookHandlers: {
      solidity: async () => ({
        default: async () => ({
          preprocessSolcInputBeforeBuilding: async (context, input, next) => {
            const tests = Object.keys(input.sources).filter(isTest);
            if (tests.length === 0) return next(context, input);
            const outputSelection = Object.fromEntries(tests.map((source) => [source, { ...input.settings.outputSelection['*'] }]));
            const asDeployed = tests.every((source) => !source.endsWith('.t.sol') || keepsSettings.has(source));
            const asWritten = asDeployed ? {} : { viaIR: false, optimizer: { enabled: false } };
            return next(context, { ...input, settings: { ...input.settings, ...asWritten, outputSelection } });
          },
        }),
      }),
    },
  };
}
