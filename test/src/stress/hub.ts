import { feedsAbi, ledgerAbi, liquidationAbi, marginAbi, marketsAbi, collateralRulesAbi } from '@lockstep/contracts';
import { encodeAccount, risk, type AccountId, type liquidation } from '@lockstep/shared';
import { concatHex, encodeFunctionData, getAddress, numberToHex, type Address, type Hex } from 'viem';
import { type Call, type StressChain } from './chain.js';
import { ASSET_INDEX, DEGRADED, EID, MODE_NUMBER, SIGNER, deployHub, type Contracts } from './deploy.js';
import { CHAINS, type AssetName, type ChainName, type ExpiryName, type Mode } from './population.js';
import { reportsAt } from './prices.js';

/** Accounts that are valued in one call. */
const PER_CALL = 48;

/** An account of a key, whose address no one else has. */
export function accountOf(index: number): AccountId {
  return encodeAccount({ owner: getAddress(numberToHex(0x57e55_0000n + BigInt(index), { size: 20 })), home: 0, subaccount: 0n });
}
/** Whose key acts for it. */
export const ownerOf = (account: AccountId): Address => getAddress(account.slice(0, 42));

/** A deposit as the ledger books it. */
export interface Deposit {
  readonly account: AccountId;
  readonly chain: ChainName;
  readonly asset: AssetName;
  /** base units */
  readonly amount: bigint;
}

/**
 * The hub's contracts on a chain of their own, with the rates of a local network. The deployer is a module where a gateway or an exchange would
 * be: it books deposits when their message arrives, and matches trades; everything else goes the way anyone's call would.
 */
export class Hub {
  readonly #sequence: Record<ChainName, bigint> = { hub: 0n, north: 0n, south: 0n };

  private constructor(
    readonly chain: StressChain,
    readonly at: Contracts,
    readonly expiries: Readonly<Record<ExpiryName, number>>,
  ) {}

  static async deploy(first: liquidation.StressStep, startsAt: number): Promise<Hub> {
    const { chain, at, expiries } = await deployHub(first, startsAt);
    const hub = new Hub(chain, at, expiries);
    await hub.publish(first, chain.now + 1);
    return hub;
  }

  /** What is now, to come back to. */
  async snapshot(): Promise<() => Promise<void>> {
    const [back, sequence] = [await this.chain.snapshot(), { ...this.#sequence }];
    return async () => {
      await back();
      Object.assign(this.#sequence, sequence);
    };
  }

  async stop(): Promise<void> {
    await this.chain.stop();
  }

  #own(to: Address, data: Hex): Call {
    return { from: this.chain.deployer, to, data };
  }

  // ---- what happens

  /** A snapshot of the feeds as bytes that anyone hands over. */
  async snapshotCall(step: liquidation.StressStep, time: number): Promise<Call> {
    const reports = reportsAt(step, time, this.expiries);
    const signature = await SIGNER.signTypedData({
      domain: risk.feedsDomain(31_337, this.at.feeds),
      types: risk.FEED_TYPES,
      primaryType: 'Snapshot',
      message: { time, reports },
    });
    return this.#own(
      this.at.feeds,
      encodeFunctionData({ abi: feedsAbi, functionName: 'submit', args: [time, reports, concatHex([signature])] }),
    );
  }

  /** Prices of a step, signed and taken at a time. */
  async publish(step: liquidation.StressStep, time: number): Promise<void> {
    const [sent] = await this.chain.mine(time, [await this.snapshotCall(step, time)]);
    if (sent?.succeeded !== true)
      throw new Error(`prices of ${time} were refused: ${await this.chain.reasonOf(await this.snapshotCall(step, time))}`);
  }

  /** Books deposits as the gateway does, one call per chain. */
  depositCalls(deposits: readonly Deposit[]): Call[] {
    return CHAINS.flatMap((chain) => {
      const own = deposits.filter((deposit) => deposit.chain === chain);
      if (own.length === 0) return [];
      const packed = own.map(({ account, asset, amount }) => {
        const sequence = ++this.#sequence[chain];
        const terms = (sequence << 152n) | (1n << 144n) | (BigInt(ASSET_INDEX[asset]) << 128n) | amount;
        return concatHex([account, numberToHex(terms, { size: 32 })]);
      });
      return [
        this.#own(this.at.ledger, encodeFunctionData({ abi: ledgerAbi, functionName: 'credit', args: [EID[chain], concatHex(packed)] })),
      ];
    });
  }

  modeCall(account: AccountId, mode: Mode): Call {
    return this.#own(this.at.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'setMode', args: [account, MODE_NUMBER[mode]] }));
  }

  /** @param size signed: above 0, `account` buys */
  tradeCall(account: AccountId, maker: AccountId, instrument: bigint, size: bigint, price: bigint): Call {
    const [buyer, seller] = size > 0n ? [account, maker] : [maker, account];
    const args = [buyer, seller, instrument, size > 0n ? size : -size, price] as const;
    return this.#own(this.at.markets, encodeFunctionData({ abi: marketsAbi, functionName: 'trade', args }));
  }

  /** The guardian's answer to a chain that stands still. */
  degradeCall(chain: ChainName): Call {
    return this.#own(
      this.at.rules,
      encodeFunctionData({ abi: collateralRulesAbi, functionName: 'worsenChain', args: [EID[chain], DEGRADED, 3_600] }),
    );
  }

  // ---- what is

  /** Risk of accounts by the engine of their mode, and their auctions if asked, all in the newest block. */
  async watch(accounts: readonly AccountId[]): Promise<liquidation.Watched[]> {
    const chunks = Array.from({ length: Math.ceil(accounts.length / PER_CALL) }, (_, at) =>
      accounts.slice(at * PER_CALL, (at + 1) * PER_CALL),
    );
    const read = await Promise.all(chunks.map((chunk) => this.#watchChunk(chunk)));
    return read.flat();
  }

  async #watchChunk(accounts: readonly AccountId[]): Promise<liquidation.Watched[]> {
    const { client } = this.chain;
    const options = { allowFailure: false, deployless: true, batchSize: 0 } as const;
    const [risks, auctions] = await Promise.all([
      client.multicall({
        ...options,
        contracts: accounts.map((account) => ({
          address: this.at.margin,
          abi: marginAbi,
          functionName: 'riskOf' as const,
          args: [account] as const,
        })),
      }),
      client.multicall({
        ...options,
        contracts: accounts.map((account) => ({
          address: this.at.liquidation,
          abi: liquidationAbi,
          functionName: 'auctionOf' as const,
          args: [account] as const,
        })),
      }),
    ]);
    return accounts.map((account, at) => {
      const [found, auction] = [risks[at], auctions[at]];
      if (found === undefined || auction === undefined) throw new Error(`no risk of ${account}`);
      return {
        account,
        equity: found.equity,
        initial: found.initialMargin,
        margin: found.maintenanceMargin,
        auction:
          auction.id === 0n
            ? null
            : {
                openedAt: BigInt(auction.openedAt),
                startedAt: BigInt(auction.startedAt),
                lastBidAt: BigInt(auction.lastBidAt),
                stepTaken: BigInt(auction.stepTaken),
                restingSince: BigInt(auction.restingSince),
                insolventSince: BigInt(auction.insolventSince),
                reserve: auction.reserve,
              },
      };
    });
  }

  /** What accounts hold, decoded. */
  async holdings(accounts: readonly AccountId[]): Promise<risk.Holdings[]> {
    const words = await this.chain.client.multicall({
      allowFailure: false,
      deployless: true,
      batchSize: 0,
      contracts: accounts.map((account) => ({
        address: this.at.markets,
        abi: marketsAbi,
        functionName: 'holdingsOf' as const,
        args: [account] as const,
      })),
    });
    return words.map((one) => risk.decodeHoldings(one));
  }
}
