import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isHex, size, type Hex, type LocalAccount } from 'viem';
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts';
import { z } from 'zod/v4';
import { connect, type ChainClient } from '../chain/client.js';
import { desiredSchema, type Desired } from '../desired/schema.js';
import { readPartialLive } from '../live/live.js';
import { describeLocalNetwork, prepareLocalNetwork, type LocalKeys, type LocalNode } from '../local.js';

/** What the command line says about where and what. */
export interface NetworkArguments {
  readonly network: string;
  /** `<chain>=<url>`, as given. */
  readonly rpc: readonly string[];
  /** Module that exports `desired`; not for the local network. */
  readonly desired?: string | undefined;
  readonly liveDir: string;
}

/** What a command works on. */
export interface Network {
  readonly desired: Desired;
  readonly clients: readonly ChainClient[];
}

const KEY_VARIABLE = 'LOCKSTEP_DEPLOYER_PRIVATE_KEY';
const LOCAL = 'local';
/** Keys everybody knows, for chains nobody shares. */
const DEVELOPMENT_MNEMONIC = 'test test test test test test test test test test test junk';
const DEVELOPMENT = {
  deployer: 0,
  guardian: 1,
  lockstepDvnSigner: 3,
  layerzeroDvnAdmin: 4,
  layerzeroDvnSigner: 5,
  layerzeroOwner: 7,
} as const;

/**
 * Opens the network that the command line names.
 * @param write whether the command may send: then a local network gets its LayerZero here, and a live one needs a key
 * @throws Error saying which argument or variable is wrong, and what was expected
 */
export async function openNetwork(args: NetworkArguments, environment: NodeJS.ProcessEnv, write: boolean): Promise<Network> {
  const urls = parseRpc(args.rpc);
  if (args.network === LOCAL && args.desired === undefined) return openLocal(args, urls, environment, write);
  if (args.desired === undefined)
    throw new Error(`no desired state of ${args.network}; expected --desired <module>, or --network ${LOCAL}, whose state is built in`);
  const desired = await importDesired(args.desired);
  if (desired.network !== args.network) throw new Error(`${args.desired} describes ${desired.network}; expected ${args.network}`);
  const account = deployerOf(environment);
  if (write && account === undefined) throw new Error(`${KEY_VARIABLE} is not set; expected the key that deploys and governs`);
  const clients = desired.chains.map((chain) => {
    const rpcUrl = urls.get(chain.name);
    if (rpcUrl === undefined) throw new Error(`no RPC URL for ${chain.name}; expected --rpc ${chain.name}=<url>`);
    return connect({ chain: chain.name, chainId: chain.chainId, rpcUrl, account });
  });
  return { desired, clients };
}

/** The first chain is the hub; chain ids are asked for, so any local node will do. */
async function openLocal(
  args: NetworkArguments,
  urls: ReadonlyMap<string, string>,
  environment: NodeJS.ProcessEnv,
  write: boolean,
): Promise<Network> {
  const names = [...urls.keys()];
  if (names.length < 2) throw new Error(`${names.length} --rpc given; expected at least hub=<url> and one spoke=<url>`);
  const nodes = await Promise.all(
    [...urls].map(async ([name, rpcUrl], i): Promise<LocalNode> => {
      const chainId = readPartialLive(args.liveDir, name)?.chainId ?? (await askChainId(name, rpcUrl));
      return { name, rpcUrl, chainId, role: i === 0 ? 'hub' : 'spoke' };
    }),
  );
  const options = { nodes, keys: developmentKeys(deployerOf(environment)) };
  return write ? prepareLocalNetwork(options) : describeLocalNetwork(options);
}

async function askChainId(chain: string, rpcUrl: string): Promise<number> {
  try {
    // The id given here is not used for reading.
    return await connect({ chain, chainId: 1, rpcUrl }).rpc.getChainId();
  } catch (cause) {
    throw new Error(`${chain} does not answer at ${rpcUrl}; expected a running node`, { cause });
  }
}

function parseRpc(values: readonly string[]): Map<string, string> {
  const urls = new Map<string, string>();
  for (const value of values) {
    const [, chain, url] = /^([a-z][a-z0-9-]*)=(https?:\/\/.+)$/.exec(value) ?? [];
    if (chain === undefined || url === undefined) throw new Error(`--rpc is ${value}; expected <chain>=<http(s) URL>`);
    if (urls.has(chain)) throw new Error(`--rpc names ${chain} twice; expected each chain once`);
    urls.set(chain, url);
  }
  return urls;
}

async function importDesired(file: string): Promise<Desired> {
  const target = path.resolve(file);
  readFileSync(target);
  const module: unknown = await import(pathToFileURL(target).href);
  const parsed = z.object({ desired: desiredSchema }).safeParse(module);
  if (!parsed.success) throw new Error(`${file} exports no valid \`desired\`:\n${z.prettifyError(parsed.error)}`);
  return parsed.data.desired;
}

function deployerOf(environment: NodeJS.ProcessEnv): LocalAccount | undefined {
  const key = environment[KEY_VARIABLE];
  if (key === undefined || key === '') return undefined;
  // The value itself is never shown.
  if (!isHex(key) || size(key) !== 32) throw new Error(`${KEY_VARIABLE} is malformed; expected 0x and 64 hex digits`);
  return privateKeyToAccount(key);
}

function developmentKeys(deployer: LocalAccount | undefined): LocalKeys {
  const parent = mnemonicToAccount(DEVELOPMENT_MNEMONIC, { path: "m/44'/60'/0'/0" }).getHdKey();
  const account = (index: number): LocalAccount => {
    const key = parent.deriveChild(index).privateKey;
    if (key === null) throw new Error(`development account ${index} has no private key; expected every child to have one`);
    const hex: Hex = `0x${Buffer.from(key).toString('hex')}`;
    return privateKeyToAccount(hex);
  };
  return {
    deployer: deployer ?? account(DEVELOPMENT.deployer),
    guardian: account(DEVELOPMENT.guardian).address,
    layerzeroOwner: account(DEVELOPMENT.layerzeroOwner),
    layerzeroDvnAdmin: account(DEVELOPMENT.layerzeroDvnAdmin).address,
    layerzeroDvnSigners: [account(DEVELOPMENT.layerzeroDvnSigner).address],
    lockstepDvnSigners: [account(DEVELOPMENT.lockstepDvnSigner).address],
  };
}
