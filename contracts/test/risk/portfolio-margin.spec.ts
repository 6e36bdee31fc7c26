import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { risk } from '@lockstep/shared';
import { decodeFunctionResult, encodeDeployData, encodeFunctionData, zeroAddress, type Address } from 'viem';
import { portfolioMethodAbi, sheetsAbi } from '../../ts/generated/abi.js';
import { bytecode } from '../../ts/generated/bytecode.js';
import { TestChain } from '../chain.js';
import { anyCancellingAccount, anyCrowdedAccount, anyFixedAccount, anyWorthlessAccount, toMethod } from './fixed-accounts.js';
import { SEED, seeded, splitMix } from './portfolios.js';

const FILE = path.join(import.meta.dirname, '../../../shared/vectors/risk/portfolio-margin.json');
const GOLDEN = 12;
/** INV-MARGIN-2: at least 10,000 portfolios in a usual run. */
const FUZZED = process.env['LOCKSTEP_LONG'] === '1' ? 100_000 : 10_000;
const CANCELLING = FUZZED / 5;
const CROWDED = FUZZED / 20;
const WORTHLESS = FUZZED / 20;

const stream = seeded(0x706f7274666f6c69n);
const next = (): bigint => stream.next().value;

describe('given portfolio margin on chain', () => {
  let method: Address;
  let chain: TestChain;

  beforeAll(async () => {
    chain = await TestChain.start();
    const normalTable = await chain.deploy(bytecode.NormalTable.creation);
    const sheetsCreation = { abi: sheetsAbi, bytecode: bytecode.Sheets.creation };
    const sheets = await chain.deploy(encodeDeployData({ ...sheetsCreation, args: [zeroAddress, zeroAddress, normalTable] }));
    const creation = { abi: portfolioMethodAbi, bytecode: bytecode.PortfolioMethod.creation };
    method = await chain.deploy(encodeDeployData({ ...creation, args: [sheets] }));
  }, 240_000);

  const onChain = async (account: risk.FixedAccount) => {
    const data = encodeFunctionData({ abi: portfolioMethodAbi, functionName: 'whatIf', args: toMethod(account) });
    return {
      data,
      result: decodeFunctionResult({ abi: portfolioMethodAbi, functionName: 'whatIf', data: await chain.read(method, data) }),
    };
  };

  it(`INV-MARGIN-2: ${FUZZED} portfolios have the same risk, to the last bit (seed ${SEED})`, async () => {
    let short = 0;
    for (let i = 0; i < FUZZED; i++) {
      const account = anyFixedAccount(next);
      const { result } = await onChain(account);
      const expected = risk.fixedPortfolioRisk(account);
      if (JSON.stringify(result, text) !== JSON.stringify(expected, text)) expect({ i, result }).toEqual({ i, result: expected });
      if (expected.equity < expected.maintenanceMargin) short++;
    }
    // The portfolios are worth comparing: many are below maintenance margin, many above.
    expect(short).toBeGreaterThan(FUZZED / 10);
    expect(short).toBeLessThan((FUZZED * 9) / 10);
  }, 1_800_000);

  it(`INV-MARGIN-2: ${CROWDED} portfolios with many strikes of an expiry have the same risk, to the last bit`, async () => {
    const scenarios = new Set<number>();
    for (let i = 0; i < CROWDED; i++) {
      const account = anyCrowdedAccount(next);
      const { result } = await onChain(account);
      const expected = risk.fixedPortfolioRisk(account);
      if (JSON.stringify(result, text) !== JSON.stringify(expected, text)) expect({ i, result }).toEqual({ i, result: expected });
      scenarios.add(Number(result.worstScenario));
    }
    expect(scenarios.size).toBeGreaterThan(10);
  }, 600_000);

  it(`INV-MARGIN-2: ${CANCELLING} portfolios whose perpetuals nearly cancel have the same worst scenario, to the last wei`, async () => {
    const scenarios = new Set<number>();
    for (let i = 0; i < CANCELLING; i++) {
      const account = anyCancellingAccount(next);
      const { result } = await onChain(account);
      const expected = risk.fixedPortfolioRisk(account);
      if (JSON.stringify(result, text) !== JSON.stringify(expected, text)) expect({ i, result }).toEqual({ i, result: expected });
      scenarios.add(Number(result.worstScenario));
    }
    // Roundings choose among more moves than the two largest.
    expect(scenarios.size).toBeGreaterThan(2);
  }, 600_000);

  it(`INV-MARGIN-2: ${WORTHLESS} portfolios of options on next to nothing have the same risk, to the last bit`, async () => {
    for (let i = 0; i < WORTHLESS; i++) {
      const account = anyWorthlessAccount(next);
      const { result } = await onChain(account);
      expect({ i, result }).toEqual({ i, result: risk.fixedPortfolioRisk(account) });
    }
  }, 600_000);

  it('the golden vectors are the ones committed, on both sides', async () => {
    const golden = splitMix(0x676f6c64656en);
    const draw = (): bigint => golden.next().value;
    const cases = [];
    for (let i = 0; i < GOLDEN; i++) {
      const account = anyFixedAccount(draw);
      const { data, result } = await onChain(account);
      expect(result).toEqual(risk.fixedPortfolioRisk(account));
      cases.push({ call: data, result });
    }
    const written = `${JSON.stringify({ about: 'Calls of PortfolioMethod.whatIf and what they return; see contracts/test/risk.', cases }, text, 1)}\n`;
    if (process.env['UPDATE_VECTORS'] === '1') writeFileSync(FILE, written);
    expect(readFileSync(FILE, 'utf8')).toBe(written);
  }, 240_000);
});

const text = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
