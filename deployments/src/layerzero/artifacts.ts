import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Hex } from 'viem';
import { z } from 'zod/v4';

// LayerZero's contracts are loaded as published, compiled, from its packages: they are not ours to copy or recompile.
const PATHS = {
  EndpointV2: 'lz-evm-protocol-v2/artifacts/contracts/EndpointV2.sol/EndpointV2.json',
  EndpointV2View: 'lz-evm-protocol-v2/artifacts/contracts/EndpointV2View.sol/EndpointV2View.json',
  SendUln302: 'lz-evm-messagelib-v2/artifacts/contracts/uln/uln302/SendUln302.sol/SendUln302.json',
  ReceiveUln302: 'lz-evm-messagelib-v2/artifacts/contracts/uln/uln302/ReceiveUln302.sol/ReceiveUln302.json',
  ReceiveUln302View: 'lz-evm-messagelib-v2/artifacts/contracts/uln/uln302/ReceiveUln302View.sol/ReceiveUln302View.json',
  DVN: 'lz-evm-messagelib-v2/artifacts/contracts/uln/dvn/DVN.sol/DVN.json',
  DVNFeeLib: 'lz-evm-messagelib-v2/artifacts/contracts/uln/dvn/DVNFeeLib.sol/DVNFeeLib.json',
  Executor: 'lz-evm-messagelib-v2/artifacts/contracts/Executor.sol/Executor.json',
  ExecutorFeeLib: 'lz-evm-messagelib-v2/artifacts/contracts/ExecutorFeeLib.sol/ExecutorFeeLib.json',
  PriceFeed: 'lz-evm-messagelib-v2/artifacts/contracts/PriceFeed.sol/PriceFeed.json',
  Treasury: 'lz-evm-messagelib-v2/artifacts/contracts/Treasury.sol/Treasury.json',
} as const;

export type LayerZeroContract = keyof typeof PATHS;

const artifactSchema = z.object({
  contractName: z.string(),
  bytecode: z.string().regex(/^0x([0-9a-fA-F]{2})+$/, 'expected creation bytecode without unlinked libraries'),
});

const require = createRequire(import.meta.url);
const cache = new Map<LayerZeroContract, Hex>();

/** Creation bytecode of one of LayerZero's contracts. @throws Error if the package is missing or its file is malformed */
export function creationCode(name: LayerZeroContract): Hex {
  const cached = cache.get(name);
  if (cached !== undefined) return cached;
  const file = require.resolve(`@layerzerolabs/${PATHS[name]}`);
  const parsed = artifactSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`artifact ${PATHS[name]} is malformed: ${z.prettifyError(parsed.error)}`);
  if (parsed.data.contractName !== name) throw new Error(`artifact ${PATHS[name]} holds ${parsed.data.contractName}; expected ${name}`);
  // CAST: the pattern above admits only 0x-hex.
  const code = parsed.data.bytecode as Hex;
  cache.set(name, code);
  return code;
}
