import { accountId, cash, chainId, exchange, unixSeconds } from '@lockstep/shared';
import hre from 'hardhat';
import {
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  hexToNumber,
  zeroAddress,
  type Address,
  type Hex,
} from 'viem';
import { delegatesAbi, exchangeAbi } from '../../ts/generated/abi.js';
import { bytecode } from '../../ts/generated/bytecode.js';
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
    // CAST: any word: the hash does not ask what it means.
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
    const { provider } = await hre.network.connect();
    const request = async (method: string, params: unknown[]): Promise<Hex> => {
      const answer: unknown = await provider.request({ method, params });
      if (typeof answer !== 'string' || !answer.startsWith('0x')) throw new Error(`${method} answered ${String(answer)}`);
      // CAST: checked to be hexadecimal text.
      return answer as Hex;
    };
    const accounts: unknown = await provider.request({ method: 'eth_accounts', params: [] });
    if (!Array.isArray(accounts) || typeof accounts[0] !== 'string') throw new Error('the in-process chain has no account');
    // CAST: the node's own accounts are addresses.
    const from = accounts[0] as Address;
    const deploy = async (nonce: bigint, data: Hex): Promise<Address> => {
      await request('eth_sendTransaction', [{ from, data, gas: '0xf00000' }]);
      return getContractAddress({ from, nonce });
    };
    const delegates = await deploy(
      0n,
      encodeDeployData({ abi: delegatesAbi, bytecode: bytecode.Delegates.creation, args: [from, zeroAddress, 40_001] }),
    );
    const at = await deploy(
      1n,
      encodeDeployData({
        abi: exchangeAbi,
        bytecode: bytecode.Exchange.creation,
        args: [from, zeroAddress, zeroAddress, zeroAddress, delegates],
      }),
    );
    const domain = exchange.orderDomain(chainId(hexToNumber(await request('eth_chainId', []))), at);
    for (let i = 0; i < ORDERS; i++) {
      const order = anyOrder(i);
      const data = encodeFunctionData({ abi: exchangeAbi, functionName: 'hashOf', args: [exchange.orderMessage(order)] });
      const answer = await request('eth_call', [{ to: at, data }, 'latest']);
      const onChain = decodeFunctionResult({ abi: exchangeAbi, functionName: 'hashOf', data: answer });
      expect({ i, hash: onChain }).toEqual({ i, hash: exchange.orderHash(domain, order) });
    }
  }, 60_000);
});
