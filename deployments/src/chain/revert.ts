import {
  accessManagerAbi,
  batchExecutorAbi,
  collateralVaultAbi,
  gatewayAbi,
  ledgerAbi,
  lockstepDVNAbi,
  messengerAbi,
} from '@lockstep/contracts';
import { BaseError, decodeErrorResult, isHex, parseAbi, type AbiItem, type Hex } from 'viem';

/** LayerZero's refusals that a wrong configuration meets. */
const layerZeroErrors = parseAbi([
  'error LZ_Unauthorized()',
  'error LZ_SameValue()',
  'error LZ_OnlyRegisteredLib()',
  'error LZ_UnsupportedEid()',
  'error LZ_DefaultSendLibUnavailable()',
  'error LZ_DefaultReceiveLibUnavailable()',
  'error LZ_ULN_Unsorted()',
  'error LZ_ULN_InvalidRequiredDVNCount()',
  'error LZ_ULN_AtLeastOneDVN()',
  'error LZ_ULN_UnsupportedEid(uint32 eid)',
]);

const isError = (item: AbiItem): boolean => item.type === 'error';
const known = [
  ...layerZeroErrors,
  ...[accessManagerAbi, batchExecutorAbi, collateralVaultAbi, gatewayAbi, ledgerAbi, lockstepDVNAbi, messengerAbi].flatMap((abi) =>
    [...abi].filter(isError),
  ),
];

/** What a failed call says: the contract's error with its arguments where it is one of ours or LayerZero's, else the node's first line. */
export function revertReason(cause: unknown): string {
  const data = revertData(cause);
  if (data !== undefined) {
    try {
      const { errorName, args } = decodeErrorResult({ abi: known, data });
      return `${errorName}(${(args ?? []).map(String).join(', ')})`;
    } catch {
      return `unknown error ${data}`;
    }
  }
  return shortMessage(cause);
}

function revertData(cause: unknown): Hex | undefined {
  if (!(cause instanceof BaseError)) return undefined;
  let data: Hex | undefined;
  cause.walk((inner) => {
    if (typeof inner === 'object' && inner !== null && 'data' in inner && isHex(inner.data) && inner.data !== '0x') data = inner.data;
    return false;
  });
  return data;
}

/** First line of an error, for people. */
function shortMessage(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const [line] = text.split('\n').filter((candidate) => candidate.trim() !== '');
  return line ?? 'no reason given';
}
