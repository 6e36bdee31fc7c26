import { encodeAccount, cash, chainId, exchange, unixSeconds, type AccountId } from '@lockstep/shared';
import { numberToHex, type Hex, type PrivateKeyAccount } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { DataSource } from 'typeorm';
import type { RevertReason } from '../../src/sender/intent.js';
import { ChainTime } from '../../src/chain/chain-time.js';
import { SenderKeys } from '../../src/sender/keys.js';
import { SenderService } from '../../src/sender/sender.service.js';
import { ExchangeRepository, type StoredMatch } from '../../src/stages/exchange/exchange.repository.js';
import type { HubExchange, OrderStatus } from '../../src/stages/exchange/hub-exchange.js';
import { IntakeService } from '../../src/stages/exchange/intake.service.js';
import { MatcherService } from '../../src/stages/exchange/matcher.service.js';
import { SettlementService } from '../../src/stages/exchange/settlement.service.js';
import { OrderQueries } from '../../src/api/orders.queries.js';
import { LIVE, addressOf, testChains, testConfig } from '../support/network.js';

export const E18 = 10n ** 18n;
export const NOW = 1_800_000_000n;
export const PERPETUAL = exchange.encodeInstrument({ kind: 'perpetual', underlying: 1 });
export const CALL = exchange.encodeInstrument({
  kind: 'call',
  underlying: 1,
  expiry: unixSeconds(NOW + 86_400n),
  strike: exchange.price(60_000n * E18),
});

export const DOMAIN = exchange.orderDomain(chainId(LIVE.hub.chainId), addressOf(0xee));

/** A trader with a key. */
export interface Trader {
  readonly key: PrivateKeyAccount;
  readonly account: AccountId;
}
export const trader = (n: number): Trader => {
  const key = privateKeyToAccount(numberToHex(1_000 + n, { size: 32 }));
  return { key, account: encodeAccount({ owner: key.address, home: 0, subaccount: 0n }) };
};

/** A hub that settles whatever no rule of the test refuses. What the contract itself says is tested against a chain. */
export class TestHub implements HubExchange {
  readonly chainId = LIVE.hub.chainId;
  readonly domain = DOMAIN;
  /** why a set of matches cannot settle together */
  refuses: (matches: readonly StoredMatch[]) => RevertReason | null = () => null;
  closed: string | null = null;
  readonly statuses = new Map<string, OrderStatus>();
  /** what it says of a block that is over */
  refusedThen: (matches: readonly StoredMatch[]) => RevertReason | null = () => null;
  /** signers that are contracts */
  readonly contracts = new Set<Hex>();
  /** signers the hub accepts for an account beside its key */
  readonly delegates = new Map<AccountId, Hex>();
  asked = 0;

  isSignedBy(account: AccountId, signer: Hex): Promise<boolean> {
    return Promise.resolve(this.delegates.get(account) === signer);
  }
  statusOf(account: AccountId, nonce: bigint): Promise<OrderStatus> {
    return Promise.resolve(this.statuses.get(`${account}:${nonce}`) ?? { filled: 0n, cancelled: false, spent: false });
  }
  notTradable(): Promise<string | null> {
    return Promise.resolve(this.closed);
  }
  isContract(signer: Hex): Promise<boolean> {
    return Promise.resolve(this.contracts.has(signer));
  }
  settlementCall(matches: readonly StoredMatch[]) {
    return { to: addressOf(0xee), data: numberToHex(matches.length, { size: 4 }) };
  }
  refusal(matches: readonly StoredMatch[], block?: bigint): Promise<RevertReason | null> {
    this.asked++;
    return Promise.resolve(block === undefined ? this.refuses(matches) : this.refusedThen(matches));
  }
}

/** Everything of the exchange over one database; `matcher()` makes another process. */
export function exchangeWorld(database: DataSource, url: string) {
  const config = testConfig(url);
  const clock = { at: NOW, now: (): number => Number(clock.at) * 1000 };
  const hub = new TestHub();
  const repository = new ExchangeRepository(database);
  const sender = new SenderService(database, testChains(url), new SenderKeys(config));
  const time = new ChainTime(database, clock);
  const noFault = (): void => undefined;
  const matcher = (): MatcherService => new MatcherService(database, config, repository, hub, time, noFault);
  return {
    config,
    clock,
    hub,
    repository,
    sender,
    matcher,
    intake: new IntakeService(config, repository, hub, time),
    settlement: new SettlementService(database, config, repository, hub, sender, noFault),
    queries: new OrderQueries(database, config, hub),
  };
}
export type ExchangeWorld = ReturnType<typeof exchangeWorld>;

let nonces = 0n;
/** An order with everything in place but what the test says. */
export const orderOf = (
  by: Trader,
  side: exchange.Side,
  units: number,
  price: number,
  change: Partial<exchange.Order> = {},
): exchange.Order => ({
  account: by.account,
  instrument: PERPETUAL,
  side,
  size: exchange.size(BigInt(Math.round(units * 1000)) * 10n ** 15n),
  limit: exchange.price(BigInt(Math.round(price * 100)) * 10n ** 16n),
  feeCap: cash(10_000n * E18),
  expiry: unixSeconds(NOW + 3_600n),
  nonce: ++nonces,
  reduceOnly: false,
  ...change,
});

export async function signed(by: Trader, order: exchange.Order): Promise<exchange.SignedOrder> {
  const message = exchange.orderMessage(order);
  const signature = await by.key.signTypedData({ domain: DOMAIN, types: exchange.ORDER_TYPES, primaryType: 'Order', message });
  return { order, signer: by.key.address, signature };
}

export async function signedCancel(by: Trader, { account, nonce }: exchange.Order): Promise<Hex> {
  return by.key.signTypedData({ domain: DOMAIN, types: exchange.CANCEL_TYPES, primaryType: 'Cancel', message: { account, nonce } });
}
