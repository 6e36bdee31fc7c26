import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeFunctionData, encodeErrorResult, encodeFunctionResult, type Abi, type Hex } from 'viem';
import { z } from 'zod/v4';

/** What a contract answers: the result of the function, or a revert with one of the ABI's errors. */
export type Answer = { readonly result: unknown } | { readonly revert: string; readonly args: readonly unknown[] };

/** A provider whose contracts answer as a test says. */
export interface FakeRpc {
  readonly url: string;
  /** names of the functions that were called, with their arguments, in order */
  readonly calls: { readonly name: string; readonly args: readonly unknown[] }[];
  /** `block`: a number as hex, or a tag */
  answer: (name: string, args: readonly unknown[], block: string) => Answer;
  stop(): Promise<void>;
}

const request = z.object({ id: z.unknown(), method: z.string(), params: z.array(z.unknown()).default([]) });
const callParams = z.object({ data: z.string() });
const blockParam = z.string().default('latest');

/** @param abi functions and errors of every contract that is asked */
export async function startFakeRpc(abi: Abi): Promise<FakeRpc> {
  const server = createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    incoming.on('end', () => {
      const asked: unknown = JSON.parse(body);
      const answers = (Array.isArray(asked) ? asked : [asked]).map((one) => reply(request.parse(one)));
      outgoing.setHeader('content-type', 'application/json');
      outgoing.end(JSON.stringify(Array.isArray(asked) ? answers : answers[0]));
    });
  });
  const fake: FakeRpc = {
    url: '',
    calls: [],
    answer: (name) => {
      throw new Error(`nobody said what ${name} answers`);
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
  function reply({ id, method, params }: z.output<typeof request>): object {
    const base = { jsonrpc: '2.0', id };
    if (method !== 'eth_call') return { ...base, error: { code: -32601, message: `no method ${method}` } };
    // CAST: calldata of a client is hex.
    const { functionName, args = [] } = decodeFunctionData({ abi, data: callParams.parse(params[0]).data as Hex });
    fake.calls.push({ name: functionName, args });
    const answer = fake.answer(functionName, args, blockParam.parse(params[1]));
    if ('revert' in answer) {
      const data = encodeErrorResult({ abi, errorName: answer.revert, args: [...answer.args] });
      return { ...base, error: { code: 3, message: 'execution reverted', data } };
    }
    return { ...base, result: encodeFunctionResult({ abi, functionName, result: answer.result }) };
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // CAST: a listening TCP server has a port.
  return Object.assign(fake, { url: `http://127.0.0.1:${port}` });
}
