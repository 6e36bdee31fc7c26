import type { PublicClient } from 'viem';

const WAD = 10n ** 18n;

/** What so much gas costs at the price of now, cash of 18 decimals; 0 if gas counts nothing. @param nativePrice cash for one coin in which gas is paid */
export async function gasCost(client: Pick<PublicClient, 'getGasPrice'>, gas: bigint, nativePrice: bigint): Promise<bigint> {
  return nativePrice === 0n ? 0n : ((await client.getGasPrice()) * gas * nativePrice) / WAD;
}
