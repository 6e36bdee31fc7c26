import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { iLedgerAbi, testTokenAbi } from '@lockstep/contracts';
import { encodeAccount } from '@lockstep/shared';
import path from 'node:path';
import { encodeFunctionData, getAddress, keccak256, maxUint256, sliceHex, toHex, type Address } from 'viem';
import { snapshotFile } from '../../../scripts/lib/snapshot-file.mjs';
import type { LiveAsset } from '../../src/live/live.js';
import type { GasWorld } from './gas-world.js';
import { measureLiquidation } from './liquidation-gas.js';
import { measureMargin } from './margin-gas.js';
import { startGasWorld } from './start-gas-world.js';
import { measureTrade } from './trade-gas.js';

/** Targets, as in README: most gas per deposit, or per payout; and what a transaction may cost at all (2^24), which liquidations without sheets keep. */
const REACH = {
  'liquidation.start.max': 500_000n,
  'auction.bid.perps3': 400_000n,
  'liquidation.start.max.sheetless': 1n << 24n,
  'auction.bid.max.sheetless': 1n << 24n,
  'deposit.erc20.warm': 85_000n,
  'deposit.erc20.above': 50_000n,
  'credit.first.batch50': 48_000n,
  'credit.new.batch50': 26_000n,
  'credit.existing.batch50': 10_000n,
  'packet.share.batch50': 6_000n,
  'packet.share.batch200': 1_500n,
  'payout.batch50': 45_000n,
} as const;

const committed = path.join(import.meta.dirname, '../../../contracts/snapshots/gas.json');
const addressOf = (name: string): Address => getAddress(sliceHex(keccak256(toHex(name)), 12));
const owners = Array.from({ length: 50 }, (_, i) => addressOf(`owner ${i}`));
const spender = addressOf('spender');
/** Digits everywhere, so that calldata is not cheaper than usual. */
const AMOUNT = { WETH: 1_234_567_890_123_456_789n, WBTC: 123_456_789n, ETH: 1_987_654_321_987_654_321n } as const;

describe('given a spoke and the hub with real LayerZero contracts', () => {
  const gas: Record<string, bigint> = {};
  let world: GasWorld;

  beforeAll(async () => {
    world = await startGasWorld([...owners, spender]);
    await measure(world, gas);
    await measureMargin(gas);
    await measureTrade(gas);
    await measureLiquidation(gas);
  }, 180_000);
  afterAll(() => world.stop());

  it('when fifty accounts made six deposits of one asset and one of two others, each holds that less what it withdrew', async () => {
    const { chain, live } = world.hub;
    for (const owner of owners) {
      const account = encodeAccount({ owner, home: 0, subaccount: 0n });
      const [, amounts] = await chain.client.rpc.readContract({
        address: live.contracts.Ledger.address,
        abi: iLedgerAbi,
        functionName: 'collateralOf',
        args: [account],
      });
      const withdrawn = owner === owners[0] ? 3n : 1n;
      expect(amounts).toEqual([AMOUNT.WETH * (6n - withdrawn), AMOUNT.WBTC, AMOUNT.ETH]);
    }
  });

  it('when measured, every transaction costs what is committed', () => {
    const numbers = Object.fromEntries(Object.entries(gas).map(([name, value]) => [name, Number(value)]));
    const { expected, actual } = snapshotFile(committed, numbers);
    expect(actual).toEqual(expected);
  });

  it.each(Object.entries(REACH))('when measured, %s is at most %d', (name, most) => {
    expect(gas[name]).toBeLessThanOrEqual(most);
  });
});

/**
 * Deposits, packets and credits in the order of a life: an account's first asset, a second and a third one, the first again; then 200
 * deposits under one checkpoint. Shares are rounded up.
 */
async function measure(world: GasWorld, gas: Record<string, bigint>): Promise<void> {
  const count = owners.length;
  const [first, second, third] = [assetOf(world, 'WETH'), assetOf(world, 'WBTC'), assetOf(world, 'ETH')];
  await world.fund(owners, first, AMOUNT.WETH * 100n);
  await world.fund(owners, second, AMOUNT.WBTC * 100n);

  await world.deposit(owners, first, AMOUNT.WETH);
  await world.carry(); // the first packet of a path writes slots that later ones find written
  gas['credit.first.batch50'] = share(await world.deliver(count), count);

  await world.deposit(owners, second, AMOUNT.WBTC);
  const fifty = await world.carry();
  gas['packet.attest'] = fifty.attest;
  gas['packet.verify'] = fifty.verify;
  gas['packet.commitAndExecute'] = fifty.commitAndExecute;
  gas['packet.share.batch50'] = share(fifty.attest + fifty.verify + fifty.commitAndExecute, count);
  // A new balance opens a slot of two, or fills the one its predecessor opened: both, and their mean.
  const opening = await world.deliver(count);
  await world.deposit(owners, third, AMOUNT.ETH);
  await world.carry();
  const filling = await world.deliver(count);
  gas['credit.new.opening.batch50'] = share(opening, count);
  gas['credit.new.filling.batch50'] = share(filling, count);
  gas['credit.new.batch50'] = share(opening + filling, 2 * count);

  await world.deposit(owners, first, AMOUNT.WETH);
  await world.carry();
  gas['credit.existing.batch50'] = share(await world.deliver(count), count);

  const deposits = [];
  for (let round = 0; round < 4; round++) deposits.push(...(await world.deposit(owners, first, AMOUNT.WETH)));
  const most = deposits.slice(-count).reduce((a, b) => (a > b ? a : b));
  gas['deposit.erc20.warm'] = most;
  gas['deposit.erc20.transferFrom'] = await transferFrom(world, first);
  gas['deposit.erc20.above'] = most - gas['deposit.erc20.transferFrom'];

  const twoHundred = await world.carry();
  const total = deposits.length;
  gas['packet.share.batch200'] = share(twoHundred.attest + twoHundred.verify + twoHundred.commitAndExecute, total);
  let splits = 0n;
  for (let chunk = 3; chunk > 0; chunk--) splits += await world.split(count * (chunk + 1), count * chunk); // backwards, each leaf once
  gas['split.share.batch200'] = share(splits, total);
  for (let chunk = 0; chunk < 4; chunk++) await world.deliver(count);

  await measureWithdrawals(world, first, gas);

  for (const credit of ['first', 'new', 'existing'] as const)
    gas[`sum.${credit}.batch50`] = (gas[`credit.${credit}.batch50`] ?? 0n) + gas['packet.share.batch50'];
}

/**
 * One withdrawal alone, then fifty under one checkpoint, to receivers that never held the token. A payout is the whole delivery on the
 * spoke: calldata, fold, transfer, event and the share of the receipt.
 */
async function measureWithdrawals(world: GasWorld, asset: LiveAsset, gas: Record<string, bigint>): Promise<void> {
  const receivers = owners.map((_, i) => addressOf(`receiver ${i}`));
  const count = owners.length;
  const withdraw = async (
    from: readonly Address[],
    to: readonly Address[],
  ): Promise<{ request: bigint; packet: bigint; payout: bigint }> => {
    const { gas: requests, orders } = await world.withdraw(from, to, asset, AMOUNT.WETH);
    const { attest, verify, commitAndExecute } = await world.carryBack();
    const { gas: payout, paid } = await world.pay(orders);
    expect(paid).toBe(from.length);
    return { request: requests.reduce((a, b) => (a > b ? a : b)), packet: attest + verify + commitAndExecute, payout };
  };
  await withdraw(owners.slice(0, 1), [addressOf('first receiver')]); // the first of a path writes slots that later ones find written
  const alone = await withdraw(owners.slice(0, 1), [addressOf('lone receiver')]);
  const fifty = await withdraw(owners, receivers);
  gas['withdrawal.request'] = fifty.request;
  gas['payout.alone'] = alone.payout;
  gas['payout.batch50'] = share(fifty.payout, count);
  gas['sum.withdrawal.alone'] = alone.payout + alone.packet;
  gas['sum.withdrawal.batch50'] = share(fifty.payout + fifty.packet, count);
}

/** Gas of moving the same amount of the same token from the same owner to the vault, by an approved spender and nothing else. */
async function transferFrom(world: GasWorld, { token }: LiveAsset): Promise<bigint> {
  const { chain, live } = world.spoke;
  const [owner] = owners;
  if (!owner) throw new Error('no owner');
  const approve = encodeFunctionData({ abi: testTokenAbi, functionName: 'approve', args: [spender, maxUint256] });
  const args = [owner, live.contracts.CollateralVault.address, AMOUNT.WETH] as const;
  const move = encodeFunctionData({ abi: testTokenAbi, functionName: 'transferFrom', args });
  const [, moved] = await chain.send([
    { from: owner, to: token, data: approve },
    { from: spender, to: token, data: move },
  ]);
  if (!moved) throw new Error('nothing was sent');
  return moved.gasUsed;
}

function assetOf(world: GasWorld, symbol: string): LiveAsset {
  const found = world.spoke.live.assets.find((asset) => asset.symbol === symbol);
  if (!found) throw new Error(`no asset ${symbol} on the spoke; there are ${world.spoke.live.assets.map((a) => a.symbol).join(', ')}`);
  return found;
}

const share = (total: bigint, count: number): bigint => (total + BigInt(count) - 1n) / BigInt(count);
