import { exchange } from '@lockstep/shared';
import { splitMix } from '../risk/portfolios.js';
import { ACCOUNTS, E18, HOUR, TwoHubs, UNDERLYINGS } from './world.js';

const STEPS = process.env['LOCKSTEP_LONG'] === '1' ? 20_000 : 1_500;
const LOT = 10n ** 15n;

const stream = splitMix(0x6d61726b657473n);
const below = (most: bigint): bigint => stream.next().value % most;
const pick = <T>(list: readonly T[]): T => {
  const found = list[Number(below(BigInt(list.length)))];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
};

const PERPETUALS = UNDERLYINGS.map((underlying) => exchange.encodeInstrument({ kind: 'perpetual', underlying }));

describe('given markets on chain and their model', () => {
  let hubs: TwoHubs;
  /** spot of each underlying, walking */
  const spots = new Map<number, bigint>(UNDERLYINGS.map((underlying) => [underlying, 55_000n * E18]));

  beforeAll(async () => {
    hubs = await TwoHubs.start({
      1: [2n, 5n, 9n, 14n, 20n, 30n, 45n, 60n],
      2: [3n, 7n, 12n, 25n, 50n, 90n],
      3: [6n],
      4: [8n, 70n],
    });
    await hubs.setMode(pick(ACCOUNTS.slice(3)), 'isolated');
  }, 120_000);

  it(`INV-POS-1 INV-CASH-1: ${STEPS} steps of trades, prices, time, funding, interest, losses and expiries leave both alike, to the last bit`, async () => {
    const outcomes = new Map<string, number>();
    const count = (name: string): void => void outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    for (let i = 0; i < STEPS; i++) {
      const kind = below(20n);
      const [account, other] = [pick(ACCOUNTS), pick(ACCOUNTS)];
      if (kind < 13n) {
        const instrument = below(5n) < 2n ? pick(PERPETUALS) : pick(hubs.series);
        const isPerpetual = exchange.decodeInstrument(instrument).kind === 'perpetual';
        const size = isPerpetual ? below(40n * E18) : below(40n) * 1000n * LOT + (below(50n) === 0n ? 1n : 0n);
        const price = (isPerpetual ? 50_000n * E18 : 0n) + below(10_000n * E18);
        const said = await hubs.trade({ buyer: account, seller: other, instrument, size, price });
        expect({ i, said: said.contract }).toEqual({ i, said: said.model });
        count(said.contract.split(' ')[0] ?? '');
      } else if (kind < 15n) {
        const said = await hubs.settle(account, pick(UNDERLYINGS));
        expect({ i, said: said.contract }).toEqual({ i, said: said.model });
        if (said.contract !== '0') count('settled');
      } else if (kind < 16n) {
        const act = below(10n);
        if (act < 3n) await hubs.fund(pick(UNDERLYINGS));
        else if (act < 5n) await hubs.pay(account, below(400_000n * E18) - 150_000n * E18);
        else if (act < 7n) await hubs.chargeInterest(account);
        else if (act < 8n) await hubs.collectInterest(account);
        else {
          const said = await hubs.spreadLoss(account, 1n + below(100n));
          expect({ i, said: said.contract }).toEqual({ i, said: said.model });
          count(`${said.contract === 'done' ? '' : 'no '}loss`);
        }
      } else if (kind < 19n) {
        const underlying = pick(UNDERLYINGS);
        const spot = ((spots.get(underlying) ?? 0n) * (9_900n + below(201n))) / 10_000n;
        spots.set(underlying, spot);
        await hubs.tell(underlying, spot, (spot * (9_510n + below(981n))) / 10_000n, below(3n) !== 0n);
      } else {
        hubs.wait(below(3n) === 0n ? below(3n * HOUR) : below(300n));
      }
      const { contract, model } = await hubs.compared(account);
      expect({ i, ...contract }).toEqual({ i, ...model });
    }
    // The history is worth comparing: everything happened, and most of the refusals too.
    for (const name of [
      'done',
      'settled',
      'loss',
      'no loss',
      'SameAccount',
      'SeriesExpired',
      'SizeInvalid',
      'IsolatedHoldsOne',
      'OpenInterestCap',
      'UnderlyingLimit',
    ])
      expect({ name, count: outcomes.get(name) ?? 0 }).not.toEqual({ name, count: 0 });
  }, 1_800_000);
});
