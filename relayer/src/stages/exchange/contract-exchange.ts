import { Inject, Injectable } from '@nestjs/common';
import { iDelegatesAbi, iExchangeAbi, iMarketsAbi } from '@lockstep/contracts';
import { accountId, encodeAccount, exchange, type AccountId, type ChainId } from '@lockstep/shared';
import { encodeFunctionData, type Address, type Hex, type TypedDataDomain } from 'viem';
import { Chains } from '../../chain/chains.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import type { RevertReason } from '../../sender/intent.js';
import { SenderKeys } from '../../sender/keys.js';
import { revertOf } from '../../sender/revert-reason.js';
import type { StoredMatch } from './exchange.repository.js';
import type { HubExchange, OrderStatus } from './hub-exchange.js';
import type { StoredOrder } from './order-row.js';

/** `IDelegates.TRADE()`. */
const TRADE = 1;
/** `IMarkets.Standing.Closed`. */
const CLOSED = 0;
/** Margin decides at the feeds as they stand; whoever publishes them is another part of the system. */
const NO_PRICES: Hex = '0x';

/** The exchange as the deployed contracts tell of it. */
@Injectable()
export class ContractExchange implements HubExchange {
  constructor(
    @Inject(Chains) private readonly chains: Pick<Chains, 'hub'>,
    private readonly keys: SenderKeys,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'exchange'>,
  ) {}

  get chainId(): ChainId {
    return this.chains.hub.chainId;
  }

  get domain(): TypedDataDomain {
    return exchange.orderDomain(this.chainId, this.#address);
  }

  isSignedBy(account: AccountId, signer: Address, digest: Hex, signature: Hex): Promise<boolean> {
    const { hub } = this.chains;
    return hub.client.readContract({
      address: hub.contract('Delegates'),
      abi: iDelegatesAbi,
      functionName: 'isSignedBy',
      args: [account, signer, TRADE, digest, signature],
    });
  }

  async isContract(signer: Address): Promise<boolean> {
    return (await this.chains.hub.client.getCode({ address: signer })) !== undefined;
  }

  async statusOf(account: AccountId, nonce: bigint): Promise<OrderStatus> {
    const [filled, cancelled, , spent] = await this.chains.hub.client.readContract({
      address: this.#address,
      abi: iExchangeAbi,
      functionName: 'statusOf',
      args: [account, nonce],
    });
    return { filled, cancelled, spent };
  }

  async notTradable(instrument: exchange.Instrument): Promise<string | null> {
    const { hub } = this.chains;
    const markets = { address: this.#contract('Markets'), abi: iMarketsAbi } as const;
    const [standing] = await hub.client.readContract({ ...markets, functionName: 'underlyingOf', args: [instrument.underlying] });
    if (standing === CLOSED) return 'one of an underlying that is open on the hub';
    if (instrument.kind === 'perpetual') return null;
    const [listed] = await hub.client.readContract({
      ...markets,
      functionName: 'seriesOf',
      args: [exchange.encodeInstrument(instrument)],
    });
    if (!listed) return 'a series that is listed on the hub';
    const { timestamp } = await hub.client.getBlock();
    return instrument.expiry > timestamp ? null : `a series that expires after ${timestamp}`;
  }

  settlementCall(matches: readonly StoredMatch[]): { to: Address; data: Hex } {
    return { to: this.#address, data: encodeFunctionData(this.#settle(matches)) };
  }

  async refusal(matches: readonly StoredMatch[], block?: bigint): Promise<RevertReason | null> {
    const as = { account: this.keys.account('submitter').address, ...(block === undefined ? {} : { blockNumber: block }) };
    try {
      await this.chains.hub.client.call({ ...as, ...this.settlementCall(matches) });
      return null;
    } catch (error) {
      const reason = revertOf(error);
      // No answer is no refusal.
      if (reason === null) throw error;
      return reason;
    }
  }

  #settle(matches: readonly StoredMatch[]) {
    const fills = matches.map(({ buy, sell, size, price, buyFee, sellFee }) => ({
      buy: signedOrder(buy),
      sell: signedOrder(sell),
      size,
      price,
      buyFee,
      sellFee,
    }));
    return { abi: iExchangeAbi, functionName: 'settle', args: [fills, this.#matcher, NO_PRICES] } as const;
  }

  /** Who gets the matcher's share of fees. */
  get #matcher(): AccountId {
    const { account } = this.config.exchange;
    // CAST: the configuration takes 32 bytes of hex only.
    if (account !== undefined) return accountId(account as Hex);
    return encodeAccount({ owner: this.keys.account('submitter').address, home: 0, subaccount: 0n });
  }

  get #address(): Address {
    return this.#contract('Exchange');
  }

  #contract(name: 'Exchange' | 'Markets'): Address {
    const { hub } = this.chains;
    const found = hub.find(name);
    if (found === null)
      throw new Error(`${hub.name}: live file has no contract ${name}; it has ${Object.keys(hub.live.contracts).join(', ')}`);
    return found;
  }
}

const signedOrder = ({ order, signer, signature }: StoredOrder) => ({ order: exchange.orderMessage(order), signer, signature });
