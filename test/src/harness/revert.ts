import {
  batchExecutorAbi,
  iCollateralVaultAbi,
  iDelegatesAbi,
  iExchangeAbi,
  iFeedsAbi,
  iFundAbi,
  iGatewayAbi,
  iLedgerAbi,
  iLevyAbi,
  iLiquidationAbi,
  iLockstepDVNAbi,
  iMarginAbi,
  iMarketsAbi,
  iMessengerAbi,
  iPayoutsAbi,
  iWithdrawalsAbi,
  testTokenAbi,
} from '@lockstep/contracts';
import { BaseError, decodeErrorResult, isHex, type Hex, type TransactionReceipt } from 'viem';
import type { StackChain } from './stack.js';

/** Every custom error our contracts declare. */
const errors = [
  iMessengerAbi,
  iCollateralVaultAbi,
  iPayoutsAbi,
  iLedgerAbi,
  iGatewayAbi,
  iWithdrawalsAbi,
  iExchangeAbi,
  iFeedsAbi,
  iMarginAbi,
  iMarketsAbi,
  iDelegatesAbi,
  iLiquidationAbi,
  iLevyAbi,
  iFundAbi,
  iLockstepDVNAbi,
  batchExecutorAbi,
  testTokenAbi,
]
  .flat()
  .filter((item) => item.type === 'error');

/** @throws Error with the reason, if the transaction reverted */
export async function requireSuccess(chain: StackChain, receipt: TransactionReceipt): Promise<void> {
  if (receipt.status === 'success') return;
  throw new Error(`transaction ${receipt.transactionHash} on ${chain.name} reverted: ${await revertReason(chain, receipt)}`);
}

/** Why a mined transaction reverted, by replaying it on the state before its block: the custom error with its arguments. */
async function revertReason(chain: StackChain, { transactionHash: hash, blockNumber }: TransactionReceipt): Promise<string> {
  // Its block is the receipt's: a busy node may have that before it says the same of the transaction.
  const { from, to, input, value, gas } = await chain.client.getTransaction({ hash });
  // An earlier transaction of the same block may be the cause; then only the state after the block shows it.
  for (const at of [blockNumber - 1n, blockNumber]) {
    const reason = await chain.client.call({ account: from, to, data: input, value, gas, blockNumber: at }).then(() => undefined, describe);
    if (reason) return reason;
  }
  return 'it succeeds when replayed';
}

function describe(error: unknown): string {
  if (!(error instanceof BaseError)) return error instanceof Error ? error.message : String(error);
  const data = revertData(error);
  if (data === undefined || data === '0x') return error.shortMessage;
  try {
    const { errorName, args } = decodeErrorResult({ abi: errors, data });
    return `${errorName}(${(args ?? []).map(String).join(', ')})`;
  } catch {
    return `${error.shortMessage} ${data}`;
  }
}

function revertData(error: BaseError): Hex | undefined {
  let found: Hex | undefined;
  error.walk((cause) => {
    if (typeof cause === 'object' && cause !== null && 'data' in cause && isHex(cause.data)) found = cause.data;
    return false;
  });
  return found;
}
