import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { collateralVaultAbi, iMessengerAbi, ledgerAbi } from '@lockstep/contracts';
import type { Containment } from '@lockstep/shared';
import { decodeFunctionData, numberToHex, type Abi } from 'viem';
import type { DataSource } from 'typeorm';
import { SenderKeys } from '../src/sender/keys.js';
import { SenderService } from '../src/sender/sender.service.js';
import { Intents } from '../src/stages/intents.js';
import { Guardian } from '../src/stages/ledger/guardian.js';
import { givenPostgres } from './support/database.js';
import { startFakeRpc, type FakeRpc } from './support/fake-rpc.js';
import { HUB, SPOKE, addressOf, testChains, testConfig } from './support/network.js';

const ABI: Abi = [...iMessengerAbi, ...collateralVaultAbi, ...ledgerAbi];
const pinned = new Map([
  [HUB, 5n],
  [SPOKE, 5n],
]);
const PIN = numberToHex(5n);
const nothing: Containment = { paths: new Map(), assets: [] };
const held: Containment = { paths: new Map([[SPOKE, 'deposited is 5; expected 4']]), assets: [] };
const short: Containment = { paths: new Map(), assets: [{ token: { eid: SPOKE, asset: 1 }, because: 'held is 9; expected at least 10' }] };
const QUARANTINE = [
  expect.objectContaining({ call: 'quarantine', args: [SPOKE] }),
  expect.objectContaining({ call: 'quarantine', args: [HUB] }),
];

describe('given a process with the key of the guardian', () => {
  const migratedDatabase = givenPostgres();
  let rpc: FakeRpc;
  let database: DataSource;
  let guardian: Guardian;
  let now: number;

  beforeAll(async () => {
    rpc = await startFakeRpc(ABI);
  });
  afterAll(() => rpc.stop());
  beforeEach(async () => {
    const made = await migratedDatabase();
    ({ database } = made);
    now = 1_700_000_100_000;
    const chains = testChains(made.url, rpc.url);
    const config = { ...testConfig(made.url), keys: { ...testConfig(made.url).keys, guardian: testConfig(made.url).keys.submitter } };
    const intents = new Intents(new SenderService(database, chains, new SenderKeys(config)), { now: () => now });
    guardian = new Guardian(config, database, chains, intents);
  });

  const sent = async (): Promise<{ call: string; args: readonly unknown[] }[]> => {
    const rows = await database.query<{ data: Buffer; role: string; key_name: string }[]>(
      'select data, role, key_name from tx_intents order by id',
    );
    return rows.map(({ data, role, key_name: key }) => {
      expect([role, key]).toEqual(['reconcile', 'guardian']);
      const { functionName: call, args = [] } = decodeFunctionData({ abi: ABI, data: `0x${data.toString('hex')}` });
      return { call, args };
    });
  };
  const saw = async (...seen: readonly Containment[]): Promise<void> => {
    for (const containment of seen) await guardian.saw(containment, pinned);
  };

  describe('when the books of a chain do not add up', () => {
    it('quarantines both ends after two reconciliations in a row, and not after one', async () => {
      rpc.answer = () => ({ result: false });
      await saw(held, nothing, held);
      expect(await sent()).toEqual([]);
      await saw(held);
      expect(await sent()).toEqual(QUARANTINE);
    });

    it('leaves alone the end that is quarantined', async () => {
      rpc.answer = (_name, [peer]) => ({ result: Number(peer) === HUB });
      await saw(held, held);
      expect(await sent()).toEqual(QUARANTINE.slice(0, 1));
    });

    it('does not shut what governance opened after the blocks it saw, nor the end that opens second', async () => {
      rpc.answer = (_name, [peer], block) => ({ result: Number(peer) === SPOKE ? block === PIN : true });
      await saw(held, held, held);
      expect(await sent()).toEqual([]);
      rpc.answer = (_name, _args, block) => ({ result: block === PIN });
      await saw(held, held);
      expect(await sent()).toEqual([]);
    });

    it('shuts it again once the blocks it sees are later than that, and nothing is better', async () => {
      rpc.answer = (_name, _args, block) => ({ result: block === PIN });
      await saw(held, held);
      rpc.answer = () => ({ result: false });
      await saw(held);
      expect(await sent()).toEqual(QUARANTINE);
    });
  });

  describe('when a vault holds too little of one token', () => {
    const vaultAsset = {
      token: addressOf(0x0c),
      decimals: 6,
      minDeposit: 0n,
      cap: 0n,
      deposited: 0n,
      cancelled: 0n,
      paid: 0n,
      claimable: 0n,
    };
    const hubAsset = { decimals: 6, cap: 0n, inflowCapacity: 0n, inflowPerSecond: 0n };
    const FREEZE = [
      expect.objectContaining({ call: 'restrictAsset', args: [1, 3] }),
      expect.objectContaining({ call: 'freezeAsset', args: [9] }),
    ];
    const standing = (vault: (block: string) => number, hub: (block: string) => number, assetId = 9): void => {
      rpc.answer = (name, _args, block) => {
        if (name === 'assetOf') return { result: { ...vaultAsset, status: vault(block) } };
        if (name === 'assetIdOf') return { result: assetId };
        if (name === 'configOf') return { result: { ...hubAsset, standing: hub(block) } };
        throw new Error(`the guardian asked ${name}`);
      };
    };

    it('freezes it on the vault and the hub, once, and holds no path', async () => {
      standing(
        () => 1,
        () => 2,
      );
      await saw(short, short, short);
      expect(await sent()).toEqual(FREEZE);
      standing(
        () => 3,
        () => 3,
      );
      now += 3_600_000;
      await saw(short);
      expect(await sent()).toHaveLength(2);
    });

    it('freezes it on the vault alone if the hub never heard of it', async () => {
      standing(
        () => 2,
        () => 0,
        0,
      );
      await saw(short, short);
      expect(await sent()).toEqual(FREEZE.slice(0, 1));
    });

    it('does not freeze what governance opened after the blocks it saw', async () => {
      standing(
        (block) => (block === PIN ? 3 : 1),
        (block) => (block === PIN ? 3 : 2),
      );
      await saw(short, short);
      expect(await sent()).toEqual([]);
    });
  });
});
