import { describe, expect, it } from '@jest/globals';
import { concatHex, numberToHex, type Hex } from 'viem';
import { lzReceiveGas } from '../src/message/options.js';

const receive = (gas: bigint): Hex => concatHex(['0x01', '0x0011', '0x01', numberToHex(gas, { size: 16 })]);

describe('lzReceiveGas', () => {
  it('given one option, it is its gas; several add up; others are stepped over', () => {
    expect(lzReceiveGas(concatHex(['0x0003', receive(200_000n)]))).toBe(200_000n);
    const ordered: Hex = '0x01000104';
    expect(lzReceiveGas(concatHex(['0x0003', receive(1n), ordered, receive(2n)]))).toBe(3n);
  });
  it.each<[string, Hex]>([
    ['another type', '0x0001'],
    ['no bytes', '0x'],
    ['no option', '0x0003'],
    ['a cut option', concatHex(['0x0003', '0x010011', '0x01'])],
  ])('given %s, it says what is wrong', (_, options) => {
    expect(() => lzReceiveGas(options)).toThrow(RangeError);
  });
});
