import { iExchangeAbi, iFeedsAbi, iFundAbi, iLiquidationAbi, iMarginAbi, iShortfallsAbi, iWithdrawalsAbi } from '@lockstep/contracts';
import { risk } from '@lockstep/shared';
import { decodeFunctionData, getAbiItem, isHex, toFunctionSelector, type Abi, type AbiFunction, type Hex } from 'viem';

const ABIS: readonly Abi[] = [iExchangeAbi, iFundAbi, iLiquidationAbi, iMarginAbi, iShortfallsAbi, iWithdrawalsAbi];
/** Every function of the hub that hands signed prices on, by its selector. */
const TAKERS: ReadonlyMap<Hex, AbiFunction> = new Map(
  ABIS.flatMap((abi) =>
    abi
      .filter((item): item is AbiFunction => item.type === 'function' && item.inputs.some(isPrices))
      .map((item): [Hex, AbiFunction] => [toFunctionSelector(item), item]),
  ),
);
const SUBMIT = toFunctionSelector(getAbiItem({ abi: iFeedsAbi, name: 'submit' }));
const SELECTOR = 10;

function isPrices({ name, type }: { readonly name?: string | undefined; readonly type: string }): boolean {
  return name === 'prices' && type === 'bytes';
}

/**
 * The signed snapshot that a transaction brought to the hub: as the arguments of `Feeds.submit`, or as `prices` of a call that hands them
 * on. Null if it brought none, or brought it inside a call of some other contract, where its input does not tell.
 */
export function broughtPrices(input: Hex): risk.SignedSnapshot | null {
  const prices = pricesIn(input);
  if (prices === null || prices === '0x') return null;
  try {
    return risk.decodePrices(prices);
  } catch (error) {
    // Bytes of the right place that are no snapshot: the contract took none of them either.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function pricesIn(input: Hex): Hex | null {
  // CAST: a part of hex, whole bytes.
  const selector = input.slice(0, SELECTOR) as Hex;
  if (selector === SUBMIT) return `0x${input.slice(SELECTOR)}`;
  const taker = TAKERS.get(selector);
  if (taker === undefined) return null;
  const { args } = decodeFunctionData({ abi: [taker], data: input });
  const value: unknown = args[taker.inputs.findIndex(isPrices)];
  return isHex(value) ? value : null;
}
