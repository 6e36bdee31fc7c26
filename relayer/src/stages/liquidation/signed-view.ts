import { marginAbi } from '@lockstep/contracts';
import { risk } from '@lockstep/shared';
import {
  BaseError,
  ContractFunctionRevertedError,
  encodeFunctionData,
  RpcRequestError,
  type Address,
  type ContractFunctionParameters,
  type Hex,
  type PublicClient,
} from 'viem';
import { rpcErrorOf, unlessReverted } from '../../sender/revert-reason.js';
import type { SignedAfter } from './payouts.js';

/** Reads contracts. */
export type ContractReads = Pick<PublicClient, 'readContract'>;

/** Snapshots tried at most: one dated ahead of a chain that is behind is refused for a few seconds. */
const MOST_TRIED = 3;

/** Whether prices of one grade let more be done than those of another. */
export const isBetter = (grade: risk.Grade, than: risk.Grade): boolean => risk.GRADES.indexOf(grade) < risk.GRADES.indexOf(than);

/** What is refused at the hub's prices is not refused at others: another way to meet the same need. */
export const wayOf = (prices: Hex): string => (prices === '0x' ? '' : 'priced');

/** The hub as it is once signed prices are handed in that nobody has handed in yet. */
export class SignedView {
  constructor(
    private readonly client: PublicClient,
    private readonly margin: Address,
    private readonly signed: SignedAfter,
  ) {}

  /**
   * The newest prices that the hub would take now; null: there are none.
   * @param after seconds: signed for a later time
   * @param now   time of the newest block, seconds
   */
  async newest(after: bigint, now: bigint): Promise<Hex | null> {
    const inTime = (await this.signed(after)).filter(({ time }) => BigInt(time) <= now + risk.FUTURE_TOLERANCE);
    for (const { prices } of inTime.slice(0, MOST_TRIED)) {
      const data = encodeFunctionData({ abi: marginAbi, functionName: 'submit', args: [prices] });
      if ((await unlessReverted(this.client.call({ to: this.margin, data }))) !== null) return prices;
    }
    return null;
  }

  /** What contracts say in the same call after those prices. */
  at(prices: Hex): ContractReads {
    const submit = { address: this.margin, abi: marginAbi, functionName: 'submit', args: [prices] } as const;
    const read = async ({ blockNumber, ...asked }: ContractFunctionParameters & { readonly blockNumber?: bigint }): Promise<unknown> => {
      const [, answer] = await this.client.multicall({
        ...{ allowFailure: true, deployless: true, batchSize: 0, contracts: [submit, asked] },
        ...(blockNumber === undefined ? {} : { blockNumber }),
      });
      if (answer.status === 'failure') throw asNodes(answer.error);
      return answer.result;
    };
    // CAST: decoded by the ABI and the name that were given, as there.
    return { readContract: read as ContractReads['readContract'] };
  }
}

/** A revert as a node tells it of a call by itself: what follows need not know of the other call. */
function asNodes(error: Error): Error {
  if (!(error instanceof BaseError) || rpcErrorOf(error) !== null) return error;
  const reverted = error.walk((inner) => inner instanceof ContractFunctionRevertedError);
  if (!(reverted instanceof ContractFunctionRevertedError)) return error;
  return new RpcRequestError({ body: {}, url: '', error: { code: 3, message: 'execution reverted', data: reverted.raw ?? '0x' } });
}
