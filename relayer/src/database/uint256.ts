import type { ValueTransformer } from 'typeorm';

/** uint256 (and int256 within ±10^78) ⇄ numeric(78,0); pg hands numerics and int8 over as strings. */
export const uint256: ValueTransformer = {
  to: (value: bigint | null | undefined) => (value === null || value === undefined ? value : value.toString()),
  from: (value: string | null | undefined) => (value === null || value === undefined ? value : BigInt(value)),
};

/** Hex text ⇄ bytea. */
export const bytes: ValueTransformer = {
  to: (value: string | null | undefined) => (value === null || value === undefined ? value : Buffer.from(value.slice(2), 'hex')),
  from: (value: Buffer | null | undefined) => (value === null || value === undefined ? value : `0x${value.toString('hex')}`),
};
