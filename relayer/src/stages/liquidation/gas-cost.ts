import type { PublicClient } from 'viem';

const WAD = 10n ** 18n;

/** Gas of a bid on a few positions or on collateral, with room: see auction.bid in contracts/snapshots/gas.json. */
export const BID_GAS = 500_000n;

/** What so much gas costs at the price of now, cash of 18 decimals; 0 if gas counts nothing. @param nativePrice cash for one coin in which gas is paid */
export async function gasCost(client: Pick<PublicClient, 'getGasPrice'>, gas: bigint, nativePrice: bigint): Promise<bigint> {
  return nativePrice === 0n ? 0n : ((await client.getGasPrice()) * gas * nativePrice) / WAD;
}
