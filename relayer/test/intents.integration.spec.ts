import { beforeEach, describe, expect, it } from '@jest/globals';
import { chainId, wei } from '@lockstep/shared';
import type { DataSource } from 'typeorm';
import { SenderKeys } from '../src/sender/keys.js';
import { SenderService } from '../src/sender/sender.service.js';
import { Intents, type Wanted } from '../src/stages/intents.js';
import { givenPostgres } from './support/database.js';
import { addressOf, testChains, testConfig } from './support/network.js';

describe('given something that must happen on a chain', () => {
  const migratedDatabase = givenPostgres();
  let database: DataSource;
  let intents: Intents;
  let now = 0;

  beforeEach(async () => {
    const made = await migratedDatabase();
    database = made.database;
    now = Date.now();
    const sender = new SenderService(database, testChains(made.url), new SenderKeys(testConfig(made.url)));
    intents = new Intents(sender, { now: () => now });
  });

  const want = (what = 'flush:1:2:0'): Promise<Wanted> =>
    database.transaction((tx) =>
      intents.want(tx, what, {
        role: 'attest',
        chainId: chainId(31_001),
        key: 'submitter',
        to: addressOf(3),
        data: '0x01',
        value: wei(0n),
        purpose: {},
      }),
    );
  const keys = async (): Promise<string[]> =>
    (await database.query<{ dedupe_key: string }[]>('select dedupe_key from tx_intents order by id')).map((row) => row.dedupe_key);
  const reject = (key: string) =>
    database.query(`update tx_intents set state = 'rejected', rejection = '{}', updated_at = now() where dedupe_key = $1`, [key]);

  it('asks for it once, however often it is wanted', async () => {
    expect(await want()).toBe('sent');
    expect(await want()).toBe('waiting');
    expect(await keys()).toEqual(['flush:1:2:0#0']);
    expect(await want('flush:1:2:7')).toBe('sent');
  });

  it('asks again after a failure, later and later, under a new key each time', async () => {
    await want();
    await reject('flush:1:2:0#0');
    expect(await want()).toBe('waiting');
    now += 1_500;
    expect(await want()).toBe('sent');
    await reject('flush:1:2:0#1');
    now = Date.now() + 1_500;
    expect(await want()).toBe('waiting');
    now += 1_000;
    expect(await want()).toBe('sent');
    expect(await keys()).toEqual(['flush:1:2:0#0', 'flush:1:2:0#1', 'flush:1:2:0#2']);
  });

  it('goes on after any number of failures', async () => {
    for (let attempt = 0; attempt < 40; attempt += 1) {
      now = Date.now() + 120_000;
      expect(await want()).toBe('sent');
      await reject(`flush:1:2:0#${attempt}`);
    }
    expect(await keys()).toHaveLength(40);
  });
});
