import { concatHex, numberToHex, size, sliceHex, type Hex } from 'viem';
import { sequence, type Sequence } from '../units.js';

/** The one message that crosses LayerZero; twin of contracts/src/message/Checkpoint.sol. */
export interface Checkpoint {
  readonly sequence: Sequence;
  readonly head: Hex;
  readonly ackSequence: Sequence;
  readonly ackHead: Hex;
}

const VERSION = 1;
const LENGTH = 81;

export function encodeCheckpoint(c: Checkpoint): Hex {
  return concatHex([
    numberToHex(VERSION, { size: 1 }),
    numberToHex(c.sequence, { size: 8 }),
    c.head,
    numberToHex(c.ackSequence, { size: 8 }),
    c.ackHead,
  ]);
}

/** @throws RangeError naming the length or version that was found and the one expected */
export function decodeCheckpoint(message: Hex): Checkpoint {
  if (size(message) !== LENGTH) throw new RangeError(`checkpoint has ${size(message)} bytes; expected ${LENGTH}`);
  const version = Number(sliceHex(message, 0, 1));
  if (version !== VERSION) throw new RangeError(`checkpoint version is ${version}; expected ${VERSION}`);
  return {
    sequence: sequence(BigInt(sliceHex(message, 1, 9))),
    head: sliceHex(message, 9, 41),
    ackSequence: sequence(BigInt(sliceHex(message, 41, 49))),
    ackHead: sliceHex(message, 49, 81),
  };
}
