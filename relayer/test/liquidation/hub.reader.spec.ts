import { describe, expect, it } from '@jest/globals';
import { accountId, risk } from '@lockstep/shared';
import { ContractFunctionExecutionError, HttpRequestError, numberToHex, RpcRequestError, type Address, type PublicClient } from 'viem';
import { HubReader } from '../../src/stages/liquidation/hub.reader.js';
import { hubMethods } from '../../src/stages/liquidation/parameters.js';

const id = (number: number) => accountId(numberToHex(number, { size: 32 }));
const at = (number: number): Address => numberToHex(number, { size: 20 });
const HUB = {
  ...{ liquidation: at(1), margin: at(2), ledger: at(3), markets: at(4), feeds: at(5) },
  ...{ rules: at(6), cross: at(7), handover: at(8), withdrawals: at(9) },
  ...{ fund: at(10), levy: null, shortfalls: null },
};
const [WELL, BROKEN] = [id(1), id(2)];
const URL = 'http://127.0.0.1:9';
const REVERTS = new RpcRequestError({ body: {}, error: { code: 3, message: 'execution reverted' }, url: URL });
const SILENT = new HttpRequestError({ body: {}, url: URL });
const auction = {
  ...{ id: 0n, openedAt: 0, startedAt: 0, lastBidAt: 0, restingSince: 0, insolventSince: 0, reserve: 0n, stepTaken: 0 },
};

interface Read {
  readonly functionName: string;
  readonly args: readonly unknown[];
  readonly abi: readonly [];
}

/** A hub on which what is said of one account ends with an error. */
function readerOf(cause: RpcRequestError | HttpRequestError): HubReader {
  const answers: Readonly<Record<string, unknown>> = {
    holdingsOf: risk.encodeHoldings({ cash: 5n, initialFactor: 0, maxLeverage: 0, collateral: [], underlyings: [] }),
    modeOf: 0,
    riskOf: { equity: 1n, initialMargin: 2n, maintenanceMargin: 1n, grade: 0 },
    auctionOf: auction,
  };
  const readContract = ({ functionName, args, abi }: Read): Promise<unknown> => {
    const fails = args[0] === BROKEN && ['holdingsOf', 'riskOf'].includes(functionName);
    return fails
      ? Promise.reject(new ContractFunctionExecutionError(cause, { abi, functionName, args }))
      : Promise.resolve(answers[functionName]);
  };
  const { portfolio, cross } = hubMethods();
  // CAST: nothing but contracts is read of it here.
  const client = { readContract } as unknown as PublicClient;
  return new HubReader(client, HUB, { portfolio, cross, isolated: { ...cross, method: 'isolated' } });
}

describe('given two accounts, of which one makes the contracts revert', () => {
  const reader = readerOf(REVERTS);

  it('the other one is read all the same', async () => {
    expect((await reader.accounts([BROKEN, WELL], 1n, 1n)).map(({ account }) => account)).toEqual([WELL]);
    expect((await reader.exact([BROKEN, WELL], 1n)).map(({ account }) => account)).toEqual([WELL]);
  });
});

describe('given a provider that does not answer for one of two accounts', () => {
  const reader = readerOf(SILENT);

  it('that is no word on the account: it is asked again', async () => {
    await expect(reader.accounts([BROKEN, WELL], 1n, 1n)).rejects.toThrow();
    await expect(reader.exact([BROKEN, WELL], 1n)).rejects.toThrow();
  });
});

describe('given an account that holds what is priced by a feed that was halted long ago', () => {
  const held = (underlying: number) => ({ underlying, size: 1n, quote: 0n, options: [] });
  // CAST: nothing but contracts is read of it here.
  const client = {
    readContract: ({ functionName, args }: Read) =>
      Promise.resolve(
        functionName === 'quoteOf'
          ? { spot: 1n, mark: 1n, grade: risk.GRADES.indexOf(args[0] === 1 ? 'halted' : 'aged'), oldest: args[0] === 1 ? 5 : 90 }
          : functionName === 'fundingOf'
            ? [0n, 0n, 0]
            : [],
      ),
  } as unknown as PublicClient;

  it('its age counts no more: nobody can renew it', async () => {
    const { portfolio, cross } = hubMethods();
    const reader = new HubReader(client, HUB, { portfolio, cross, isolated: { ...cross, method: 'isolated' } });
    const holdings = { cash: 0n, initialFactor: 0, maxLeverage: 0, collateral: [], underlyings: [held(1), held(2)] };
    const { pricedAt, outdated } = await reader.market([{ account: WELL, mode: 'cross', holdings, indexes: new Map() }], 1n, 100n);
    expect([pricedAt, outdated]).toEqual([90n, 90n]);
  });
});
