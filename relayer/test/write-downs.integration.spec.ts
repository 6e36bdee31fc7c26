import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ledgerAbi } from '@lockstep/contracts';
import { encodeAccount, type AccountId } from '@lockstep/shared';
import { encodeFunctionData, http, numberToHex, type PublicClient } from 'viem';
import { WalletLane } from '../src/cli/wallet-lane.js';
import { privateKeyToAccount } from 'viem/accounts';
import { AccountBook } from '../src/stages/liquidation/account-book.js';
import { findHub } from '../src/stages/liquidation/hub.js';
import { WriteDowns } from '../src/stages/liquidation/write-downs.js';
import type { HubMarkets } from './exchange/hub-chain.js';
import { E18 } from './exchange/world.js';
import type { TestChain } from './support/anvil.js';
import { ASSET, ASSET_ID, listCollateral } from './support/collateral.js';
import { startMarketsChain } from './support/markets.js';

const BUSY_MS = 120_000;
const CHAIN = 31_793;
const SPOKE = 40_002;
const HOLDERS = 12;
const RECOVERY = (E18 * 6n) / 10n;
const STUCK_MS = 60_000;
const key = privateKeyToAccount(numberToHex(0x7a, { size: 32 }));
const holders = Array.from({ length: HOLDERS }, (_, i) =>
  encodeAccount({ owner: numberToHex(0xe00000 + i, { size: 20 }), home: 0, subaccount: 0n }),
);

describe('given holders of an asset who do nothing, and a keeper', () => {
  let chain: TestChain;
  let hub: HubMarkets;
  let client: PublicClient;
  let lane: WalletLane;
  let keeper: WriteDowns;
  let refused = 0;

  beforeAll(async () => {
    ({ chain, hub, client } = await startMarketsChain(CHAIN));
    await chain.client.setBalance({ address: key.address, value: E18 });
    const collateral = await listCollateral(hub, SPOKE);
    for (const [i, account] of holders.entries()) await collateral.credit(account, i !== 0);
    lane = new WalletLane(client, http(chain.url), key, { stuckMs: STUCK_MS, maxFeePerGas: 10n ** 12n }, ({ kind }) => {
      if (kind === 'refused') refused++;
    });
    const found = await findHub(client, hub.contracts.Liquidation);
    const book = new AccountBook(client, found, 0n);
    const named = async (): Promise<readonly AccountId[]> => {
      await book.advance(await client.getBlockNumber());
      return [...book.named];
    };
    keeper = new WriteDowns(client, found, lane, named, { maxChecks: 5, maxSteps: 3 });
  }, BUSY_MS);
  afterAll(() => chain.stop());

  async function writeDown(assetId: number): Promise<void> {
    const { Ledger, CollateralRules } = hub.contracts;
    await hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'freezeAsset', args: [assetId] }));
    const args = [SPOKE, ASSET, RECOVERY, holders[0] ?? '0x', CollateralRules] as const;
    await hub.send(Ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'writeDown', args }));
  }
  const balances = (assetId: number): Promise<bigint[]> =>
    Promise.all(
      holders.map(async (account) => {
        const of = { address: hub.contracts.Ledger, abi: ledgerAbi, functionName: 'balanceOf', args: [account, assetId] } as const;
        return (await client.readContract(of)).reduce((sum, amount) => sum + amount, 0n);
      }),
    );
  /** One look, and whatever it sent is mined. @returns how many were sent */
  async function look(): Promise<number> {
    const wanted = await keeper.tend();
    await lane.settle();
    return wanted.filter(({ outcome }) => outcome === 'sent').length;
  }

  it(
    'nothing is written down: it asks for nothing',
    async () => {
      expect(await look()).toBe(0);
    },
    BUSY_MS,
  );

  it(
    'turns the balances of all, enabled or idle, a few at a look, and then rests',
    async () => {
      await writeDown(ASSET_ID);
      const successor = ASSET_ID + 1;
      const sent: number[] = [];
      for (let i = 0; i < 40 && (await balances(ASSET_ID)).some((amount) => amount > 0n); i++) sent.push(await look());
      expect(Math.max(...sent)).toBe(3);
      expect(await balances(successor)).toEqual(holders.map(() => RECOVERY));
      for (let i = 0; i < 10; i++) expect(await look()).toBe(0);
      expect(refused).toBe(0);
    },
    BUSY_MS,
  );

  it(
    'finds those of the next write-down at once',
    async () => {
      await writeDown(ASSET_ID + 1);
      for (let i = 0; i < 40 && (await balances(ASSET_ID + 1)).some((amount) => amount > 0n); i++) await look();
      expect(await balances(ASSET_ID + 2)).toEqual(holders.map(() => (RECOVERY * RECOVERY) / E18));
    },
    BUSY_MS,
  );
});
