import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recoverTypedDataAddress } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { encodeAccount } from '../../src/account.js';
import { decodeInstrument, encodeInstrument, price, size, type Instrument } from '../../src/exchange/instrument.js';
import { ORDER_TYPES, orderDomain, orderHash, orderMessage, type Order } from '../../src/exchange/order.js';
import { cash, chainId, unixSeconds } from '../../src/units.js';

const key = privateKeyToAccount(`0x${'11'.repeat(32)}`);
const domain = orderDomain(chainId(31001), '0x00000000000000000000000000000000000000ee');
const order: Order = {
  account: encodeAccount({ owner: key.address, home: 0, subaccount: 3n }),
  instrument: encodeInstrument({ kind: 'call', underlying: 2, expiry: unixSeconds(1_800_000_000n), strike: price(3_000n * 10n ** 18n) }),
  side: 'sell',
  size: size(5n * 10n ** 17n),
  limit: price(120n * 10n ** 18n),
  feeCap: cash(10n ** 18n),
  expiry: unixSeconds(1_790_000_000n),
  nonce: 7n,
  reduceOnly: true,
};

describe('instruments', () => {
  const any: fc.Arbitrary<Instrument> = fc.oneof(
    fc.record({ kind: fc.constant('perpetual' as const), underlying: fc.nat(65_535) }),
    fc.record({
      kind: fc.constantFrom('call' as const, 'put' as const),
      underlying: fc.nat(65_535),
      expiry: fc.bigInt(1n, 2n ** 40n - 1n).map(unixSeconds),
      strike: fc.bigInt(1n, 2n ** 112n - 1n).map(price),
    }),
  );

  it('given any instrument, its id says all of it', () => {
    fc.assert(fc.property(any, (instrument) => expect(decodeInstrument(encodeInstrument(instrument))).toEqual(instrument)));
  });

  it('given an id of nothing, it says what was expected', () => {
    expect(() => decodeInstrument(3n)).toThrow(/no perpetual and no option series/);
    expect(() => decodeInstrument(1n)).toThrow(/no perpetual/);
    expect(() => encodeInstrument({ kind: 'perpetual', underlying: -1 })).toThrow(/underlying is -1; expected 0 … 65535/);
  });
});

describe('orders', () => {
  it('given a signature over an order, it recovers the signer', async () => {
    const typed = { domain, types: ORDER_TYPES, primaryType: 'Order', message: orderMessage(order) } as const;
    const signature = await key.signTypedData(typed);
    expect(await recoverTypedDataAddress({ ...typed, signature })).toBe(key.address);
  });

  it('given any field changed, the order is another order', () => {
    const others: Order[] = [
      { ...order, side: 'buy' },
      { ...order, size: size(order.size + 1n) },
      { ...order, limit: price(order.limit + 1n) },
      { ...order, feeCap: cash(0n) },
      { ...order, expiry: unixSeconds(order.expiry + 1n) },
      { ...order, nonce: 8n },
      { ...order, reduceOnly: false },
    ];
    const hashes = new Set([order, ...others].map((o) => orderHash(domain, o)));
    expect(hashes.size).toBe(others.length + 1);
  });
});
