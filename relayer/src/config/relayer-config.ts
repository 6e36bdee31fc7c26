import type { Hex } from 'viem';
import { privateKeyToAddress } from 'viem/accounts';
import { z } from 'zod/v4';
import { exchangeSchema } from './exchange-config.js';
import { keeperSchema } from './keeper-config.js';
import { liquidationSchema } from './liquidation-config.js';
import { publisherSchema } from './publisher-config.js';
import { Secret } from './secret.js';

/** What one process does. `index` follows the chains; the others act on what it indexed. */
export const ROLES = ['index', 'attest', 'dvn', 'execute', 'deliver', 'reconcile', 'publish', 'match', 'keep', 'liquidate', 'api'] as const;
export type Role = (typeof ROLES)[number];

/** Roles that send transactions. An intent names one of them, so that none is asked for which no lane of any process would take. */
export const SENDING_ROLES = [
  'attest',
  'dvn',
  'execute',
  'deliver',
  'reconcile',
  'publish',
  'match',
  'keep',
  'liquidate',
] as const satisfies readonly Role[];
export type SendingRole = (typeof SENDING_ROLES)[number];

const GWEI = 1_000_000_000n;
const PRIVATE_KEY = /^0x[0-9a-fA-F]{64}$/;

/** An environment variable's value, or undefined. Injected so that parsing stays pure. */
export type Environment = Readonly<Record<string, string | undefined>>;

const positive = z.int().positive();

const finality = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tag'), tag: z.enum(['safe', 'finalized']) }),
  z.strictObject({ kind: z.literal('blocks'), blocks: z.int().nonnegative() }),
  z.strictObject({ kind: z.literal('seconds'), seconds: z.int().nonnegative() }),
]);

const rpcUrl = z.url({ protocol: /^https?$/, error: 'expected an http(s) URL' });

const fees = z.strictObject({
  /** never sign a transaction that could pay more per gas */
  maxFeePerGasGwei: z.number().positive().default(500),
  /** tip offered when the node suggests more */
  maxPriorityFeePerGasGwei: z.number().nonnegative().default(5),
});

const chain = z.strictObject({
  /** name of the chain's live file */
  chain: z.string().min(1),
  rpcUrls: z.array(rpcUrl).min(1),
  /** providers that must give the same answer before the verifier believes it; more than half. Default: more than half of them */
  quorum: positive.optional(),
  finality,
  pollMs: z.int().min(20).max(60_000).default(1_000),
  requestTimeoutMs: z.int().min(100).max(120_000).default(10_000),
  /** largest answer read from a provider, bytes; a bigger range of logs is asked in pieces */
  maxResponseBytes: z.int().min(65_536).default(16_777_216),
  /** most blocks in one step of catching up */
  maxBlocksPerStep: z.int().min(1).max(5_000).default(500),
  fees: fees.prefault({}),
});

/** A private key, given directly or by the name of the environment variable that holds it. */
const key = (environment: Environment) =>
  z.union([z.strictObject({ privateKey: z.string() }), z.strictObject({ env: z.string().min(1) })]).transform((given, context) => {
    const value = 'privateKey' in given ? given.privateKey : environment[given.env];
    if (value === undefined) {
      context.addIssue({
        code: 'custom',
        message: `environment variable ${'env' in given ? given.env : ''} is not set; expected a private key in it`,
      });
      return z.NEVER;
    }
    if (!PRIVATE_KEY.test(value) || addressOf(value) === undefined) {
      // The value itself is a secret, so the message cannot show it.
      context.addIssue({ code: 'custom', message: `private key of ${value.length} characters is not one; expected 0x and 64 hex digits` });
      return z.NEVER;
    }
    // CAST: matched against PRIVATE_KEY above.
    return new Secret(value as Hex);
  });

function addressOf(value: string): string | undefined {
  try {
    // CAST: every caller matched the value against PRIVATE_KEY.
    return privateKeyToAddress(value as Hex);
  } catch {
    return undefined;
  }
}

const keys = (environment: Environment) =>
  z.strictObject({
    /** pays for and sends everything but what only LayerZero's DVN admin may send */
    submitter: key(environment),
    /** signers of LockstepDVN, any order; needed by the role `dvn` */
    lockstepDvnSigners: z.array(key(environment)).default([]),
    /** holder of the guardian role: quarantines a path when the books of its chain do not add up, freezes a token a vault is short of; without it that stays an alarm */
    guardian: key(environment).optional(),
    /** keeps the markets: lists options (for which it holds the role `operator`), settles, publishes sheets; absent: this process does not */
    keeper: key(environment).optional(),
    /** starts auctions of accounts below maintenance margin, and bids if the configuration says so; absent: this process does not */
    liquidator: key(environment).optional(),
    /** only where this operator also runs LayerZero's DVN contract (local networks) */
    layerzeroDvn: z.strictObject({ signers: z.array(key(environment)).min(1), admin: key(environment) }).optional(),
  });

const batching = z.strictObject({
  /** flush when this many entries wait */
  maxCount: positive.default(50),
  /** flush when the oldest entry has waited this long, seconds */
  maxAgeSeconds: z.int().nonnegative().default(60),
  /** but never fewer than this many (1: age alone decides) */
  minCount: positive.default(1),
});

const delivery = z.strictObject({
  /** most entries handed over in one transaction */
  chunkSize: z.int().min(1).max(500).default(250),
  /** most gas one delivery could take; the default stays below the 2^24 a transaction may have (EIP-7825) */
  chunkGas: z.int().min(600_000).max(100_000_000).default(16_600_000),
});

const release = z.strictObject({
  /** decide recorded requests, order queued claims, pay claimables; reading and alarms go on without it */
  enabled: z.boolean().default(true),
  /** seconds between two looks at the queue */
  orderSeconds: positive.default(5),
  /** an order that is not paid after so many seconds is an alarm */
  lateSeconds: positive.default(900),
});

/** The configuration of one relayer process. `environment` resolves keys given as `{ env }`. */
export const relayerConfigSchema = (environment: Environment) =>
  z
    .strictObject({
      network: z.string().min(1),
      /** folder of the network's live files; relative to the configuration file */
      liveDir: z.string().min(1),
      database: z.strictObject({
        url: z.url({ protocol: /^postgres(ql)?$/, error: 'expected a postgres:// URL' }).transform((url) => new Secret(url)),
      }),
      api: z.strictObject({ host: z.string().min(1).default('127.0.0.1'), port: z.int().min(0).max(65_535) }),
      roles: z
        .array(z.enum(ROLES))
        .min(1)
        .default([...ROLES]),
      chains: z.array(chain).min(1),
      keys: keys(environment),
      batching: batching.prefault({}),
      delivery: delivery.prefault({}),
      release: release.prefault({}),
      exchange: exchangeSchema.prefault({}),
      keeper: keeperSchema.prefault({}),
      liquidation: liquidationSchema.prefault({}),
      reconcileSeconds: positive.default(60),
      /** absent: nothing is published */
      publisher: publisherSchema(key(environment)).optional(),
      log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info') }).prefault({}),
    })
    .superRefine((config, context) => {
      const seen = new Map<string, number>();
      for (const [index, { chain: name, rpcUrls, quorum }] of config.chains.entries()) {
        const first = seen.get(name);
        if (first !== undefined)
          context.addIssue({
            code: 'custom',
            path: ['chains', index, 'chain'],
            message: `"${name}" is also chains.${first}; expected each chain once`,
          });
        seen.set(name, index);
        if (quorum !== undefined && (quorum > rpcUrls.length || quorum * 2 <= rpcUrls.length))
          context.addIssue({
            code: 'custom',
            path: ['chains', index, 'quorum'],
            message: `quorum is ${quorum} of ${rpcUrls.length} providers; expected more than half and at most all of them`,
          });
        if (new Set(rpcUrls).size !== rpcUrls.length)
          context.addIssue({
            code: 'custom',
            path: ['chains', index, 'rpcUrls'],
            message: 'a URL is listed twice; a provider counts once in a quorum',
          });
      }
      if (config.roles.includes('dvn') && config.keys.lockstepDvnSigners.length === 0)
        context.addIssue({
          code: 'custom',
          path: ['keys', 'lockstepDvnSigners'],
          message: 'is empty; expected at least one signer for the role dvn',
        });
      if (config.batching.minCount > config.batching.maxCount)
        context.addIssue({
          code: 'custom',
          path: ['batching', 'minCount'],
          message: `minCount is ${config.batching.minCount}; expected at most maxCount, ${config.batching.maxCount}`,
        });
    });

type Parsed = z.output<ReturnType<typeof relayerConfigSchema>>;
type DeepReadonly<T> =
  T extends Secret<string>
    ? T
    : T extends readonly (infer U)[]
      ? readonly DeepReadonly<U>[]
      : T extends object
        ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
        : T;

/** The parsed, frozen configuration. */
export type RelayerConfig = DeepReadonly<Parsed>;
export type ChainConfig = RelayerConfig['chains'][number];

/** Providers that must agree on `chain` before the verifier believes an answer. */
export function quorumOf({ quorum, rpcUrls }: Pick<ChainConfig, 'quorum' | 'rpcUrls'>): number {
  return quorum ?? Math.floor(rpcUrls.length / 2) + 1;
}

/** Gwei, as a configuration writes it, in wei. Exact to 1e-9 gwei. */
export function gweiToWei(gwei: number): bigint {
  return BigInt(Math.round(gwei * Number(GWEI)));
}
