import { describe, expect, it } from '@jest/globals';
import { liquidationAbi, shortfallsAbi } from '@lockstep/contracts';
import { accountId, liquidation } from '@lockstep/shared';
import {
  createPublicClient,
  custom,
  decodeFunctionData,
  encodeAbiParameters,
  encodeEventTopics,
  encodeFunctionData,
  numberToHex,
  type Address,
  type Hex,
  type PublicClient,
} from 'viem';
import { BidBudget } from '../../src/stages/liquidation/bid-budget.js';
import { Bidder, type Purse } from '../../src/stages/liquidation/bidder.js';
import type { Became, HubCall } from '../../src/stages/hub-calls.js';
import type { OpenIntent } from '../../src/stages/intents.js';
import type { Exact } from '../../src/stages/liquidation/hub.reader.js';
import { Wants, type LiquidationSender } from '../../src/stages/liquidation/wants.js';

const WAD = 10n ** 18n;
const cash = (units: number): bigint => BigInt(units) * WAD;
const id = (number: number) => accountId(numberToHex(number, { size: 32 }));
const at = (number: number): Address => numberToHex(number, { size: 20 });
const OWN = id(7);
const NOW = 1_900n;
const auction = { openedAt: 900n, startedAt: 1_000n, lastBidAt: 0n, restingSince: 0n, insolventSince: 0n, reserve: 0n, stepTaken: 0n };
const one: Exact = { account: id(1), equity: cash(8_000), initial: cash(20_000), margin: cash(12_000), grade: 'fresh', auction };
const own: Exact = { account: OWN, equity: cash(100_000), initial: 0n, margin: 0n, grade: 'fresh', auction: null };
const PAID: Hex = '0x1234';

interface World {
  /** what the hub says to a bid with its payout, and to one without */
  readonly answers?: { readonly paid: 'sent' | 'refused'; readonly plain: 'sent' | 'refused' };
  /** largest share that the hub takes, wad */
  readonly most?: bigint;
  readonly became?: Became | null;
  /** what the sender remembers of a process before this one */
  readonly open?: readonly OpenIntent[];
  /** least gain it asks for, wad */
  readonly required?: bigint;
  readonly ofBid?: (bid: unknown, cash: bigint) => Promise<{ readonly call: Pick<HubCall, 'to' | 'data'>; readonly told: string } | null>;
}

/** A chain without events, whose newest block is 10. */
const emptyChain = () =>
  createPublicClient({
    transport: custom({
      request: ({ method }: { method: string }) =>
        Promise.resolve(method === 'eth_getLogs' ? [] : { number: '0xa', timestamp: numberToHex(NOW), transactions: [] }),
    }),
  });

/** A bidder, and every call it wanted. */
function bidderIn(world: World, wanted: HubCall[] = [], equity = own.equity) {
  const { answers = { paid: 'sent', plain: 'sent' } } = world;
  const state: { became: Became | null } = { became: world.became ?? null };
  const sender: LiquidationSender = {
    address: at(9),
    refusal: () => Promise.resolve(null),
    want: (_what, call) => {
      wanted.push(call);
      const tooLarge = call.data !== PAID && shareOf(call) > (world.most ?? WAD);
      return Promise.resolve(call.data === PAID ? answers.paid : tooLarge ? 'refused' : answers.plain);
    },
    became: () => Promise.resolve(state.became),
    open: () => Promise.resolve(world.open ?? []),
  };
  const wants = new Wants(sender);
  const client = { getGasPrice: () => Promise.resolve(10n ** 9n) };
  const reader = { exact: () => Promise.resolve([{ ...own, equity }]), cashOf: () => Promise.resolve(cash(100_000)) };
  const budget = new BidBudget(emptyChain(), { liquidation: at(5), shortfalls: at(6) }, sender, OWN);
  const bidding = { account: OWN, budget: cash(50_000), required: world.required ?? 0n, payout: null };
  const ofBid = world.ofBid ?? (() => Promise.resolve({ call: { to: at(5), data: PAID }, told: '1 on 2' }));
  const bidder = new Bidder(client, { liquidation: at(5) }, budget, reader, wants, bidding, cash(4_000), { ofBid });
  const bid = async (): Promise<{ purse: Purse; outcome: string | null }> => {
    const purse = await bidder.purse(10n, NOW);
    if (purse === null) throw new Error('it bids nothing');
    return { purse, outcome: await bidder.bid(liquidation.AUCTION_TERMS, one, purse, 10n, NOW) };
  };
  return { bidder, budget, wanted, bid, state };
}

function bidIn({ data }: HubCall) {
  const decoded = decodeFunctionData({ abi: liquidationAbi, data });
  if (decoded.functionName !== 'bid') throw new Error(`${decoded.functionName} is no bid`);
  return decoded.args[0];
}
const shareOf = (call: HubCall): bigint => bidIn(call).share;
const nameOf = ({ data }: HubCall): string => (data === PAID ? 'paid' : decodeFunctionData({ abi: liquidationAbi, data }).functionName);

describe('given an account in auction and a bidder who wants to be paid out', () => {
  it('bids with the payout, and tells where it goes', async () => {
    const { wanted, bid } = bidderIn({});
    expect((await bid()).outcome).toBe('sent');
    expect(wanted.map(nameOf)).toEqual(['paid']);
    expect(wanted[0]?.purpose['payout']).toBe('1 on 2');
  });

  it.each<[string, World, string | undefined]>([
    ['the hub refuses the payout', { answers: { paid: 'refused', plain: 'sent' } }, 'none: refused'],
    ['the payout failed once', { became: { state: 'failed' } }, 'none: failed before'],
    ['nobody answers for it', { ofBid: () => Promise.reject(new Error('no prices')) }, 'none: no prices'],
    ['it is worth none', { ofBid: () => Promise.resolve(null) }, undefined],
  ])('bids without where %s', async (_, world, told) => {
    const { wanted, bid } = bidderIn(world);
    expect((await bid()).outcome).toBe('sent');
    expect(wanted.map(nameOf).at(-1)).toBe('bid');
    expect(wanted.at(-1)?.purpose['payout']).toBe(told);
  });

  it('bids for nothing that gains less than its gas costs', async () => {
    const { bidder } = bidderIn({});
    // Half a million of gas at a gwei, of a coin at 4,000.
    expect((await bidder.purse(10n, NOW))?.cost).toBe(cash(2));
  });
});

describe('given a slice that needs more margin beside what the bidder holds than alone', () => {
  const free = cash(10_000);
  const only = { ofBid: () => Promise.resolve(null) };

  it('bids half of it, and half again, until the hub takes it', async () => {
    const { wanted, bid } = bidderIn({ ...only, most: WAD / 4n }, [], free);
    expect((await bid()).outcome).toBe('sent');
    const shares = wanted.map(shareOf);
    expect(shares.length).toBeGreaterThan(1);
    expect(shares.at(-1)).toBeLessThanOrEqual(WAD / 4n);
    for (const [i, share] of shares.entries()) if (i > 0) expect(share).toBe((shares[0] ?? 0n) >> BigInt(i));
  });

  it('waits once it was refused at an eighth, and asks nothing again a moment later', async () => {
    const { wanted, bid } = bidderIn({ ...only, most: 0n }, [], free);
    expect((await bid()).outcome).toBe('refused');
    expect(wanted).toHaveLength(4);
    expect((await bid()).outcome).toBe(null);
    expect(wanted).toHaveLength(4);
  });
});

describe('given several accounts in auction', () => {
  const only = { ofBid: () => Promise.resolve(null) };
  const small: Exact = { ...one, account: id(2), equity: cash(400), initial: cash(900), margin: cash(500) };

  it('what a bid may take of its equity, it offers nobody else in the same look', async () => {
    const wanted: HubCall[] = [];
    const { bidder } = bidderIn(only, wanted, cash(60_000));
    const purse = await bidder.purse(10n, NOW);
    if (purse === null) throw new Error('it bids nothing');
    const first = liquidation.decideBid(liquidation.AUCTION_TERMS, one, { ...purse, required: 0n }, NOW);
    expect(await bidder.bid(liquidation.AUCTION_TERMS, one, purse, 10n, NOW)).toBe('sent');
    expect(purse.free).toBe(cash(60_000) - 4n * (first?.commits ?? 0n));
    expect((await bidder.purse(10n, NOW))?.free).toBe(cash(60_000));
  });

  it('keeps equity for one that will be due within a minute, which stands before others', async () => {
    const wanted: HubCall[] = [];
    const { bidder } = bidderIn({ ...only, required: WAD / 5n }, wanted, cash(8_000));
    const purse = await bidder.purse(10n, NOW - 10n);
    if (purse === null) throw new Error('it bids nothing');
    // A fifth of 12,000 is what 0.7 of 8,000 leaves, which takes 900 s; it is 890 s now.
    expect(await bidder.bid(liquidation.AUCTION_TERMS, one, purse, 10n, NOW - 10n)).toBe(null);
    expect(purse.free).toBeLessThan(WAD);
    const other = await bidder.purse(10n, NOW - 10n);
    if (other === null) throw new Error('it bids nothing');
    expect(liquidation.decideBid(liquidation.AUCTION_TERMS, small, { ...other, required: WAD / 5n }, NOW - 10n)).not.toBe(null);
    expect(await bidder.bid(liquidation.AUCTION_TERMS, small, purse, 10n, NOW - 10n)).toBe(null);
    expect(wanted).toHaveLength(0);
  });

  it('keeps nothing for one that the hub refuses', async () => {
    const { bidder } = bidderIn({ ...only, most: 0n }, [], cash(10_000));
    const purse = await bidder.purse(10n, NOW);
    if (purse === null) throw new Error('it bids nothing');
    expect(await bidder.bid(liquidation.AUCTION_TERMS, one, purse, 10n, NOW)).toBe('refused');
    expect(purse.free).toBe(cash(10_000));
  });
});

describe('given a step that is half refilled', () => {
  it('offers what more of it may cost by the block that takes the bid', async () => {
    const running = { ...auction, lastBidAt: NOW - 15n, stepTaken: 200_000_000n };
    const large: Exact = { ...one, equity: cash(80_000), initial: cash(200_000), margin: cash(120_000), auction: running };
    const wanted: HubCall[] = [];
    const { bidder } = bidderIn({ ofBid: () => Promise.resolve(null) }, wanted);
    const purse = await bidder.purse(10n, NOW);
    if (purse === null) throw new Error('it bids nothing');
    expect(await bidder.bid(liquidation.AUCTION_TERMS, large, purse, 10n, NOW)).toBe('sent');
    const later = liquidation.decideBid(liquidation.AUCTION_TERMS, large, { ...purse, free: cash(100_000), required: 0n }, NOW + 12n);
    expect(wanted.map(bidIn)[0]?.priceLimit).toBeGreaterThanOrEqual(later?.price ?? 0n);
  });
});

describe('given a step that may double until the bid is taken, and a bidder whose equity just carries it', () => {
  it('takes nothing out with the bid that all of the step would need', async () => {
    const running = { ...auction, lastBidAt: NOW - 15n, stepTaken: 200_000_000n };
    const large: Exact = { ...one, equity: cash(80_000), initial: cash(200_000), margin: cash(120_000), auction: running };
    const asked: bigint[] = [];
    const ofBid = (_bid: unknown, out: bigint) => {
      asked.push(out);
      return Promise.resolve(null);
    };
    for (const equity of [cash(35_300), cash(100_000)]) {
      const { bidder } = bidderIn({ ofBid }, [], equity);
      const purse = await bidder.purse(10n, NOW);
      if (purse === null) throw new Error('it bids nothing');
      expect(await bidder.bid(liquidation.AUCTION_TERMS, large, purse, 10n, NOW)).toBe('sent');
    }
    // A tenth needs 20,000 and brings 2,400; a fifth 40,000 and 4,800. A tenth of the gain is room.
    expect(asked).toEqual([0n, cash(2_160)]);
  });
});

describe('given a bid on its way', () => {
  it.each<[string, Became | null, boolean]>([
    ['is neither over', { state: 'open' }, true],
    ['is mined in a block that was not read yet', { state: 'mined', block: 11n }, true],
    ['is mined, and among the events', { state: 'mined', block: 10n }, false],
    ['reverted', { state: 'failed' }, false],
    ['is known to nobody', null, false],
  ])('its cash is held back while it %s: %s', async (_, became, held) => {
    const { bidder, bid, state } = bidderIn({});
    await bid();
    state.became = became;
    const purse = await bidder.purse(10n, NOW);
    expect(purse?.budget === cash(50_000)).toBe(!held);
    expect(purse?.free === cash(100_000)).toBe(!held);
  });
});

describe('given bids that a process before this one sent', () => {
  const wanted = { account: one.account, bidder: OWN, share: WAD, priceLimit: cash(9_000) };
  const slice = encodeFunctionData({ abi: liquidationAbi, functionName: 'bid', args: [wanted, '0x'] });
  const paid = encodeFunctionData({ abi: liquidationAbi, functionName: 'bid', args: [{ ...wanted, priceLimit: -cash(1_000) }, '0x'] });
  const collateral = (bidder: typeof OWN) =>
    encodeFunctionData({ abi: shortfallsAbi, functionName: 'bid', args: [id(2), bidder, WAD, cash(11_000), '0x'] });
  const start = encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [one.account, '0x'] });

  it.each<[string, readonly OpenIntent[], bigint]>([
    [
      'one of each kind',
      [
        { what: 'a', to: at(5), data: slice },
        { what: 'b', to: at(6), data: collateral(OWN) },
      ],
      cash(20_000),
    ],
    ['one that is paid for', [{ what: 'a', to: at(5), data: paid }], 0n],
    ["another bidder's", [{ what: 'a', to: at(6), data: collateral(id(8)) }], 0n],
    [
      'what is no bid',
      [
        { what: 'a', to: at(5), data: start },
        { what: 'b', to: at(4), data: '0x12345678' },
      ],
      0n,
    ],
  ])('holds back what they may cost: %s', async (_, open, held) => {
    const purse = await bidderIn({ open, became: { state: 'open' } }).bidder.purse(10n, NOW);
    expect([purse?.budget, purse?.free, purse?.cash]).toEqual([cash(50_000) - held, cash(100_000) - held, cash(100_000) - held]);
  });
});

describe('given two who spend one budget', () => {
  it('the second asks what is left once the first has spent', async () => {
    const { budget } = bidderIn({ became: { state: 'open' } });
    const spend = async (what: string): Promise<bigint> => {
      const { held } = await budget.committed(10n, NOW);
      budget.hold(what, { price: cash(100), equity: 0n });
      return held;
    };
    const failed = budget.inTurn(() => Promise.reject(new Error('nobody answered')));
    const both = Promise.all(['a', 'b'].map((what) => budget.inTurn(() => spend(what))));
    await expect(failed).rejects.toThrow('nobody answered');
    expect(await both).toEqual([0n, cash(100)]);
  });

  it('each bid takes its equity or its price, whichever is more, and all of them together', async () => {
    const { budget, bidder } = bidderIn({ became: { state: 'open' } });
    budget.hold('insolvent', { price: -cash(500), equity: cash(3_000) });
    budget.hold('solvent', { price: cash(2_000), equity: cash(1_000) });
    budget.hold('collateral', { price: cash(700), equity: cash(700) });
    expect(await budget.committed(10n, NOW)).toEqual({ spent: 0n, held: cash(2_700), taken: cash(5_700) });
    const purse = await bidder.purse(10n, NOW);
    expect([purse?.budget, purse?.free]).toEqual([cash(47_300), cash(94_300)]);
  });

  it('what the sender tells of a bid leaves what it takes of the equity', async () => {
    const wanted = { account: one.account, bidder: OWN, share: WAD, priceLimit: -cash(1_000) };
    const data = encodeFunctionData({ abi: liquidationAbi, functionName: 'bid', args: [wanted, '0x'] });
    const { budget } = bidderIn({ became: { state: 'open' }, open: [{ what: 'a', to: at(5), data }] });
    budget.hold('a', { price: -cash(1_000), equity: cash(3_000) });
    expect((await budget.committed(10n, NOW)).taken).toBe(cash(3_000));
  });
});

describe('given bids that were paid for, and a reorg', () => {
  interface Paid {
    readonly block: bigint;
    readonly branch: number;
  }

  /** A chain with these bids of 100 in its blocks, a second apiece, which a test may change. */
  function chainOf(chain: { tip: bigint; paid: Paid[] }): BidBudget {
    const getBlock = ({ blockNumber = chain.tip }: { blockNumber?: bigint } = {}) =>
      blockNumber > chain.tip
        ? Promise.reject(new Error(`no block ${blockNumber}`))
        : Promise.resolve({ number: blockNumber, timestamp: 100_000n + blockNumber });
    const topics = encodeEventTopics({ abi: liquidationAbi, eventName: 'BidTaken', args: { id: 1n, account: one.account, bidder: OWN } });
    const data = encodeAbiParameters([{ type: 'uint256' }, { type: 'int256' }, { type: 'int256' }], [WAD, cash(100), 0n]);
    const getLogs = ({ fromBlock, toBlock }: { fromBlock: bigint; toBlock: bigint }) =>
      Promise.resolve(
        chain.paid
          .filter(({ block }) => block >= fromBlock && block <= toBlock)
          .map(({ block, branch }) => ({
            ...{ address: at(5), topics, data, blockNumber: block, blockHash: numberToHex(branch, { size: 32 }), logIndex: 0 },
            ...{ transactionHash: numberToHex(1, { size: 32 }), transactionIndex: 0, removed: false },
          })),
      );
    const sender = { became: () => Promise.resolve(null), open: () => Promise.resolve([]) };
    // CAST: nothing else is asked of it here.
    const client = { getBlock, getLogs } as unknown as PublicClient;
    return new BidBudget(client, { liquidation: at(5), shortfalls: null }, sender, OWN);
  }

  it('one that it put into another block counts once, and one that it took back not at all, also where its height is gone', async () => {
    const chain = { tip: 100n, paid: [{ block: 95n, branch: 1 }] };
    const budget = chainOf(chain);
    const spent = async () => (await budget.committed(chain.tip, 100_000n + chain.tip)).spent;
    expect(await spent()).toBe(cash(100));
    chain.paid = [{ block: 96n, branch: 2 }];
    expect(await spent()).toBe(cash(100));
    chain.paid.push({ block: 100n, branch: 3 });
    expect(await spent()).toBe(cash(200));
    Object.assign(chain, { tip: 98n, paid: [{ block: 96n, branch: 2 }] });
    expect(await spent()).toBe(cash(100));
  });
});
