import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { liquidation } from '@lockstep/shared';
import { decodeFunctionResult, encodeFunctionData, parseAbi, type Hex } from 'viem';
import { z } from 'zod/v4';
import { TestChain } from '../chain.js';
import { SEED, seeded } from '../risk/portfolios.js';

/** Accounts compared in a usual run. */
const FUZZED = process.env['LOCKSTEP_LONG'] === '1' ? 100_000 : 10_000;
const root = path.join(import.meta.dirname, '../..');
const HARNESS = 'test/liquidation/AuctionMathHarness.sol';

const abi = parseAbi([
  'struct Terms { uint64 fastFrom; uint64 fastTo; uint64 buffer; uint64 feeLeast; uint64 feeMost; uint64 feeFullBreach; uint64 stepShare; uint32 fastSeconds; uint32 slowSeconds; uint32 resumeSeconds; uint32 insolventSeconds; uint32 coolOff; uint128 smallMargin; uint128 largeMargin; }',
  'struct Health { int256 equity; int256 margin; int256 reserve; }',
  'struct Input { Health health; int256 share; uint256 age; uint256 sinceEnd; bool stepped; int256 available; int256 deficit; int256 total; uint32 taken; }',
  'function figures(Terms terms, Input input) pure returns (int256[18])',
]);

const Output = z.object({
  errors: z.array(z.object({ severity: z.string(), formattedMessage: z.string() })).optional(),
  contracts: z
    .record(z.string(), z.record(z.string(), z.object({ evm: z.object({ bytecode: z.object({ object: z.string() }) }) })))
    .optional(),
});

/** Compiles the harness with the compiler and the settings of the contracts: a build leaves what is under test/ out. */
function harnessCode(): Hex {
  const solc: unknown = createRequire(import.meta.url)('solc');
  if (typeof solc !== 'object' || solc === null || !('compile' in solc) || typeof solc.compile !== 'function')
    throw new Error('the package solc has no compile(); expected the compiler the contracts are built with');
  const files = [HARNESS, 'src/hub/liquidation/AuctionMath.sol', 'src/hub/risk/Wad.sol'];
  const sources = Object.fromEntries(files.map((file) => [file, { content: readFileSync(path.join(root, file), 'utf8') }]));
  const settings = {
    evmVersion: 'prague',
    viaIR: true,
    optimizer: { enabled: true, runs: 10_000 },
    outputSelection: { '*': { '*': ['evm.bytecode.object'] } },
  };
  const text: unknown = Reflect.apply(solc.compile, solc, [JSON.stringify({ language: 'Solidity', sources, settings })]);
  const output = Output.parse(JSON.parse(z.string().parse(text)));
  const failed = output.errors?.filter(({ severity }) => severity === 'error').map(({ formattedMessage }) => formattedMessage);
  const code = output.contracts?.[HARNESS]?.['AuctionMathHarness']?.evm.bytecode.object;
  if (code === undefined || code === '') throw new Error(`the harness does not compile: ${failed?.join('\n')}`);
  return `0x${code}`;
}

const stream = seeded(0x494e562d4c4951n);
const next = (): bigint => stream.next().value;
const WAD = 10n ** 18n;
/** Any size up to `most`, small ones as often as large ones. */
const sized = (most: bigint): bigint => (next() * (next() + 1n)) % (1n + (most >> (next() % 90n)));
const below = (most: bigint): bigint => next() % most;

function anyTerms(): liquidation.AuctionTerms {
  if (below(2n) === 0n) return liquidation.AUCTION_TERMS;
  const fastFrom = below(WAD + 1n);
  const feeLeast = below(WAD / 10n);
  return {
    fastFrom,
    fastTo: below(fastFrom + 1n),
    fastSeconds: 1n + below(5_000n),
    slowSeconds: 1n + below(100_000n),
    buffer: below(WAD),
    resumeSeconds: below(5_000n),
    insolventSeconds: 1n + below(10_000n),
    feeLeast,
    feeMost: feeLeast + below(WAD / 2n),
    feeFullBreach: 1n + below(WAD),
    smallMargin: sized(10n ** 24n),
    largeMargin: sized(10n ** 26n),
    stepShare: 1n + below(WAD),
    coolOff: below(1_000n),
  };
}

function anyInput() {
  const margin = sized(10n ** 30n);
  const signed = (most: bigint): bigint => (below(3n) === 0n ? -sized(most) : sized(most));
  // Half of the accounts near their margin, where auctions happen.
  const equity = below(2n) === 0n ? (margin * below(1_300n)) / 1_000n : signed(10n ** 30n);
  const reserve = below(2n) === 0n ? 0n : sized(equity > 0n && below(2n) === 0n ? equity : 10n ** 29n);
  return {
    health: { equity, margin, reserve },
    share: 1n + below(WAD),
    age: below(60_000n),
    sinceEnd: below(6_000n),
    stepped: below(4n) === 0n,
    available: signed(10n ** 30n),
    deficit: sized(10n ** 30n),
    total: sized(10n ** 31n),
    taken: Number(sized(2n ** 32n - 1n)),
  };
}

/** The twin's figures, in the harness's order. */
function twin(terms: liquidation.AuctionTerms, input: ReturnType<typeof anyInput>): bigint[] {
  const { health, share, age } = input;
  const discount = liquidation.discountAt(terms, age);
  const solvent = liquidation.isSolvent(health);
  const amount = liquidation.payout(terms, health, share, age);
  const paid = liquidation.waterfall(amount, health.reserve, input.available);
  const left = liquidation.stepLeft(terms, BigInt(input.taken), input.sinceEnd);
  const own = liquidation.registered({ profit: input.available, equity: health.equity, margin: health.margin });
  return [
    discount,
    liquidation.target(terms, health.margin),
    solvent ? 1n : 0n,
    liquidation.resumedAge(terms, age, input.sinceEnd),
    liquidation.bidPrice(health, share, discount),
    solvent ? liquidation.maxFraction(terms, health, discount) : 0n,
    liquidation.shareLimit(terms, health, discount, input.stepped),
    liquidation.inSteps(terms, health.margin, input.stepped) ? 1n : 0n,
    liquidation.feeRate(terms, health),
    liquidation.startFee(terms, health, discount),
    amount,
    paid.reserve,
    paid.fund,
    paid.deficit,
    own,
    liquidation.levyOf(own, input.deficit, input.total),
    left,
    liquidation.stepTaken(terms, left, share),
  ];
}

describe('given the arithmetic of auctions on chain', () => {
  it(`INV-LIQ-3: ${FUZZED} accounts have the same figures as in TypeScript, to the last bit (seed ${SEED})`, async () => {
    const chain = await TestChain.start();
    const to = await chain.deploy(harnessCode());
    const seen = { solvent: 0, sold: 0, levied: 0, deficits: 0 };
    for (let i = 0; i < FUZZED; i++) {
      const terms = anyTerms();
      const input = anyInput();
      const narrow = {
        ...terms,
        fastSeconds: Number(terms.fastSeconds),
        slowSeconds: Number(terms.slowSeconds),
        resumeSeconds: Number(terms.resumeSeconds),
        insolventSeconds: Number(terms.insolventSeconds),
        coolOff: Number(terms.coolOff),
      };
      const data = encodeFunctionData({ abi, functionName: 'figures', args: [narrow, input] });
      const result = decodeFunctionResult({ abi, functionName: 'figures', data: await chain.read(to, data) });
      const expected = twin(terms, input);
      if (result.some((figure, index) => figure !== expected[index])) expect({ i, result: [...result] }).toEqual({ i, result: expected });
      if (expected[2] === 1n) seen.solvent++;
      if ((expected[5] ?? 0n) > 0n) seen.sold++;
      if ((expected[13] ?? 0n) > 0n) seen.deficits++;
      if ((expected[15] ?? 0n) > 0n) seen.levied++;
    }
    // The accounts are worth comparing: each leg, and levies, in plenty.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(FUZZED / 20);
    expect(seen.solvent).toBeLessThan((FUZZED * 19) / 20);
  }, 1_800_000);
});
