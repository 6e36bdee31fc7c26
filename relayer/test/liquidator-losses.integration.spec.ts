import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ledgerAbi, levyAbi, liquidationAbi, marketsAbi, shortfallsAbi } from '@lockstep/contracts';
import { accountId, encodeAccount, risk, type AccountId } from '@lockstep/shared';
import { createServer, type Server } from 'node:http';
import { encodeFunctionData, numberToHex, type Hex, type PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { runLiquidator, type LiquidatorEvent, type LiquidatorOptions } from '../src/cli/liquidator-run.js';
import { tellLiquidator } from '../src/cli/liquidator.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18, PERPETUAL, trader } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { listCollateral } from './support/collateral.js';
import { startMarketsChain } from './support/markets.js';
import { freePort } from './support/ports.js';

const BUSY_MS = 240_000;
const CHAIN = 31_794;
const KEY: Hex = numberToHex(0x79, { size: 32 });
const HUB_EID = 40_001;
const MARKET = 1;
const [loser, winner, borrower, early] = [trader(91), trader(92), trader(93), trader(94)];
const keeper = privateKeyToAccount(KEY);
const BIDDER = encodeAccount({ owner: keeper.address, home: 0, subaccount: 0n });

describe('given a hub, and somebody who runs a liquidator alone, with its URL and a key', () => {
  let chain: TestChain;
  let hub: HubMarkets;
  let client: PublicClient;

  beforeAll(async () => {
    ({ chain, hub, client } = await startMarketsChain(CHAIN));
    await chain.client.setBalance({ address: keeper.address, value: E18 });
    for (const { account } of [loser, winner]) await hub.pay(account, 900_000n * E18);
    await hub.pay(BIDDER, 50_000n * E18);
    await trade(loser.account, winner.account);
  }, BUSY_MS);
  afterAll(() => chain.stop());

  function trade(buyer: AccountId, seller: AccountId): Promise<void> {
    const args = [buyer, seller, PERPETUAL, 10n * E18, 60_000n * E18] as const;
    return hub.send(hub.contracts.Markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
  }
  const pass = async (seconds: number): Promise<void> => {
    await chain.client.increaseTime({ seconds });
    await chain.client.mine({ blocks: 1 });
  };
  const tell = async (price: bigint, seconds = 1): Promise<void> => {
    await pass(seconds);
    await hub.tell(price * E18);
  };
  /** One look of a process that was just started. @returns what its transactions were for, and what became of them */
  async function run(options: Partial<LiquidatorOptions> = {}): Promise<string[]> {
    await chain.client.mine({ blocks: 1 });
    const events: LiquidatorEvent[] = [];
    const given = { rpc: [chain.url], liquidation: hub.contracts.Liquidation, keyEnv: 'KEY', once: true, ...options };
    await runLiquidator(given, { KEY }, (event) => void events.push(event), new AbortController().signal);
    expect(events.flatMap((event) => (event.kind === 'failed' ? [tellLiquidator(event)] : []))).toEqual([]);
    return events.flatMap((event) => (event.kind === 'transaction' ? [`${String(event.purpose['what'])} ${event.status}`] : []));
  }
  const cashOf = (account: AccountId) =>
    client.readContract({ address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'cashOf', args: [account] });
  const deficitOf = async (market: number): Promise<AccountId> => {
    const of = { address: hub.contracts.Liquidation, abi: liquidationAbi, functionName: 'deficitAccount', args: [market] } as const;
    return accountId(await client.readContract(of));
  };

  it(
    'a loss of a market gets its levy: opened, who gained is registered by events alone, closed, collected',
    async () => {
      await tell(55_000n);
      expect(await run()).toEqual([]);
      await hub.pay(await deficitOf(MARKET), -5_000n * E18);
      expect(await run({ lossesSeconds: '0' })).toEqual([]);
      expect(await run()).toEqual(['levy-open success']);
      expect(await run()).toContain('levy-register success');
      const levy = { address: hub.contracts.Levy, abi: levyAbi, functionName: 'registrationOf', args: [1n, winner.account] } as const;
      expect((await client.readContract(levy)).registered).toBeGreaterThan(45_000n * E18);
      await tell(55_000n, 901);
      expect(await run()).toContain('levy-close success');
      expect(await run()).toContain('levy-settle success');
      expect(await cashOf(await deficitOf(MARKET))).toBe(0n);
    },
    BUSY_MS,
  );

  it(
    'what accounts without positions lost is spread over all cash',
    async () => {
      await hub.pay(await deficitOf(0), -3_000n * E18);
      expect(await run()).toContain('levy-spread success');
      expect(await cashOf(await deficitOf(0))).toBe(0n);
    },
    BUSY_MS,
  );

  it(
    'a debt past the limit has its collateral auctioned, also by whom no address of these auctions was told, and bid on',
    async () => {
      const collateral = await listCollateral(hub, HUB_EID);
      const limits = { limit: 10_000n * E18, restore: E18 / 2n };
      await hub.send(hub.contracts.Shortfalls, encodeFunctionData({ abi: shortfallsAbi, functionName: 'setTerms', args: [limits] }));
      await collateral.credit(borrower.account, true);
      await hub.pay(borrower.account, -12_000n * E18);
      await tell(60_000n);
      expect(await run()).toEqual(['shortfall-start success']);
      await tell(60_000n, 120);
      const bidding = { bidAccount: BIDDER, budget: '100000', required: '0.06' };
      expect(await run({ ...bidding, shortfalls: hub.contracts.Shortfalls })).toEqual(['shortfall-bid success']);
      expect(-(await cashOf(borrower.account))).toBeLessThanOrEqual(5_000n * E18);
      expect(await run(bidding)).not.toContain('shortfall-bid success');
    },
    BUSY_MS,
  );

  it(
    'an auction is undone that prices show to have been started on a healthy account, which an operator has and nobody handed in',
    async () => {
      await hub.pay(early.account, 40_000n * E18);
      await trade(early.account, winner.account);
      await tell(57_500n, 130);
      await pass(5);
      const signed = await hub.sign(60_000n * E18);
      const served = await servePrices({ time: `${signed.time}`, prices: risk.encodePrices(signed) });
      await pass(5);
      const start = encodeFunctionData({ abi: liquidationAbi, functionName: 'start', args: [early.account, '0x'] });
      await hub.send(hub.contracts.Liquidation, start);
      const opened = async (): Promise<bigint> => {
        const of = { address: hub.contracts.Liquidation, abi: liquidationAbi, functionName: 'auctionOf', args: [early.account] } as const;
        return (await client.readContract(of)).id;
      };
      expect(await opened()).toBeGreaterThan(0n);
      expect(await run()).not.toContain('auction-undo success');
      expect(await run({ prices: served.url })).toEqual(['auction-undo success']);
      expect(await opened()).toBe(0n);
      served.server.close();
    },
    BUSY_MS,
  );
});

/** An operator's `GET /prices`. */
async function servePrices(snapshot: { readonly time: string; readonly prices: Hex }): Promise<{ server: Server; url: string }> {
  const port = await freePort();
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ snapshots: [snapshot] }));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${port}/prices` };
}
