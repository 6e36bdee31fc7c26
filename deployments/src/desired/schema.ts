import { chainId, eid } from '@lockstep/shared';
import type { Address } from 'viem';
import { z } from 'zod/v4';
import { layerZeroSchema } from '../layerzero/stack.js';
import { liquidationProblems, liquidationSchema } from './liquidation.js';
import { riskProblems, riskSchema } from './risk.js';

const UINT128_MAX = 2n ** 128n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const HOURS_48 = 48 * 3600;
const MAX_SETTLEMENT_DECIMALS = 18;
/** `Gateway.MAX_RETURN_DELAY`. */
const MAX_RETURN_DELAY = 7 * 24 * 3600;

const name = z.string().regex(/^[a-z][a-z0-9-]*$/, 'expected lower case letters, digits and dashes, starting with a letter');
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'expected an address of 20 bytes')
  // CAST: the pattern above is exactly viem's Address.
  .transform((text) => text as Address);
const uint128 = z.bigint().min(0n).max(UINT128_MAX);
const uint64 = z.bigint().min(0n).max(UINT64_MAX);
const delaySeconds = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1);

/** A bucket: base units it holds, and base units per second that flow back in. */
const bucketSchema = z.object({ capacity: uint128.min(1n), perSecond: uint128.min(1n) });

const assetSchema = z.object({
  symbol: z.string().min(1),
  /** `test`: deployed by us, anyone mints (local networks only); `native`: the chain's coin; `existing`: a token that is there. */
  token: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('test') }),
    z.object({ kind: z.literal('native') }),
    z.object({ kind: z.literal('existing'), address }),
  ]),
  decimals: z.number().int().min(0).max(77),
  /** Vault: smallest deposit and most in custody, base units. */
  minDeposit: uint128,
  vaultCap: uint128,
  /** Hub: how the asset counts, most that may be credited, inflow bucket. Base units (per second). */
  standing: z.enum(['Collateral', 'Settlement']),
  hubCap: uint128,
  inflowCapacity: uint128,
  inflowPerSecond: uint128,
  /**
   * How much may leave per time: what the hub orders, and what the vault pays, which also bounds what forged orders could take.
   * The vault's is at least the hub's, so that it does not hold back what an honest hub ordered.
   */
  outflow: z.object({ hub: bucketSchema, vault: bucketSchema }),
  /** Hub: smallest leg of a withdrawal, base units: what keeps dust from filling a path at others' cost. At most a hundredth of the hub's bucket. */
  minWithdrawal: uint128,
});

const chainSchema = z.object({
  name,
  chainId: z.number().int().positive().transform(chainId),
  eid: z.number().int().positive().transform(eid),
  role: z.enum(['hub', 'spoke']),
  layerzero: layerZeroSchema,
  /** Other operators' DVN contracts here, by operator. `lockstep` is our own LockstepDVN and is not listed. */
  dvns: z.record(name, address),
  lockstepDvn: z.object({ signers: z.array(address).min(1), threshold: z.number().int().min(1).max(255) }),
  permit2: address,
  cancelDelaySeconds: z.number().int().min(0),
  flush: z.object({ entryFee: z.bigint().min(0n), minReimbursedEntries: uint64 }),
  /** Hub only in effect: seconds before anyone may send a parked deposit home. */
  returnDelaySeconds: z.number().int().min(0).max(MAX_RETURN_DELAY),
  /** In the order of their index in the vault, from 1. */
  assets: z.array(assetSchema),
});

const routeSchema = z.object({
  from: name,
  to: name,
  /** Source blocks every DVN waits for; pinned at the sending and at the receiving end. */
  confirmations: uint64.min(1n),
  /** Operators whose DVNs must all attest. */
  requiredDvns: z.array(name).min(1).max(127),
  /** Gas of lzReceive at the destination. */
  receiveGas: z.bigint().min(50_000n).max(UINT128_MAX),
  maxMessageSize: z.number().int().min(81),
  /** What our own workers charge at the source, wei. */
  fees: z.object({ dvn: uint128.min(1n), executorBase: uint128, executorPerGas: uint128.min(1n) }),
});

const roleSchema = z.object({ members: z.array(z.object({ address, delaySeconds })).min(1) });

const accessSchema = z.object({
  /** First admin of every AccessManager; gives the role up at the end of the set-up unless it is a member of `admin`. */
  deployer: address,
  admin: roleSchema,
  governor: roleSchema,
  guardian: roleSchema,
  operator: roleSchema,
});

const shape = z.object({
  network: name,
  /** A throw-away network on this machine: one DVN, no delays and test tokens are allowed. */
  local: z.boolean(),
  chains: z.array(chainSchema).min(1),
  routes: z.array(routeSchema),
  access: accessSchema,
  risk: riskSchema,
  liquidation: liquidationSchema,
});

type Shape = z.infer<typeof shape>;
export type DesiredChain = Shape['chains'][number];
export type DesiredRoute = Shape['routes'][number];
export type DesiredAsset = DesiredChain['assets'][number];
export type RoleName = 'admin' | 'governor' | 'guardian' | 'operator';
/** What a network should be. Only `parseDesired` makes one. */
export type Desired = Shape;
export type DesiredInput = z.input<typeof shape>;

/** Name of our own DVN's operator in routes. */
export const LOCKSTEP_OPERATOR = 'lockstep';

export const desiredSchema = shape.superRefine((desired, context) => {
  const problems = [
    chainProblems(desired),
    routeProblems(desired),
    assetProblems(desired),
    accessProblems(desired),
    riskProblems(desired.risk, desired),
    liquidationProblems(desired.liquidation, desired.risk),
  ];
  for (const problem of problems.flatMap((some) => [...some])) context.addIssue({ code: 'custom', message: problem });
});

/** @throws Error listing every problem */
export function parseDesired(input: DesiredInput): Desired {
  const parsed = desiredSchema.safeParse(input);
  if (!parsed.success) throw new Error(`desired state is invalid:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function* chainProblems({ chains }: Shape): Generator<string> {
  for (const key of ['name', 'eid', 'chainId'] as const) {
    const seen = new Set<string | number>();
    for (const chain of chains) {
      if (seen.has(chain[key])) yield `two chains have ${key} ${chain[key]}; expected each once`;
      seen.add(chain[key]);
    }
  }
  const hubs = chains.filter((chain) => chain.role === 'hub').length;
  if (hubs !== 1) yield `${hubs} chains are hubs; expected exactly 1`;
  for (const { name: chain, lockstepDvn, dvns } of chains) {
    if (lockstepDvn.threshold > lockstepDvn.signers.length)
      yield `${chain}: DVN threshold is ${lockstepDvn.threshold}; expected at most its ${lockstepDvn.signers.length} signers`;
    const sorted = [...new Set(lockstepDvn.signers.map((s) => s.toLowerCase()))].sort();
    if (sorted.join() !== lockstepDvn.signers.map((s) => s.toLowerCase()).join())
      yield `${chain}: DVN signers are not strictly ascending; expected ${sorted.join(', ')}`;
    if (LOCKSTEP_OPERATOR in dvns) yield `${chain}: dvns lists ${LOCKSTEP_OPERATOR}; expected only other operators`;
    if (new Set(Object.values(dvns).map((a) => a.toLowerCase())).size !== Object.keys(dvns).length)
      yield `${chain}: two operators have the same DVN; expected different contracts`;
  }
}

function* routeProblems({ chains, routes, local }: Shape): Generator<string> {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const known = new Set<string>();
  for (const route of routes) {
    const label = `route ${route.from} → ${route.to}`;
    if (known.has(label)) yield `${label} is listed twice; expected once`;
    known.add(label);
    const ends = [byName.get(route.from), byName.get(route.to)];
    if (ends[0] === undefined || ends[1] === undefined) {
      yield `${label} names an unknown chain; expected one of ${[...byName.keys()].join(', ')}`;
      continue;
    }
    if (ends.every((end) => end?.role === 'hub') || ends.every((end) => end?.role === 'spoke'))
      yield `${label} does not join the hub and a spoke; expected one of each`;
    if (new Set(route.requiredDvns).size !== route.requiredDvns.length) yield `${label} names an operator twice; expected each once`;
    for (const operator of route.requiredDvns)
      for (const end of ends)
        if (operator !== LOCKSTEP_OPERATOR && end !== undefined && !(operator in end.dvns))
          yield `${label} needs a DVN of ${operator} on ${end.name}; expected one of ${[LOCKSTEP_OPERATOR, ...Object.keys(end.dvns)].join(', ')}`;
    if (!local && new Set(route.requiredDvns).size < 2)
      yield `${label} has ${route.requiredDvns.length} required DVN; expected at least 2 of different operators on a live network`;
  }
  const hub = chains.find((chain) => chain.role === 'hub');
  for (const spoke of chains.filter((chain) => chain.role === 'spoke'))
    for (const [from, to] of [
      [spoke.name, hub?.name],
      [hub?.name, spoke.name],
    ])
      if (!known.has(`route ${from} → ${to}`)) yield `route ${from} → ${to} is missing; expected both directions of every spoke`;
}

function* assetProblems({ chains, local }: Shape): Generator<string> {
  for (const { name: chain, assets } of chains) {
    const symbols = new Set<string>();
    for (const asset of assets) {
      const label = `${chain} ${asset.symbol}`;
      if (symbols.has(asset.symbol)) yield `${label} is listed twice; expected once`;
      symbols.add(asset.symbol);
      if (asset.standing === 'Settlement' && asset.decimals > MAX_SETTLEMENT_DECIMALS)
        yield `${label} has ${asset.decimals} decimals; expected at most ${MAX_SETTLEMENT_DECIMALS} for settlement`;
      if (asset.token.kind === 'test' && !local) yield `${label} is a test token; expected an existing token on a live network`;
      if (asset.token.kind === 'native' && asset.decimals !== 18)
        yield `${label} has ${asset.decimals} decimals; expected 18 for the native coin`;
      if (asset.minDeposit > asset.vaultCap) yield `${label}: smallest deposit ${asset.minDeposit} is above the cap ${asset.vaultCap}`;
      if (asset.inflowCapacity > asset.hubCap)
        yield `${label}: inflow capacity ${asset.inflowCapacity} is above the hub's cap ${asset.hubCap}; expected at most the cap`;
      const { hub, vault } = asset.outflow;
      if (asset.minWithdrawal > hub.capacity / 100n)
        yield `${label}: smallest withdrawal ${asset.minWithdrawal} is above a hundredth of the hub's outflow capacity ${hub.capacity}; expected at most ${hub.capacity / 100n}, or small balances could not leave`;
      if (vault.capacity < hub.capacity || vault.perSecond < hub.perSecond)
        yield `${label}: outflow of the vault is ${vault.capacity} + ${vault.perSecond}/s, of the hub ${hub.capacity} + ${hub.perSecond}/s; expected at least the hub's, or the vault holds back what the hub ordered`;
    }
  }
}

function* accessProblems({ access, local }: Shape): Generator<string> {
  if (local) return;
  for (const role of ['admin', 'governor'] as const)
    for (const member of access[role].members)
      if (member.delaySeconds < HOURS_48)
        yield `${role} ${member.address} may act after ${member.delaySeconds} s; expected at least ${HOURS_48} s on a live network`;
  for (const member of access.guardian.members)
    if (member.delaySeconds !== 0) yield `guardian ${member.address} waits ${member.delaySeconds} s; expected 0: it only lowers risk`;
}

/** The chain of that name. @throws Error if there is none */
export function chainOf(desired: Desired, chain: string): DesiredChain {
  const found = desired.chains.find((candidate) => candidate.name === chain);
  if (found === undefined)
    throw new Error(`no chain ${chain} in ${desired.network}; expected one of ${desired.chains.map((c) => c.name).join(', ')}`);
  return found;
}

/** The network's hub. */
export function hubOf(desired: Desired): DesiredChain {
  const hub = desired.chains.find((chain) => chain.role === 'hub');
  if (hub === undefined) throw new Error(`network ${desired.network} has no hub; expected exactly 1`);
  return hub;
}
