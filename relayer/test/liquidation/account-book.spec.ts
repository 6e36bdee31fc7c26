import { describe, expect, it } from '@jest/globals';
import { iLedgerAbi, iMarketsAbi, liquidationAbi } from '@lockstep/contracts';
import { accountId } from '@lockstep/shared';
import { encodeAbiParameters, encodeEventTopics, numberToHex, zeroAddress, type Hex, type PublicClient } from 'viem';
import { AccountBook } from '../../src/stages/liquidation/account-book.js';
import type { LiquidationHub } from '../../src/stages/liquidation/hub.js';

const id = (number: number) => accountId(numberToHex(number, { size: 32 }));
const at = (number: number) => numberToHex(number, { size: 20 });
const hash = (number: number): Hex => numberToHex(number, { size: 32 });
const hub: LiquidationHub = {
  ...{ liquidation: at(1), margin: at(2), ledger: at(3), markets: at(4), feeds: at(5), rules: at(6), cross: at(7), handover: at(8) },
  ...{ withdrawals: zeroAddress, fund: at(9), levy: null, shortfalls: null },
};

interface Told {
  readonly account: number;
  readonly block: bigint;
  readonly blockHash: Hex;
  /** else the ledger moved its cash */
  readonly auction?: 'started' | 'ended';
  /** instrument that it bought */
  readonly trades?: bigint;
}

function eventOf({ account: number, auction, trades }: Told) {
  const account = id(number);
  if (trades !== undefined) {
    const args = { buyer: account, seller: id(99), instrument: trades };
    const data = encodeAbiParameters([{ type: 'uint128' }, { type: 'uint128' }], [1n, 1n]);
    return { topics: encodeEventTopics({ abi: iMarketsAbi, eventName: 'Traded', args }), data };
  }
  const own = { abi: liquidationAbi, args: { id: 1n, account } } as const;
  if (auction === 'ended')
    return { topics: encodeEventTopics({ ...own, eventName: 'AuctionEnded' }), data: encodeAbiParameters([{ type: 'bool' }], [false]) };
  const four = Array.from({ length: 4 }, () => ({ type: 'int256' }) as const);
  if (auction === 'started')
    return { topics: encodeEventTopics({ ...own, eventName: 'AuctionStarted' }), data: encodeAbiParameters(four, [1n, 1n, 1n, 1n]) };
  const topics = encodeEventTopics({ abi: iLedgerAbi, eventName: 'CashChanged', args: { account } });
  return { topics, data: encodeAbiParameters([{ type: 'int256' }], [-1n]) };
}

const logOf = ({ block, blockHash, ...told }: Told) => ({
  ...{ address: hub.ledger, ...eventOf({ block, blockHash, ...told }) },
  ...{ blockNumber: block, blockHash, logIndex: 0, transactionHash: hash(1), transactionIndex: 0, removed: false },
});

/** A chain that tells these events, which a test may change. */
function bookOf(told: Told[]): AccountBook {
  const getLogs = ({ fromBlock, toBlock }: { fromBlock: bigint; toBlock: bigint }) =>
    Promise.resolve(told.filter(({ block }) => block >= fromBlock && block <= toBlock).map(logOf));
  return new AccountBook({ getLogs } as unknown as Pick<PublicClient, 'getLogs'>, hub, 0n);
}

describe('given a hub whose last blocks are read again at every look', () => {
  it('an event changes a book once, however often it is read', async () => {
    const told: Told[] = [{ account: 1, block: 5n, blockHash: hash(5) }];
    const book = bookOf(told);
    await book.advance(6n);
    expect([book.takeChanged(), [...book.watched]]).toEqual([[id(1)], [id(1)]]);
    await book.advance(7n);
    expect(book.takeChanged()).toEqual([]);
    told.push({ account: 2, block: 8n, blockHash: hash(8) });
    await book.advance(8n);
    expect(book.takeChanged()).toEqual([id(2)]);
  });

  it('what a reorg put into another block is an event of its own', async () => {
    const told: Told[] = [{ account: 1, block: 5n, blockHash: hash(5) }];
    const book = bookOf(told);
    await book.advance(6n);
    book.takeChanged();
    told[0] = { account: 1, block: 6n, blockHash: hash(66) };
    told.push({ account: 3, block: 5n, blockHash: hash(55) });
    await book.advance(7n);
    expect(new Set(book.takeChanged())).toEqual(new Set([id(1), id(3)]));
  });

  it('an auction whose end a reorg took back is open', async () => {
    const told: Told[] = [
      { account: 1, block: 5n, blockHash: hash(5), auction: 'started' },
      { account: 1, block: 6n, blockHash: hash(6), auction: 'ended' },
    ];
    const book = bookOf(told);
    await book.advance(6n);
    expect([...book.inAuction]).toEqual([]);
    told.pop();
    await book.advance(7n);
    expect([...book.inAuction]).toEqual([id(1)]);
  });

  it('a book is due again once a reorg took back what was said of it, and an auction open that it ended', async () => {
    const told: Told[] = [
      { account: 1, block: 5n, blockHash: hash(5) },
      { account: 2, block: 6n, blockHash: hash(6) },
      { account: 1, block: 7n, blockHash: hash(7), auction: 'ended' },
    ];
    const book = bookOf(told);
    book.addAuctions([id(1)]);
    await book.advance(7n);
    expect([...book.inAuction]).toEqual([]);
    book.takeChanged();
    told.splice(1, 2);
    await book.advance(8n);
    expect(new Set(book.takeChanged())).toEqual(new Set([id(1), id(2)]));
    expect([...book.inAuction]).toEqual([id(1)]);
    await book.advance(9n);
    expect(book.takeChanged()).toEqual([]);
  });

  it('what could not be taken in is not passed over when it is read again', async () => {
    const book = bookOf([{ account: 1, block: 5n, blockHash: hash(5), trades: 255n }]);
    for (const to of [6n, 7n]) await expect(book.advance(to)).rejects.toThrow('instrument 255');
  });

  it('and so it is after blocks beyond what is read again', async () => {
    const told: Told[] = [{ account: 1, block: 5n, blockHash: hash(5) }];
    const book = bookOf(told);
    for (const to of [6n, 200n, 201n]) await book.advance(to);
    book.takeChanged();
    told.push({ account: 1, block: 202n, blockHash: hash(202) });
    await book.advance(202n);
    expect(book.takeChanged()).toEqual([id(1)]);
  });
});
