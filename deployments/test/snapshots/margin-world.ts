import {
  bytecode,
  collateralRulesAbi,
  feedsAbi,
  iPortfolioEngineAbi,
  portfolioEngineAbi,
  positionBookAbi,
  sheetsAbi,
  type ContractName,
} from '@lockstep/contracts';
import { risk } from '@lockstep/shared';
import {
  concatHex,
  createWalletClient,
  encodeAbiParameters,
  encodeFunctionData,
  http,
  parseEventLogs,
  toFunctionSelector,
  zeroAddress,
  type Abi,
  type AbiParameter,
  type Address,
  type Hex,
  type TransactionReceipt,
} from 'viem';
import type { HDAccount } from 'viem/accounts';
import { receiptOf } from '../../src/chain/receipts.js';
import { Anvil, devAccount } from '../anvil.js';

const WAD = 10n ** 18n;
const DAY = 86_400;
/** Later than any deployment of today. */
/** A full hour, later than any deployment of today. */
export const START = 4_000_003_200;
/** Only the deployer and the signer of the feeds send. */
const [OWNER, SIGNER] = [devAccount(0), devAccount(1)];
export const BOUNDS = {
  spotFresh: 3600,
  spotStale: 7200,
  forwardFresh: 3600,
  forwardStale: 7200,
  surfaceFresh: 3600,
  surfaceStale: 7200,
  sourceStale: 7200,
  maxSpread: 20_000_000,
  markBand: 500,
  disagreement: 200,
};
/** Wads. The last is settlement cash; options are listed on the first three. */
const PRICES: readonly bigint[] = [60_000n, 3_000n, 150n, 40n, 12n, 9n, 5n, 2n, 1n].map((price) => price * WAD);
export const SETTLEMENT = PRICES.length;
const EXPIRIES = Array.from({ length: 11 }, (_, i) => START + (i + 1) * 7 * DAY);

/** Strikes of a listing, in the order of their places: `expiries` of them, each with `strikes` around the forward. */
export interface Market {
  readonly underlying: number;
  readonly expiries: number;
  readonly strikes: number;
}

/** Everything that margin reads, on one chain, with nothing in memory: each account is valued by a transaction of its own. */
export class MarginWorld {
  private constructor(
    private readonly anvil: Anvil,
    private readonly engine: Address,
    private readonly sheets: Address,
    private readonly book: Address,
  ) {}

  /** @param markets one listing per underlying */
  static async start(markets: readonly Market[]): Promise<MarginWorld> {
    const anvil = await startClock(31_003);
    const deploy = deployerOn(anvil);
    const manager = await deploy('AccessManager', [{ type: 'address' }], [OWNER.address]);
    const feeds = await deploy('Feeds', constructorOf(feedsAbi), [manager, [SIGNER.address], 1, 1]);
    const rules = await deploy('CollateralRules', constructorOf(collateralRulesAbi), [manager, feeds]);
    const book = await deploy('PositionBook', [], []);
    const table = await deploy('NormalTable', [], []);
    const sheets = await deploy('Sheets', constructorOf(sheetsAbi), [feeds, book, table]);
    const links = { feeds, collateralRules: rules, sheets };
    const engine = await deploy('PortfolioEngine', constructorOf(portfolioEngineAbi), [manager, links, SETTLEMENT]);
    const world = new MarginWorld(anvil, engine, sheets, book);
    await world.#setFeeds(feeds);
    await world.#setRules(rules);
    for (const underlying of [1, 2, 3])
      await world.#send(
        engine,
        encodeFunctionData({ abi: portfolioEngineAbi, functionName: 'setGroup', args: [underlying, 1, 500_000_000] }),
      );
    for (const market of markets) await world.#list(market);
    await world.#submit(feeds, markets);
    return world;
  }

  async stop(): Promise<void> {
    await this.anvil.stop();
  }

  /** @returns gas of publishing a chunk */
  async publish(underlying: number, chunk: number): Promise<bigint> {
    const data = encodeFunctionData({ abi: sheetsAbi, functionName: 'publish', args: [underlying, chunk] });
    return (await this.#send(this.sheets, data)).gasUsed;
  }

  /** @returns gas of valuing a sheet of so many strikes of one expiry, kept nowhere */
  async build(strikes: number): Promise<bigint> {
    const expiry = {
      forward: PRICES[0] ?? 0n,
      time: (1n << 64n) / 12n,
      averaged: 0,
      strikes: Array.from({ length: strikes }, (_, i) => (PRICES[0] ?? 0n) + (BigInt(i) * WAD * 60_000n) / 64n),
      sigmas: Array.from({ length: strikes }, () => (6n << 64n) / 10n),
    };
    const data = encodeFunctionData({ abi: sheetsAbi, functionName: 'buildFor', args: [[expiry]] });
    return (await this.#send(this.sheets, data)).gasUsed;
  }

  /** Stores holdings, then values them in a transaction that finds everything cold. @returns its gas and what the engine said */
  async value(holdings: risk.Holdings, how: 'riskOf' | 'riskWithoutSheet'): Promise<{ gas: bigint; grade: number; maintenance: bigint }> {
    const account = BigInt(Math.floor(Number(holdings.cash % 1_000_000n)));
    const words = risk.encodeHoldings(holdings);
    for (let first = 0; first === 0; first += words.length)
      await this.#send(this.book, encodeFunctionData({ abi: positionBookAbi, functionName: 'hold', args: [account, words] }));
    const item = iPortfolioEngineAbi.find((entry) => entry.type === 'function' && entry.name === how);
    if (item?.type !== 'function') throw new Error(`the engine has no ${how}`);
    const args = [account, this.engine, toFunctionSelector(item)] as const;
    const receipt = await this.#send(this.book, encodeFunctionData({ abi: positionBookAbi, functionName: 'value', args }));
    const [valued] = parseEventLogs({ abi: positionBookAbi, eventName: 'Valued', logs: receipt.logs });
    if (!valued) throw new Error('nothing was valued');
    return { gas: receipt.gasUsed, grade: valued.args.grade, maintenance: valued.args.maintenanceMargin };
  }

  async #setFeeds(feeds: Address): Promise<void> {
    for (const [i] of PRICES.entries()) {
      const args = [i + 1, 1, zeroAddress, BOUNDS] as const;
      await this.#send(feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'setUnderlying', args }));
    }
  }

  /** Sixteen assets, two of each underlying: on one chain and on the other. */
  async #setRules(rules: Address): Promise<void> {
    const tiers = [0n, 300_000n, 3_000_000n].map((from, i) => ({ from: from * WAD, maintenance: 5e7 * (i + 1), initialExtra: 5e7 }));
    await this.#send(rules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setClass', args: [0, tiers] }));
    for (let assetId = 1; assetId <= 16; assetId++) {
      const rule = { underlying: Math.ceil(assetId / 2), decimals: 18, class: 0, eid: 1 + (assetId % 2) };
      await this.#send(rules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setAssetRule', args: [assetId, rule] }));
    }
    const rates = { maintenance: 1e7, initialExtra: 1e7 };
    await this.#send(rules, encodeFunctionData({ abi: collateralRulesAbi, functionName: 'setChainRates', args: [1, rates] }));
  }

  async #list({ underlying, expiries, strikes }: Market): Promise<void> {
    const forward = PRICES[underlying - 1] ?? 0n;
    const words = EXPIRIES.slice(0, expiries).flatMap((expiry) =>
      Array.from({ length: strikes }, (_, i) => ((forward * BigInt(100 + 2 * i - strikes)) / 100n) | (BigInt(expiry) << 128n)),
    );
    await this.#send(this.book, encodeFunctionData({ abi: positionBookAbi, functionName: 'list', args: [underlying, 0, words] }));
  }

  async #submit(feeds: Address, markets: readonly Market[]): Promise<void> {
    const report = (feed: risk.FeedName, value: bigint): risk.FeedReport => ({ feed: risk.feedId(feed), value, spread: 1_000_000 });
    const slice = risk.packSlice({ vol: 60_000_000n, rho: -300_000_000n, phi: 1_000_000_000n });
    const reports = [
      ...PRICES.flatMap((price, i) => [
        report({ underlying: i + 1, kind: 'spot', expiry: 0n }, price),
        report({ underlying: i + 1, kind: 'mark', expiry: 0n }, price + price / 1000n),
      ]),
      ...markets.flatMap(({ underlying, expiries }) =>
        EXPIRIES.slice(0, expiries).flatMap((expiry) => [
          report({ underlying, kind: 'forward', expiry: BigInt(expiry) }, ((PRICES[underlying - 1] ?? 0n) * 101n) / 100n),
          report({ underlying, kind: 'surface', expiry: BigInt(expiry) }, slice),
        ]),
      ),
    ].sort((a, b) => (a.feed < b.feed ? -1 : 1));
    const time = START;
    const signature = await SIGNER.signTypedData({
      domain: risk.feedsDomain(this.anvil.chainId, feeds),
      types: risk.FEED_TYPES,
      primaryType: 'Snapshot',
      message: { time, reports },
    });
    await this.#send(feeds, encodeFunctionData({ abi: feedsAbi, functionName: 'submit', args: [time, reports, signature] }));
  }

  async #send(to: Address, data: Hex): Promise<TransactionReceipt> {
    return sent(this.anvil, { to, data });
  }
}

export const constructorOf = (abi: Abi): readonly AbiParameter[] => abi.flatMap((item) => (item.type === 'constructor' ? item.inputs : []));

/** Creates a contract by its compiled name. */
export type Deploy = (name: ContractName, types: readonly AbiParameter[], args: readonly unknown[]) => Promise<Address>;

/** A chain whose clock counts seconds by blocks. */
export async function startClock(chainId: number): Promise<Anvil> {
  const anvil = await Anvil.start(chainId);
  await anvil.control.setNextBlockTimestamp({ timestamp: BigInt(START) });
  await anvil.control.mine({ blocks: 1 });
  await anvil.control.setBlockTimestampInterval({ interval: 1 });
  return anvil;
}

export const deployerOn =
  (anvil: Anvil): Deploy =>
  (name, types, args) =>
    deployed(anvil, concatHex([bytecode[name].creation, encodeAbiParameters(types, args)]));

async function deployed(anvil: Anvil, data: Hex): Promise<Address> {
  const { contractAddress } = await sent(anvil, { data });
  if (!contractAddress) throw new Error('nothing was created');
  return contractAddress;
}

/** Sends from the owner, or from another key, and waits for success. */
export async function sent(
  anvil: Anvil,
  call: { readonly to?: Address; readonly data: Hex },
  account: HDAccount = OWNER,
): Promise<TransactionReceipt> {
  const client = anvil.client('margin');
  const wallet = createWalletClient({ account, chain: client.rpc.chain, transport: http(anvil.url) });
  const hash = await wallet.sendTransaction({ ...call, gas: 30_000_000n });
  const receipt = await receiptOf(client.rpc, hash);
  if (receipt.status === 'success') return receipt;
  const reason = await client.rpc.call({ account, ...call }).then(
    () => 'it succeeds when repeated',
    (error: unknown) => String(error).slice(0, 2000),
  );
  throw new Error(`a transaction to ${call.to ?? 'nobody'} reverted: ${reason}`);
}
