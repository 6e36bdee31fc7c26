import { chainId, eid, type ChainId, type Eid } from '@lockstep/shared';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Address, Hex } from 'viem';
import { z } from 'zod/v4';
import { layerZeroSchema } from '../layerzero/stack.js';

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address of 20 bytes')
  // CAST: the pattern above is exactly viem's Address.
  .transform((text) => text as Address);
const hash = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, 'expected 32 bytes of hex')
  // CAST: the pattern above is a Hex.
  .transform((text) => text as Hex);

const liveContractSchema = z.object({
  address,
  /** Block of the deployment; readers of events may start here. */
  block: z.number().int().min(0),
  /** Constructor arguments; integers of more than 53 bits as decimal strings. */
  args: z.array(z.unknown()),
  /** keccak256 of the runtime code on chain. */
  bytecodeHash: hash,
});

const coreContracts = {
  AccessManager: liveContractSchema,
  Messenger: liveContractSchema,
  CollateralVault: liveContractSchema,
  LockstepDVN: liveContractSchema,
  BatchExecutor: liveContractSchema,
  Ledger: liveContractSchema,
  Gateway: liveContractSchema,
  Delegates: liveContractSchema,
  Withdrawals: liveContractSchema,
  InterestModel: liveContractSchema,
  NormalTable: liveContractSchema,
  Feeds: liveContractSchema,
  CollateralRules: liveContractSchema,
  Markets: liveContractSchema,
  Sheets: liveContractSchema,
  CrossEngine: liveContractSchema,
  IsolatedEngine: liveContractSchema,
  PortfolioEngine: liveContractSchema,
  Margin: liveContractSchema,
  Exchange: liveContractSchema,
  Fund: liveContractSchema,
  Handover: liveContractSchema,
  PriceTimes: liveContractSchema,
  Routes: liveContractSchema,
  Liquidation: liveContractSchema,
  Shortfalls: liveContractSchema,
  Levy: liveContractSchema,
} as const;

/** Contracts of the hub alone. */
export const HUB_CONTRACTS = [
  'Ledger',
  'Gateway',
  'Delegates',
  'Withdrawals',
  'InterestModel',
  'NormalTable',
  'Feeds',
  'CollateralRules',
  'Markets',
  'Sheets',
  'CrossEngine',
  'IsolatedEngine',
  'PortfolioEngine',
  'Margin',
  'Exchange',
  'Fund',
  'Handover',
  'PriceTimes',
  'Routes',
  'Liquidation',
  'Shortfalls',
  'Levy',
] as const;
/** Optional keys of a chain that may be a spoke. */
const hubOnly = {
  Ledger: true,
  Gateway: true,
  Delegates: true,
  Withdrawals: true,
  InterestModel: true,
  NormalTable: true,
  Feeds: true,
  CollateralRules: true,
  Markets: true,
  Sheets: true,
  CrossEngine: true,
  IsolatedEngine: true,
  PortfolioEngine: true,
  Margin: true,
  Exchange: true,
  Fund: true,
  Handover: true,
  PriceTimes: true,
  Routes: true,
  Liquidation: true,
  Shortfalls: true,
  Levy: true,
} as const satisfies Record<HubContractName, true>;
export type HubContractName = (typeof HUB_CONTRACTS)[number];

/** Contracts that Lockstep deploys; HUB_CONTRACTS on the hub only. Test tokens are in `assets`. */
export type ContractName = keyof typeof coreContracts;

const chainShape = z.object({
  network: z.string(),
  /** Name of the chain in the network. */
  chain: z.string(),
  chainId: z.number().int().positive().transform(chainId),
  eid: z.number().int().positive().transform(eid),
  role: z.enum(['hub', 'spoke']),
  /** Head of the chain when its deployment began. */
  deployedAt: z.object({ block: z.number().int().min(0), timestamp: z.number().int().min(0) }),
  layerzero: layerZeroSchema,
  assets: z.array(
    z.object({
      index: z.number().int().min(1).max(65_535),
      symbol: z.string(),
      /** Zero address: the native coin. */
      token: address,
      decimals: z.number().int().min(0),
      standing: z.enum(['Collateral', 'Settlement']),
    }),
  ),
});

/** A chain whose deployment may have been interrupted: some contracts may be missing. */
export const partialLiveChainSchema = chainShape.extend({ contracts: z.object(coreContracts).partial() });
export type PartialLiveChain = z.infer<typeof partialLiveChainSchema>;

/** What is deployed on one chain, complete. `live/<network>/<chain>.json` is generated and never edited. */
export const liveChainSchema = chainShape.extend({
  contracts: z.object(coreContracts).partial(hubOnly),
});
export type LiveChain = z.infer<typeof liveChainSchema>;
export type LiveContract = z.infer<typeof liveContractSchema>;
export type LiveAsset = LiveChain['assets'][number];

/** A chain with the hub's contracts. */
export type LiveHub = LiveChain & { readonly contracts: Readonly<Record<HubContractName, LiveContract>> };

/** All chains of a network, complete and consistent with each other. */
export interface LiveNetwork {
  readonly network: string;
  readonly chains: readonly LiveChain[];
  readonly hub: LiveHub;
}

/**
 * Reads every `*.json` of a directory.
 * @throws Error naming the file and each problem; a network without exactly one hub, or of chains that share an eid, is refused too
 */
export function readLive(dir: string): LiveNetwork {
  if (!existsSync(dir)) throw new Error(`${dir} does not exist; expected the live files of a network: deploy it first`);
  const files = readdirSync(dir).filter((file) => file.endsWith('.json'));
  const chains = files.sort().map((file) => parseFile(path.join(dir, file), liveChainSchema));
  const hubs = chains.filter(isHub);
  const [hub] = hubs;
  if (hub === undefined || hubs.length > 1)
    throw new Error(`${dir} holds ${hubs.length} hubs; expected exactly 1 with ${HUB_CONTRACTS.join(', ')}`);
  for (const key of ['chain', 'eid', 'chainId'] as const)
    if (new Set(chains.map((chain) => chain[key])).size !== chains.length)
      throw new Error(`${dir}: two chains have the same ${key}; expected each once`);
  const stranger = chains.find((chain) => chain.network !== hub.network);
  if (stranger !== undefined) throw new Error(`${dir}: ${stranger.chain} is of network ${stranger.network}; expected ${hub.network}`);
  return { network: hub.network, chains, hub };
}

function isHub(chain: LiveChain): chain is LiveHub {
  return chain.role === 'hub' && HUB_CONTRACTS.every((name) => chain.contracts[name] !== undefined);
}

/** One chain's file as far as it was written, or undefined. @throws Error if it is malformed */
export function readPartialLive(dir: string, chain: string): PartialLiveChain | undefined {
  const file = liveFile(dir, chain);
  return existsSync(file) ? parseFile(file, partialLiveChainSchema) : undefined;
}

/** Replaces one chain's file in one step, so that a kill leaves the old or the new one. */
export function writeLive(dir: string, live: PartialLiveChain): void {
  mkdirSync(dir, { recursive: true });
  const file = liveFile(dir, live.chain);
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(live, null, 2)}\n`);
  renameSync(draft, file);
}

const liveFile = (dir: string, chain: string): string => path.join(dir, `${chain}.json`);

/** The chain with this eid. @throws Error if the network has none */
export function liveChainOf(live: LiveNetwork, wanted: Eid | ChainId | string): LiveChain {
  const found = live.chains.find((chain) => chain.chain === wanted || chain.eid === wanted || chain.chainId === wanted);
  if (found === undefined)
    throw new Error(`no chain ${wanted} in ${live.network}; expected one of ${live.chains.map((c) => `${c.chain} (${c.eid})`).join(', ')}`);
  return found;
}

function parseFile<T>(file: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error(`${file} is no JSON; expected a live file`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new Error(`${file} is no live file:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
