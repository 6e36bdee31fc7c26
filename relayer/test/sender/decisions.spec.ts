import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeErrorResult, parseAbi, RpcRequestError, BaseError } from 'viem';
import { messengerAbi } from '@lockstep/contracts';
import { classifyRefusal } from '../../src/sender/broadcast.js';
import { decideFees } from '../../src/sender/fees.js';
import { describeReason } from '../../src/sender/intent.js';
import { decodeRevert, revertOf } from '../../src/sender/revert-reason.js';

describe('given a market and limits', () => {
  it('never exceeds the limits, and always offers the base fee', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 12n),
        fc.bigInt(0n, 10n ** 11n),
        fc.bigInt(1n, 10n ** 12n),
        fc.bigInt(0n, 10n ** 11n),
        (baseFee, suggested, max, maxTip) => {
          const fees = decideFees({ baseFee, suggested }, { maxFeePerGas: max, maxPriorityFeePerGas: maxTip });
          if (fees === null) return baseFee > max;
          if (fees.kind !== 'eip1559') return false;
          return (
            fees.maxFeePerGas <= max &&
            fees.maxFeePerGas >= baseFee &&
            fees.maxPriorityFeePerGas <= maxTip &&
            fees.maxPriorityFeePerGas <= fees.maxFeePerGas
          );
        },
      ),
    );
  });

  it('offers a plain gas price on a chain without a base fee, and waits above the limit', () => {
    const limits = { maxFeePerGas: 100n, maxPriorityFeePerGas: 5n };
    expect(decideFees({ baseFee: null, suggested: 40n }, limits)).toEqual({ kind: 'legacy', gasPrice: 40n });
    expect(decideFees({ baseFee: null, suggested: 140n }, limits)).toBeNull();
  });
});

describe('given what nodes say to raw transactions', () => {
  it.each([
    ['already known', 'known'],
    ['ALREADY_EXISTS: already known', 'known'],
    ['known transaction: 0xabc', 'known'],
    ['nonce too low', 'nonce-too-low'],
    ['nonce too low: next nonce 5, tx nonce 3', 'nonce-too-low'],
    ['OldNonce', 'nonce-too-low'],
    ['replacement transaction underpriced', 'underpriced'],
    ['insufficient funds for gas * price + value', 'insufficient-funds'],
    ['txpool is full', 'refused'],
    ['nonce too high', 'refused'],
    ['intrinsic gas too low', 'refused'],
  ])('"%s" means %s', (message, kind) => {
    expect(classifyRefusal(message).kind).toBe(kind);
  });
});

describe('given revert data', () => {
  it("decodes the project's errors, Error(string), Panic(uint256) and anything else", () => {
    const own = encodeErrorResult({ abi: messengerAbi, errorName: 'NothingToFlush', args: [40_002, 7n] });
    expect(decodeRevert(own, null)).toMatchObject({ kind: 'error', name: 'NothingToFlush', args: ['40002', '7'] });
    expect(describeReason(decodeRevert(encodeErrorResult({ abi: parseAbi(['error Error(string)']), args: ['no'] }), null))).toBe('no');
    expect(describeReason(decodeRevert(encodeErrorResult({ abi: parseAbi(['error Panic(uint256)']), args: [0x12n] }), null))).toBe(
      'Panic(0x12)',
    );
    expect(describeReason(decodeRevert('0xdeadbeef', null))).toBe('unknown error 0xdeadbeef');
    expect(describeReason(decodeRevert('0x', 'execution reverted'))).toBe('reverted without a reason');
  });

  it('tells a revert from a failing node', () => {
    const rpc = (code: number, message: string) =>
      new BaseError('call failed', { cause: new RpcRequestError({ body: {}, url: 'x', error: { code, message } }) });
    expect(revertOf(rpc(3, 'execution reverted'))).not.toBeNull();
    expect(revertOf(rpc(-32_005, 'limit exceeded'))).toBeNull();
    expect(revertOf(new Error('socket hang up'))).toBeNull();
  });
});
