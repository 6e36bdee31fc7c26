import type { Address } from 'viem';
import { z } from 'zod/v4';

const addressSchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address of 20 bytes')
  // CAST: the pattern above is exactly viem's Address.
  .transform((text) => text as Address);

/** LayerZero's contracts of one chain that Lockstep talks to. */
export const layerZeroSchema = z.object({
  endpoint: addressSchema,
  sendUln302: addressSchema,
  receiveUln302: addressSchema,
  receiveUln302View: addressSchema,
  endpointView: addressSchema,
  /** LayerZero's DVN.sol of another operator; required on routes beside Lockstep's own. */
  dvn: addressSchema,
  /** Signers' domain of `dvn`: part of what they sign. */
  dvnVid: z.number().int().positive(),
});

export type LayerZero = z.infer<typeof layerZeroSchema>;
