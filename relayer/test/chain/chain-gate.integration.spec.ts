import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { encodeAbiParameters, keccak256, type Address, type Hex } from 'viem';
import { ChainGate, chainProblems } from '../../src/chain/chain-gate.js';
import type { ChainContext } from '../../src/chain/chain-context.js';
import { ConfigError } from '../../src/config/load.js';
import { startAnvil, type TestChain } from '../support/anvil.js';
import { chainContext } from '../support/chain.js';

const CHAIN_ID = 31_503;
const CONTRACT: Address = '0x00000000000000000000000000000000000c0de0';

/** Runtime code that answers every call with one word. */
const answering = (word: Hex): Hex => `0x7f${word.slice(2)}5f5260205ff3`;
const wordOf = (value: bigint): Hex => encodeAbiParameters([{ type: 'uint256' }], [value]);

describe('given a chain and its live file', () => {
  let anvil: TestChain;

  beforeAll(async () => {
    anvil = await startAnvil(CHAIN_ID);
  });
  afterAll(async () => {
    await anvil.stop();
  });

  Logger.overrideLogger(false);

  /** A hub all of whose contracts are `CONTRACT`; the file says its code is `code`. */
  function hub(code: Hex, rpcUrls = [anvil.url], id = CHAIN_ID, name = 'spoke1'): ChainContext {
    const chain = chainContext(id, { chain: name, rpcUrls });
    const contract = { address: CONTRACT, block: 0, args: [], bytecodeHash: keccak256(code) };
    const { contracts } = chain.live;
    Object.assign(contracts, {
      AccessManager: contract,
      Messenger: contract,
      CollateralVault: contract,
      LockstepDVN: contract,
      BatchExecutor: contract,
    });
    Object.assign(chain.live.layerzero, { endpoint: CONTRACT });
    return chain;
  }

  const problems = async (chain: ChainContext) =>
    (await chainProblems(chain, { all: () => [chain] })).map(({ key, message }) => `${key}: ${message}`);

  it('names contracts without code, and an eid nobody answers', async () => {
    const found = await problems(hub('0x00'));
    expect(found).toContain(`spoke1.contracts.Messenger: there is no code at ${CONTRACT}; expected the deployed contract`);
    expect(found.join('\n')).toContain('spoke1.layerzero.endpoint: says eid nothing; expected 31503');
  });

  it('names code that is not what was deployed', async () => {
    await anvil.client.setCode({ address: CONTRACT, bytecode: '0x6001' });
    expect((await problems(hub('0x6002'))).join('\n')).toContain('spoke1.contracts.LockstepDVN: the code at');
  });

  it('names an eid and a peer that differ, and passes what is right', async () => {
    const eidOnly = answering(wordOf(BigInt(CHAIN_ID)));
    await anvil.client.setCode({ address: CONTRACT, bytecode: eidOnly });
    const found = await problems(hub(eidOnly));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('spoke1.peers.31503: is');
    expect(found[0]).toContain('the Messenger of spoke1');
  });

  it('names a provider of another chain, and nothing else then', async () => {
    expect(await problems(hub('0x00', [anvil.url], CHAIN_ID + 1))).toEqual([
      `chains.spoke1.rpcUrls.0: answers for chain id ${CHAIN_ID}; expected ${CHAIN_ID + 1}`,
    ]);
  });

  it('refuses the process for a difference, but waits for a chain that does not answer', async () => {
    const wrong = hub('0x00', [anvil.url], CHAIN_ID + 1, 'spoke2');
    const silent = hub('0x00', ['http://127.0.0.1:7']);
    await expect(new ChainGate({ all: () => [silent, wrong] }).onModuleInit()).rejects.toThrow(ConfigError);
    const gate = new ChainGate({ all: () => [silent] });
    await gate.onModuleInit();
    await expect(gate.ensure(silent)).rejects.not.toThrow(ConfigError);
  });
});
