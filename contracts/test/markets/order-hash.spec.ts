import { accountId, cash, chainId, exchange, unixSeconds } from '@lockstep/shared';
import { decodeFunctionResult, encodeDeployData, encodeFunctionData, zeroAddress } from 'viem';
import { delegatesAbi, exchangeAbi, marginAbi } from '../../ts/generated/abi.js';
import { bytecode } from '../../ts/generated/bytecode.js';
import { TestChain } from '../chain.js';
import { splitMix } from '../risk/portfolios.js';

const ORDERS = 256;
const stream = splitMix(0x4f52444552n);
const bits = (count: bigint): bigint => {
  let value = 0n;
  for (let have = 0n; have < count; have += 64n) value = (value << 64n) | stream.next().value;
  return value % 2n ** count;
};

/** Any order that a wallet may be asked to sign; the first ones at the ends of the fields. */
function anyOrder(index: number): exchange.Order {
  const most = exchange.MAX_SIZE;
  return {
    account: accountId(`0x${bits(256n).toString(16).padStart(64, '0')}`),
    // CAST: a word without a meaning: the hash does not ask for one.
    instrument: bits(256n) as exchange.InstrumentId,
    side: index % 2 === 0 ? 'buy' : 'sell',
    size: exchange.size(index < 2 ? most : (bits(112n) % most) + 1n),
    limit: exchange.price(index < 4 ? most : (bits(112n) % most) + 1n),
    feeCap: cash(bits(100n)),
    expiry: unixSeconds(bits(40n)),
    nonce: bits(256n),
    reduceOnly: index % 3 === 0,
  };
}

describe('the hash of an order', () => {
  it(`given ${ORDERS} orders, it is the same in a wallet and in the contract`, async () => {
    const chain = await TestChain.start();
    const { from } = chain;
    const delegatesCreation = { abi: delegatesAbi, bytecode: bytecode.Delegates.creation };
    const delegates = await chain.deploy(encodeDeployData({ ...delegatesCreation, args: [from, zeroAddress, 40_001] }));
    const marginCreation = { abi: marginAbi, bytecode: bytecode.Margin.creation };
    const margin = await chain.deploy(encodeDeployData({ ...marginCreation, args: [from, zeroAddress, zeroAddress, delegates] }));
    const creation = { abi: exchangeAbi, bytecode: bytecode.Exchange.creation };
    const at = await chain.deploy(encodeDeployData({ ...creation, args: [from, zeroAddress, zeroAddress, margin, delegates] }));
    const domain = exchange.orderDomain(chainId(await chain.id()), at);
    for (let i = 0; i < ORDERS; i++) {
      const order = anyOrder(i);
      const data = encodeFunctionData({ abi: exchangeAbi, functionName: 'hashOf', args: [exchange.orderMessage(order)] });
      const answer = await chain.read(at, data);
      const onChain = decodeFunctionResult({ abi: exchangeAbi, functionName: 'hashOf', data: answer });
      expect({ i, hash: onChain }).toEqual({ i, hash: exchange.orderHash(domain, order) });
    }
  }, 240_000);
});
