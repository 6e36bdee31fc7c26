import { createRequire } from 'node:module';
import hardhatViem from '@nomicfoundation/hardhat-viem';
import { defineConfig } from 'hardhat/config';
import { testCompiler } from './scripts/test-compiler.ts';

// The compiler is the npm package itself: nothing is downloaded.
const soljson = createRequire(import.meta.url).resolve('solc/soljson.js');
const compiler = {
  version: '0.8.34',
  path: soljson,
  settings: {
    evmVersion: 'prague',
    viaIR: true,
    optimizer: { enabled: true, runs: 10_000 },
    // The hash would differ with the folder and the set of files compiled together; addresses (CREATE2) and code hashes hang on the bytes.
    metadata: { bytecodeHash: 'none' },
    outputSelection: { '*': { '*': ['storageLayout'] } },
  },
};

// Tests with code of src/ inside them: what is tested is what is deployed, so they are compiled like it.
const carriers = [
  'test/hub/FeedRules.t.sol',
  'test/hub/InterestModel.t.sol',
  'test/liquidation/SaleOrder.t.sol',
  'test/math/Black76.t.sol',
  'test/message/Enumeration.t.sol',
  'test/message/Vectors.t.sol',
  'test/risk/HoldingsVectors.t.sol',
];

// `npm run test:long`: the same tests, more and longer random walks.
const long = process.env.LOCKSTEP_LONG === '1';
const walks = long ? { runs: 512, depth: 256 } : { runs: 64, depth: 64 };

export default defineConfig({
  plugins: [hardhatViem, testCompiler(carriers)],
  paths: { sources: './src', tests: { solidity: './test' } },
  // One profile: what is tested is what is deployed.
  solidity: {
    splitTestsCompilation: true,
    profiles: {
      default: { compilers: [compiler], overrides: Object.fromEntries(carriers.map((file) => [file, compiler])) },
      production: { compilers: [compiler] },
    },
    // Deployed as it is: the owner of every privileged function.
    npmFilesToBuild: ['@openzeppelin/contracts/access/manager/AccessManager.sol'],
  },
  test: {
    solidity: {
      // The seed of a run: another one (LOCKSTEP_SEED=0x…) for other walks and other inputs.
      fuzz: { runs: long ? 20_000 : 1000, seed: process.env.LOCKSTEP_SEED ?? '0x1234' },
      invariant: { ...walks, failOnRevert: true },
      // The vectors both languages read.
      fsPermissions: { readDirectory: ['../shared/vectors'] },
    },
  },
});
