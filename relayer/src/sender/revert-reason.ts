import { BaseError, decodeErrorResult, isHex, RpcRequestError, type Abi, type Address, type Hex, type PublicClient } from 'viem';
import * as contracts from '@lockstep/contracts';
import type { RevertReason } from './intent.js';

/** Every custom error of the project's contracts, each once. */
const ERRORS: Abi = dedupe(
  Object.values(contracts)
    .filter((value) => Array.isArray(value))
    .flatMap((abi: Abi) => abi.filter((item) => item.type === 'error')),
);

const PANIC = 'Panic';
const REVERTED = /revert|out of gas|invalid opcode|stack underflow|VM Exception/i;

/** Decodes what a call reverted with: a known custom error, Error(string), Panic(uint256) or raw bytes. */
export function decodeRevert(data: Hex, message: string | null): RevertReason {
  if (data === '0x')
    return message && !/^execution reverted:?\s*$/i.test(message) ? { kind: 'message', message } : { kind: 'unknown', data };
  try {
    const { errorName, args } = decodeErrorResult({ abi: ERRORS, data });
    const texts = (args ?? []).map((arg) => (typeof arg === 'object' && arg !== null ? JSON.stringify(arg, bigintAsText) : String(arg)));
    if (errorName === 'Error') return { kind: 'message', message: texts[0] ?? '' };
    if (errorName === PANIC) return { kind: 'panic', code: Number(texts[0] ?? 0) };
    return { kind: 'error', name: errorName, args: texts, data };
  } catch {
    return { kind: 'unknown', data };
  }
}

/** The reason if `error` is a node's word that the call reverts; null if it is any other failure. */
export function revertOf(error: unknown): RevertReason | null {
  const request = rpcErrorOf(error);
  if (!request) return null;
  const data = dataOf(request.data);
  if (data === null && request.code !== 3 && !REVERTED.test(request.details)) return null;
  return decodeRevert(data ?? '0x', request.details);
}

/** Why a contract would refuse a call at the newest block; null if it would not. No answer is no refusal: it throws. */
export async function refusalOf(
  client: Pick<PublicClient, 'call'>,
  call: { readonly account: Address; readonly to: Address; readonly data: Hex },
): Promise<RevertReason | null> {
  try {
    await client.call(call);
    return null;
  } catch (error) {
    const reason = revertOf(error);
    if (reason === null) throw error;
    return reason;
  }
}

/** What a contract answers; null if it reverts. No answer is no revert: it throws. */
export async function unlessReverted<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (revertOf(error) === null) throw error;
    return null;
  }
}

/** The node's own error behind a viem error, or null if no node answered. */
export function rpcErrorOf(error: unknown): RpcRequestError | null {
  const found = error instanceof BaseError ? error.walk((inner) => inner instanceof RpcRequestError) : null;
  return found instanceof RpcRequestError ? found : null;
}

/** Nodes put the bytes in `data` or in `data.data`. */
function dataOf(data: unknown): Hex | null {
  if (isHex(data)) return data;
  if (typeof data === 'object' && data !== null && 'data' in data && isHex(data.data)) return data.data;
  return null;
}

function dedupe(items: Abi): Abi {
  const seen = new Map<string, Abi[number]>();
  for (const item of items) if (item.type === 'error') seen.set(`${item.name}(${item.inputs.map(({ type }) => type).join(',')})`, item);
  return [...seen.values()];
}

const bigintAsText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
