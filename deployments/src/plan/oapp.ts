import { parseAbi } from 'viem';

/** What LayerZero's OApp base adds to the Messenger's own interface. */
export const oappAbi = parseAbi([
  'function peers(uint32 eid) view returns (bytes32)',
  'function setPeer(uint32 eid, bytes32 peer)',
  'function owner() view returns (address)',
]);
