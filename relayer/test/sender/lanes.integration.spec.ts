import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { wei } from '@lockstep/shared';
import { numberToHex } from 'viem';
import { ChainConsumers } from '../../src/chain/chain-consumer.js';
import type { Loop } from '../../src/chain/loops.js';
import { SENDING_ROLES, type SendingRole } from '../../src/config/relayer-config.js';
import { Secret } from '../../src/config/secret.js';
import { dataSourceOptions, runMigrations } from '../../src/database/data-source.js';
import { SENDER_KEYS } from '../../src/sender/intent.js';
import { SenderKeys } from '../../src/sender/keys.js';
import { Lanes } from '../../src/sender/lanes.js';
import { SenderService } from '../../src/sender/sender.service.js';
import { EMITTER_CODE, startAnvil, type TestChain } from '../support/anvil.js';
import { chainContext } from '../support/chain.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

const CHAIN_ID = 31_504;
const EMITTER = '0x00000000000000000000000000000000000e4177';
const secret = (number: number) => new Secret(numberToHex(number, { size: 32 }));

describe('given a process with one role that sends, and every key', () => {
  let postgres: TestPostgres;
  let anvil: TestChain;

  beforeAll(async () => {
    postgres = await startPostgres();
    anvil = await startAnvil(CHAIN_ID);
    await anvil.client.setCode({ address: EMITTER, bytecode: EMITTER_CODE });
  }, 60_000);
  afterAll(async () => {
    await anvil.stop();
    await postgres.stop();
  });

  async function world(role: SendingRole) {
    const database = await new DataSource(dataSourceOptions(await postgres.createDatabase(), 4)).initialize();
    await runMigrations(database);
    const chain = chainContext(CHAIN_ID, { rpcUrls: [anvil.url] });
    const keys = new SenderKeys({
      keys: {
        submitter: secret(11),
        lockstepDvnSigners: [],
        guardian: secret(12),
        keeper: secret(15),
        liquidator: secret(16),
        layerzeroDvn: { signers: [secret(13)], admin: secret(14) },
      },
    });
    for (const { address } of keys.all().values()) await anvil.client.setBalance({ address, value: 10n ** 18n });
    const sender = new SenderService(database, { byChainId: () => chain }, keys);
    const loops: Loop[] = [];
    new Lanes(
      { roles: [role] },
      database,
      { all: () => [chain] },
      { ensure: () => Promise.resolve() },
      new ChainConsumers(),
      keys,
      { add: (loop) => void loops.push(loop) },
      { now: () => Date.now() },
      () => undefined,
    ).onModuleInit();
    return { database, chain, sender, beat: () => Promise.all(loops.map((loop) => loop.run(new AbortController().signal))) };
  }

  it.each(SENDING_ROLES)('sends what the role %s asks of any key, and leaves the other roles their own', async (role) => {
    const { database, chain, sender, beat } = await world(role);
    const [other] = SENDING_ROLES.filter((r) => r !== role);
    const want = (asks: SendingRole, key: (typeof SENDER_KEYS)[number]) =>
      database.transaction((tx) =>
        sender.enqueue(tx, {
          ...{ role: asks, chainId: chain.chainId, key, dedupeKey: `${asks}:${key}` },
          ...{ to: EMITTER, data: '0x01', value: wei(0n), purpose: {} },
        }),
      );
    for (const key of SENDER_KEYS) await want(role, key);
    await want(other!, 'submitter');
    await beat();
    await anvil.client.mine({ blocks: 1 });
    await beat();
    for (const key of SENDER_KEYS) expect([key, (await sender.outcomeByKey(`${role}:${key}`))?.state]).toEqual([key, 'mined']);
    expect((await sender.outcomeByKey(`${other!}:submitter`))?.state).toBe('queued');
    await database.destroy();
  });
});
