import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { getAddress, isAddress, isHex, type Address, type Hex } from 'viem';
import { z } from 'zod/v4';
import { chainId, eid } from '@lockstep/shared';
import { ConfigError, type ConfigProblem } from './load.js';

const address = z
  .string()
  .refine((text) => isAddress(text), { error: 'expected an EVM address with a valid checksum' })
  .transform((text): Address => getAddress(text));
const hex = z.string().transform((text, context): Hex => {
  if (isHex(text)) return text;
  context.addIssue({ code: 'custom', message: 'expected hex bytes' });
  return z.NEVER;
});
const height = z.union([z.int().nonnegative(), z.string().regex(/^\d+$/)]).transform((value) => BigInt(value));

const contract = z.object({ address, block: height, bytecodeHash: hex });

function addressesOnly(entries: Readonly<Record<string, Address | null>>): Record<string, Address> {
  return Object.fromEntries(Object.entries(entries).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

const liveChain = z.object({
  network: z.string(),
  chain: z.string(),
  chainId: z.int().positive().transform(chainId),
  eid: z.int().positive().transform(eid),
  role: z.enum(['hub', 'spoke']),
  deployedAt: z.object({ block: height, timestamp: height }),
  contracts: z.record(z.string(), contract),
  // Beside addresses the file holds plain figures, such as the DVN's vid; this process reads those from the contracts.
  layerzero: z.record(z.string(), z.union([address, z.number().transform(() => null)])).transform(addressesOnly),
  assets: z.array(
    z.object({ index: z.int().nonnegative(), symbol: z.string(), token: address, decimals: z.int().min(0).max(255), standing: z.string() }),
  ),
});

/** What is deployed on one chain, as its generated live file says. */
export type LiveChain = z.output<typeof liveChain>;
export interface LiveNetwork {
  readonly network: string;
  readonly chains: readonly LiveChain[];
}

/**
 * Reads every live file of a network's folder.
 * @throws ConfigError naming each file and key that is not as expected
 */
export function readLive(dir: string): LiveNetwork {
  const problems: ConfigProblem[] = [];
  const chains: LiveChain[] = [];
  for (const file of jsonFiles(dir)) {
    const parsed = liveChain.safeParse(JSON.parse(readFileSync(path.join(dir, file), 'utf8')));
    if (parsed.success) chains.push(parsed.data);
    else
      problems.push(
        ...parsed.error.issues.map((issue) => ({ key: `${file}:${issue.path.map(String).join('.')}`, message: issue.message })),
      );
  }
  if (problems.length > 0) throw new ConfigError(dir, problems);
  const [first] = chains;
  if (!first) throw new ConfigError(dir, [{ key: '', message: 'holds no live file; expected one JSON file per deployed chain' }]);
  return { network: first.network, chains };
}

function jsonFiles(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((file) => file.endsWith('.json'))
      .sort();
  } catch (error) {
    throw new ConfigError(dir, [{ key: 'liveDir', message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` }]);
  }
}
