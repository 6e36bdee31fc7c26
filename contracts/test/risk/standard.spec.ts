import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { risk } from '@lockstep/shared';
import { decodeFunctionResult, encodeDeployData, encodeFunctionData, type Address, type Hex } from 'viem';
import { crossEngineAbi } from '../../ts/generated/abi.js';
import { bytecode } from '../../ts/generated/bytecode.js';
import { TestChain } from '../chain.js';
import { anyPortfolio, anyRules, SEED, seeded, splitMix, toContract } from './portfolios.js';

const FILE = path.join(import.meta.dirname, '../../../shared/vectors/risk/standard.json');
const GOLDEN = 16;
/** INV-MARGIN-2: at least 10,000 portfolios of each method in a usual run. */
const FUZZED = process.env['LOCKSTEP_LONG'] === '1' ? 100_000 : 10_000;

const stream = seeded(0x494e562d4d415247n);
const next = (): bigint => stream.next().value;

/** The twin's answer, in the contract's words. */
function twin(portfolio: risk.Portfolio, parameters: risk.Parameters) {
  const { equity, initialMargin, maintenanceMargin, unrealisedGain } = risk.evaluate(portfolio, parameters);
  return { equity, initialMargin, maintenanceMargin, unrealisedGain };
}

describe('given the closed forms on chain', () => {
  let engine: Address;
  let chain: TestChain;

  beforeAll(async () => {
    chain = await TestChain.start();
    const table = await chain.deploy(bytecode.NormalTable.creation);
    const links = { feeds: table, collateralRules: table, listing: table, normalTable: table };
    engine = await chain.deploy(engineDeployment(links));
  }, 240_000);

  const onChain = async (portfolio: risk.Portfolio, rules: ReturnType<typeof anyRules>) => {
    const input = toContract(portfolio, rules);
    const data = encodeFunctionData({ abi: crossEngineAbi, functionName: 'whatIf', args: [input.portfolio, input.rules] });
    return { data, result: decodeFunctionResult({ abi: crossEngineAbi, functionName: 'whatIf', data: await chain.read(engine, data) }) };
  };

  it.each(['cross', 'isolated'] as const)(
    `INV-MARGIN-2: ${FUZZED} portfolios have the same %s risk, to the last bit (seed ${SEED})`,
    async (method) => {
      let short = 0;
      for (let i = 0; i < FUZZED; i++) {
        const portfolio = anyPortfolio(next);
        const rules = { ...anyRules(next), method };
        const { result } = await onChain(portfolio, rules);
        const expected = twin(portfolio, rules);
        if (JSON.stringify(result, text) !== JSON.stringify(expected, text)) expect({ i, result }).toEqual({ i, result: expected });
        if (expected.equity < expected.maintenanceMargin) short++;
      }
      // The portfolios are worth comparing: many are below maintenance margin, many above.
      expect(short).toBeGreaterThan(FUZZED / 10);
      expect(short).toBeLessThan((FUZZED * 9) / 10);
    },
    1_800_000,
  );

  it('the golden vectors are the ones committed, on both sides', async () => {
    const golden = splitMix(0x676f6c64656en);
    const draw = (): bigint => golden.next().value;
    const cases = [];
    for (let i = 0; i < GOLDEN; i++) {
      const portfolio = anyPortfolio(draw);
      const rules = anyRules(draw);
      const { data, result } = await onChain(portfolio, rules);
      expect(result).toEqual(twin(portfolio, rules));
      cases.push({ call: data, result });
    }
    const written = `${JSON.stringify({ about: 'Calls of StandardEngine.whatIf and what they return; see contracts/test/risk.', cases }, text, 1)}\n`;
    if (process.env['UPDATE_VECTORS'] === '1') writeFileSync(FILE, written);
    expect(readFileSync(FILE, 'utf8')).toBe(written);
  }, 60_000);
});

/** The engine with rules of its own; what-if takes the rules of the call. */
const engineDeployment = (links: Record<'feeds' | 'collateralRules' | 'listing' | 'normalTable', Address>): Hex =>
  encodeDeployData({
    abi: crossEngineAbi,
    bytecode: bytecode.CrossEngine.creation,
    args: [
      links.feeds,
      links,
      [{ from: 0n, initial: 50_000_000, maintenance: 30_000_000 }],
      {
        initialMax: 150_000_000,
        initialMin: 100_000_000,
        maintenance: 75_000_000,
        putMaintenanceOfMark: 75_000_000,
        unpairedInitial: 1_200_000_000,
        unpairedMaintenance: 1_100_000_000,
      },
    ],
  });

const text = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
