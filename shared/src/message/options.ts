import { size, sliceHex, type Hex } from 'viem';
import { gas, type Gas } from '../units.js';

const TYPE_3 = '0x0003';
const WORKER_EXECUTOR = 1;
const OPTION_LZ_RECEIVE = 1;

/**
 * Gas that a packet's options (type 3) order for `lzReceive`; several such options add up.
 * Layout after the type: (worker 1 | size 2 | option 1 | data)*, where size counts option and data.
 * @throws RangeError if the options are of another type, cut short, or order no gas
 */
export function lzReceiveGas(options: Hex): Gas {
  const length = size(options);
  if (length < 2 || sliceHex(options, 0, 2) !== TYPE_3) throw new RangeError(`options ${options} are not of type 3`);
  let total = 0n;
  for (let at = 2; at < length;) {
    if (at + 4 > length) throw new RangeError(`options ${options} end inside an option at byte ${at}`);
    const worker = Number(sliceHex(options, at, at + 1));
    const optionSize = Number(sliceHex(options, at + 1, at + 3));
    const end = at + 3 + optionSize;
    if (optionSize < 1 || end > length)
      throw new RangeError(`options ${options} have an option of ${optionSize} bytes at byte ${at}; ${length - at - 3} are left`);
    const option = Number(sliceHex(options, at + 3, at + 4));
    if (worker === WORKER_EXECUTOR && option === OPTION_LZ_RECEIVE) total += BigInt(sliceHex(options, at + 4, at + 20));
    at = end;
  }
  if (total === 0n) throw new RangeError(`options ${options} order no gas for lzReceive`);
  return gas(total);
}
