import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { BaseError, keccak256, pad, parseAbi, RpcRequestError, type Hex } from 'viem';
import { ConfigError, type ConfigProblem } from '../config/load.js';
import type { ChainContext } from './chain-context.js';
import { Chains } from './chains.js';
import { firstLine } from './error-fields.js';
import { BlockUnknownError, readHeaderByTag } from './rpc.js';

const checkedAbi = parseAbi([
  'function eid() view returns (uint32)',
  'function localEid() view returns (uint32)',
  'function peers(uint32 eid) view returns (bytes32)',
]);

/**
 * Lets nobody work against a chain that differs from its live file: other chain id, eid, code or peers. At start, a difference found
 * refuses the whole process; a chain that cannot be asked stays shut until it can, and the others go on.
 */
@Injectable()
export class ChainGate implements OnModuleInit {
  readonly #logger = new Logger(ChainGate.name);
  readonly #passed = new Map<string, Promise<void>>();

  constructor(@Inject(Chains) private readonly chains: Pick<Chains, 'all'>) {}

  /** @throws ConfigError listing every difference of every chain that answers */
  async onModuleInit(): Promise<void> {
    const problems: ConfigProblem[] = [];
    await Promise.all(
      this.chains.all().map(async (chain) => {
        try {
          await this.ensure(chain);
        } catch (error) {
          if (error instanceof ConfigError) problems.push(...error.problems);
          else this.#logger.warn({ event: 'chain.unreachable', chain: chain.name, error: firstLine(error) });
        }
      }),
    );
    if (problems.length > 0) throw new ConfigError('chains', problems);
  }

  /** Returns once the chain was found to be as its live file says; asked again only after a failure. @throws ConfigError, or a transport's error */
  async ensure(chain: ChainContext): Promise<void> {
    const earlier = this.#passed.get(chain.name);
    if (earlier) return earlier;
    const check = this.#check(chain);
    this.#passed.set(chain.name, check);
    try {
      await check;
    } catch (error) {
      this.#passed.delete(chain.name);
      throw error;
    }
  }

  async #check(chain: ChainContext): Promise<void> {
    const problems = await chainProblems(chain, this.chains);
    if (problems.length > 0) throw new ConfigError(chain.name, problems);
  }
}

/**
 * Everything in which a chain differs from its configuration and live file; empty if nothing does.
 * @throws a transport's error if no provider answers
 */
export async function chainProblems(chain: ChainContext, chains: Pick<Chains, 'all'>): Promise<readonly ConfigProblem[]> {
  const ids = await providerProblems(chain);
  // The rest would only be noise on the wrong chain.
  if (ids.length > 0) return ids;
  const found = await Promise.all([codeProblems(chain), eidProblems(chain), peerProblems(chain, chains), finalityProblems(chain)]);
  return found.flat();
}

async function providerProblems(chain: ChainContext): Promise<readonly ConfigProblem[]> {
  const answers = await Promise.allSettled(chain.providers.map((provider) => provider.getChainId()));
  const [first] = answers;
  if (first?.status === 'rejected' && answers.every(({ status }) => status === 'rejected')) throw first.reason;
  return answers.flatMap((answer, index) =>
    answer.status === 'fulfilled' && answer.value !== chain.chainId
      ? [{ key: `chains.${chain.name}.rpcUrls.${index}`, message: `answers for chain id ${answer.value}; expected ${chain.chainId}` }]
      : [],
  );
}

async function codeProblems(chain: ChainContext): Promise<readonly ConfigProblem[]> {
  const found = await Promise.all(
    Object.entries(chain.live.contracts).map(async ([name, contract]): Promise<readonly ConfigProblem[]> => {
      if (!contract) return [];
      const code = await chain.client.getCode({ address: contract.address });
      const key = `${chain.name}.contracts.${name}`;
      if (code === undefined || code === '0x')
        return [{ key, message: `there is no code at ${contract.address}; expected the deployed contract` }];
      const hash = keccak256(code);
      return hash === contract.bytecodeHash
        ? []
        : [{ key, message: `the code at ${contract.address} hashes to ${hash}; expected ${contract.bytecodeHash}` }];
    }),
  );
  return found.flat();
}

async function eidProblems(chain: ChainContext): Promise<readonly ConfigProblem[]> {
  const [endpointEid, messengerEid] = await Promise.all([
    readOr(chain.client.readContract({ address: chain.layerzero('endpoint'), abi: checkedAbi, functionName: 'eid' })),
    readOr(chain.client.readContract({ address: chain.contract('Messenger'), abi: checkedAbi, functionName: 'localEid' })),
  ]);
  const differs = (key: string, actual: number | null): readonly ConfigProblem[] =>
    actual === chain.eid ? [] : [{ key: `${chain.name}.${key}`, message: `says eid ${actual ?? 'nothing'}; expected ${chain.eid}` }];
  return [...differs('layerzero.endpoint', endpointEid), ...differs('contracts.Messenger', messengerEid)];
}

/** The hub is everybody's peer, its own too: it has a vault. */
async function peerProblems(chain: ChainContext, chains: Pick<Chains, 'all'>): Promise<readonly ConfigProblem[]> {
  const others = chains.all().filter((other) => chain.isHub || other.isHub);
  const found = await Promise.all(
    others.map(async (other): Promise<readonly ConfigProblem[]> => {
      const actual = await readOr<Hex>(
        chain.client.readContract({ address: chain.contract('Messenger'), abi: checkedAbi, functionName: 'peers', args: [other.eid] }),
      );
      const expected = pad(other.contract('Messenger'), { size: 32 });
      return actual?.toLowerCase() === expected.toLowerCase()
        ? []
        : [
            {
              key: `${chain.name}.peers.${other.eid}`,
              message: `is ${actual ?? 'unreadable'}; expected ${expected}, the Messenger of ${other.name}`,
            },
          ];
    }),
  );
  return found.flat();
}

async function finalityProblems(chain: ChainContext): Promise<readonly ConfigProblem[]> {
  const { finality } = chain.config;
  if (finality.kind !== 'tag') return [];
  try {
    await readHeaderByTag(chain.client, finality.tag);
    return [];
  } catch (error) {
    // The tag is known, no block is behind it yet.
    if (error instanceof BlockUnknownError) return [];
    const answered = error instanceof BaseError ? error.walk((inner) => inner instanceof RpcRequestError) : null;
    if (!(answered instanceof RpcRequestError)) throw error;
    return [
      {
        key: `chains.${chain.name}.finality.tag`,
        message: `"${finality.tag}" is not supported by the provider (${answered.details}); expected a tag it knows, or finality in seconds or blocks`,
      },
    ];
  }
}

/** The answer, or null if the contract has none: the difference is then reported, not thrown. */
async function readOr<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    const transport = error instanceof BaseError && error.walk((inner) => inner instanceof Error && TRANSPORT.has(inner.name)) !== null;
    if (transport) throw error;
    return null;
  }
}

const TRANSPORT: ReadonlySet<string> = new Set(['HttpRequestError', 'TimeoutError', 'WebSocketRequestError', 'SocketClosedError']);
