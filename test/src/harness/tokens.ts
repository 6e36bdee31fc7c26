import { erc20Abi, zeroAddress, type Address } from 'viem';
import { assetNamed, type StackChain } from './stack.js';

/** One unit of cash, 18 decimals. */
export const CASH = 10n ** 18n;

/** So many whole tokens in base units. */
export const whole = (chain: StackChain, symbol: string, amount: bigint): bigint =>
  amount * 10n ** BigInt(assetNamed(chain, symbol).decimals);

/** What an address holds of an asset now, base units. */
export async function heldBy(chain: StackChain, symbol: string, holder: Address): Promise<bigint> {
  const { token } = assetNamed(chain, symbol);
  if (token === zeroAddress) return chain.client.getBalance({ address: holder });
  return chain.client.readContract({ address: token, abi: erc20Abi, functionName: 'balanceOf', args: [holder] });
}

/** An address nobody has used, numbered: what it holds is what it was paid. */
export const freshAddress = (number: number): Address => `0x${(0xfeed_0000n + BigInt(number)).toString(16).padStart(40, '0')}`;
