import {
  bytesToHex,
  encodeAbiParameters,
  encodeEventTopics,
  getAddress,
  keccak256,
  numberToHex,
  type Abi,
  type AbiEvent,
  type Address,
  type Hex,
} from 'viem';
import { blockNumber, chainId, eid, unixSeconds, type Eid } from '@lockstep/shared';
import type { BlockRef, Log } from '../../src/chain/block.js';
import { Chains } from '../../src/chain/chains.js';
import type { LiveChain, LiveContract, LiveNetwork } from '../../src/config/live-network.js';
import { relayerConfigSchema, type RelayerConfig } from '../../src/config/relayer-config.js';

export const HUB = eid(40_001);
export const SPOKE = eid(40_002);

/** An address that says what it is: one byte, repeated. */
export const addressOf = (byte: number): Address => getAddress(bytesToHex(new Uint8Array(20).fill(byte)));

const contractAt = (byte: number): LiveContract => ({ address: addressOf(byte), block: 0, args: [], bytecodeHash: keccak256('0x') });

function liveChain(chain: string, at: Eid, role: 'hub' | 'spoke'): LiveChain {
  const base = (at % 100) * 16;
  return {
    network: 'test',
    chain,
    chainId: chainId(at - 9_000),
    eid: at,
    role,
    deployedAt: { block: 0, timestamp: 0 },
    contracts: {
      AccessManager: contractAt(base),
      Messenger: contractAt(base + 1),
      CollateralVault: contractAt(base + 2),
      LockstepDVN: contractAt(base + 3),
      BatchExecutor: contractAt(base + 4),
    },
    layerzero: {
      endpoint: addressOf(0xe0),
      sendUln302: addressOf(0xe1),
      receiveUln302: addressOf(0xe2),
      receiveUln302View: addressOf(0xe3),
      endpointView: addressOf(0xe4),
      dvn: addressOf(0xe5),
      dvnVid: 1,
    },
    assets: [{ index: 1, symbol: 'USDC', token: addressOf(0x0c), decimals: 6, standing: 'Settlement' }],
  };
}

const spokeChain = liveChain('spoke', SPOKE, 'spoke');
const plainHub = liveChain('hub', HUB, 'hub');
const hubChain = {
  ...plainHub,
  contracts: {
    ...plainHub.contracts,
    Ledger: contractAt(0xd0),
    Gateway: contractAt(0xd1),
    Delegates: contractAt(0xd3),
    Withdrawals: contractAt(0xd2),
    InterestModel: contractAt(0xd4),
    NormalTable: contractAt(0xd5),
    Feeds: contractAt(0xd6),
    CollateralRules: contractAt(0xd7),
    Markets: contractAt(0xd8),
    Sheets: contractAt(0xd9),
    CrossEngine: contractAt(0xda),
    IsolatedEngine: contractAt(0xdb),
    PortfolioEngine: contractAt(0xdc),
    Margin: contractAt(0xdd),
    Exchange: contractAt(0xde),
    Fund: contractAt(0xdf),
    Liquidation: contractAt(0xcf),
    Handover: contractAt(0xce),
    PriceTimes: contractAt(0xcd),
    Routes: contractAt(0xcc),
    Shortfalls: contractAt(0xcb),
    Levy: contractAt(0xca),
  },
};

/** A hub and a spoke that exist in tables only: nothing answers at their URLs. */
export const LIVE: LiveNetwork = { network: 'test', hub: hubChain, chains: [hubChain, spokeChain] };

export function testConfig(databaseUrl: string, rpcUrl = 'http://127.0.0.1:9'): RelayerConfig {
  const chain = (name: string) => ({
    chain: name,
    rpcUrls: [rpcUrl],
    finality: { kind: 'blocks', blocks: 2 },
    pollMs: 60_000,
  });
  return relayerConfigSchema({}).parse({
    network: 'test',
    liveDir: '.',
    database: { url: databaseUrl },
    api: { port: 0 },
    roles: ['api'],
    chains: [chain('hub'), chain('spoke')],
    keys: { submitter: { privateKey: numberToHex(7, { size: 32 }) } },
    log: { level: 'silent' },
  });
}

export const testChains = (databaseUrl: string, rpcUrl?: string): Chains => new Chains(testConfig(databaseUrl, rpcUrl), LIVE);

/** Block `number` of a branch; blocks of different branches have different hashes. */
export function block(number: number, branch = 'a'): BlockRef {
  const hash = (n: number): Hex => keccak256(new TextEncoder().encode(`${branch}:${n}`));
  return {
    number: blockNumber(BigInt(number)),
    hash: hash(number),
    parentHash: hash(number - 1),
    timestamp: unixSeconds(1_700_000_000n + BigInt(number)),
  };
}

/** A log as a provider gives it. `args` by the event's parameter names. */
export function logOf(
  abi: Abi,
  eventName: string,
  args: Readonly<Record<string, unknown>>,
  at: { readonly address: Address; readonly block: BlockRef; readonly index: number; readonly tx?: Hex },
): Log {
  const event = abi.find((item): item is AbiEvent => item.type === 'event' && item.name === eventName);
  if (event === undefined) throw new Error(`no event ${eventName}`);
  const plain = event.inputs.filter((input) => input.indexed !== true);
  // CAST: no event of ours is anonymous or has array filters, so every topic is one word.
  const topics = encodeEventTopics({ abi: [event], args }) as Hex[];
  return {
    address: at.address,
    topics,
    data: encodeAbiParameters(
      plain,
      plain.map((input) => args[input.name ?? '']),
    ),
    blockNumber: at.block.number,
    blockHash: at.block.hash,
    transactionHash: at.tx ?? keccak256(new TextEncoder().encode(`tx:${at.block.hash}:${at.index}`)),
    transactionIndex: 0,
    logIndex: at.index,
  };
}
