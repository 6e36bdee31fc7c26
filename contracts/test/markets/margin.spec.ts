import { exchange, markets as model, risk } from '@lockstep/shared';
import { encodeAbiParameters, encodeDeployData, encodeFunctionData, getAbiItem, zeroAddress, type Address } from 'viem';
import { delegatesAbi, marginAbi } from '../../ts/generated/abi.js';
import { bytecode } from '../../ts/generated/bytecode.js';
import { SEED, seeded } from '../risk/portfolios.js';
import { ACCOUNTS, E18, errorOf, TwoHubs } from './world.js';

const CASES = process.env['LOCKSTEP_LONG'] === '1' ? 20_000 : 2_000;
const CROSS = 0;
const ENGINE: Address = '0x0000000000000000000000000000000000e49123';

const stream = seeded(0x6d617267696en);
const below = (most: bigint): bigint => stream.next().value % most;
const PERPETUAL = exchange.encodeInstrument({ kind: 'perpetual', underlying: 1 });
const [alice, bob] = ACCOUNTS;
if (alice === undefined || bob === undefined) throw new Error('the test has no accounts');

const riskType = [getAbiItem({ abi: marginAbi, name: 'riskOf' }).outputs[0]] as const;

/** Amounts that meet each other often: equal, one apart, far apart. */
const amount = (): bigint => below(4n) * 10n * E18 + below(3n);
function anyHealth(): model.Health {
  const maintenanceMargin = amount();
  const grade = below(2n) === 0n ? 'fresh' : risk.GRADES[Number(below(BigInt(risk.GRADES.length)))];
  return {
    equity: amount() * (below(5n) === 0n ? -1n : 1n) + 10n * E18,
    initialMargin: maintenanceMargin + below(2n) * 5n * E18,
    maintenanceMargin,
    unrealisedGain: below(3n) * 5n * E18,
    grade: grade ?? 'fresh',
    oldest: 100n + below(3n),
  };
}
const words = ({ grade, oldest, ...health }: model.Health) => ({
  ...health,
  worstScenario: 255,
  grade: risk.GRADES.indexOf(grade),
  oldest: Number(oldest),
});

describe('given the margin check on chain and its model', () => {
  let hubs: TwoHubs;
  let margin: Address;

  beforeAll(async () => {
    hubs = await TwoHubs.start({}, [marginAbi]);
    const { chain, manager, markets, feeds } = hubs;
    await hubs.trade({ buyer: alice, seller: bob, instrument: PERPETUAL, size: E18, price: E18 });
    const delegates = await chain.deploy(
      encodeDeployData({ abi: delegatesAbi, bytecode: bytecode.Delegates.creation, args: [manager, zeroAddress, 40_001] }),
    );
    margin = await chain.deploy(
      encodeDeployData({ abi: marginAbi, bytecode: bytecode.Margin.creation, args: [manager, markets, feeds, delegates] }),
    );
    const time = (await chain.now()) + 1n;
    await chain.act(time, margin, encodeFunctionData({ abi: marginAbi, functionName: 'setEngine', args: [CROSS, ENGINE] }));
    // The deployer stands for the levy: it guards, and says what it may claim.
    await chain.act(time + 1n, margin, encodeFunctionData({ abi: marginAbi, functionName: 'setLevy', args: [chain.from] }));
    await chain.act(time + 2n, margin, encodeFunctionData({ abi: marginAbi, functionName: 'setGuarded', args: [true] }));
  }, 120_000);

  it(`INV-MARGIN-1: ${CASES} trades and exits are judged alike (seed ${SEED})`, async () => {
    const band = 5_000_000n;
    const verdicts = new Map<string, number>();
    for (let i = 0; i < CASES; i++) {
      const [before, after] = [anyHealth(), anyHealth()];
      const reduces = below(2n) === 0n;
      const turnover = below(4_000n) * E18;
      await hubs.chain.answerWith(ENGINE, encodeAbiParameters(riskType, [words(after)]));
      const reserved = below(2n) === 0n ? 0n : amount();
      await hubs.chain.answerWith(hubs.chain.from, encodeAbiParameters([{ type: 'uint256' }], [reserved]));
      const since = 100n + below(3n);
      const trade = encodeFunctionData({ abi: marginAbi, functionName: 'requireTrade', args: [alice, reduces, turnover, words(before)] });
      const leave = encodeFunctionData({ abi: marginAbi, functionName: 'requireInitial', args: [alice, '0x', Number(since)] });
      const expected = [
        model.judgeTrade({ after, before: reduces ? before : null, turnover, band, reserved }),
        model.judgeLeaving(after, since, reserved),
      ].map((refusal) => (refusal === null ? 'done' : errorOf(refusal.code)));
      const said = [await hubs.chain.tryCall(margin, trade), await hubs.chain.tryCall(margin, leave)].map((outcome) =>
        outcome.kind === 'done' ? 'done' : outcome.error,
      );
      expect({ i, before, after, turnover, reserved, said }).toEqual({ i, before, after, turnover, reserved, said: expected });
      for (const verdict of said) verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }
    const all = [
      'done',
      'PricesNotFresh',
      'PricesTooOld',
      'BelowInitialMargin',
      'GainUnrealised',
      'HealthFell',
      'OutsideBand',
      'LevyPending',
    ];
    expect([...verdicts.keys()].sort()).toEqual(all.sort());
  }, 600_000);
});
