import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The matcher's tables: signed orders in the order they came, what was matched of them, and the version of the book. */
export class ExchangeTables1795230000300 implements MigrationInterface {
  readonly name = 'ExchangeTables1795230000300';

  async up(runner: QueryRunner): Promise<void> {
    // size = remaining + sizes of its matches that did not fail. The id is the order's priority in time.
    await runner.query(`CREATE TABLE exchange_orders (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      hash text NOT NULL UNIQUE,
      account text NOT NULL,
      instrument numeric(78) NOT NULL,
      side text NOT NULL CHECK (side IN ('buy', 'sell')),
      size numeric(39) NOT NULL CHECK (size > 0),
      limit_price numeric(39) NOT NULL CHECK (limit_price > 0),
      fee_cap numeric(39) NOT NULL CHECK (fee_cap >= 0),
      expiry bigint NOT NULL,
      nonce numeric(78) NOT NULL,
      reduce_only boolean NOT NULL,
      signer text NOT NULL,
      signature text NOT NULL,
      time_in_force text NOT NULL CHECK (time_in_force IN ('gtc', 'ioc', 'fok', 'post')),
      state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'open', 'filled', 'cancelled', 'expired', 'rejected')),
      remaining numeric(39) NOT NULL CHECK (remaining >= 0 AND remaining <= size),
      reason text,
      cancel_requested boolean NOT NULL DEFAULT false,
      received_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      -- the contract knows an order by these two
      UNIQUE (account, nonce),
      CHECK (state <> 'open' OR remaining > 0),
      CHECK (state <> 'filled' OR remaining = 0)
    )`);
    await runner.query(`CREATE INDEX exchange_orders_new ON exchange_orders (id) WHERE state = 'new'`);
    await runner.query(`CREATE INDEX exchange_orders_open ON exchange_orders (instrument, side, limit_price, id) WHERE state = 'open'`);
    await runner.query(`CREATE INDEX exchange_orders_cancel ON exchange_orders (id) WHERE cancel_requested AND state IN ('new', 'open')`);
    await runner.query(`CREATE INDEX exchange_orders_account ON exchange_orders (account, id)`);

    // matched: to be settled; sent: a transaction is wanted for it; settled: that is mined; failed: the contract refused it.
    await runner.query(`CREATE TABLE exchange_matches (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      instrument numeric(78) NOT NULL,
      buy_order bigint NOT NULL REFERENCES exchange_orders (id),
      sell_order bigint NOT NULL REFERENCES exchange_orders (id),
      taker text NOT NULL CHECK (taker IN ('buy', 'sell')),
      size numeric(39) NOT NULL CHECK (size > 0),
      price numeric(39) NOT NULL CHECK (price > 0),
      buy_fee numeric(39) NOT NULL CHECK (buy_fee >= 0),
      sell_fee numeric(39) NOT NULL CHECK (sell_fee >= 0),
      state text NOT NULL DEFAULT 'matched' CHECK (state IN ('matched', 'sent', 'settled', 'failed')),
      is_final boolean NOT NULL DEFAULT false,
      settlement text,
      attempts integer NOT NULL DEFAULT 0,
      tx_hash text,
      reason text,
      matched_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CHECK ((state IN ('sent', 'settled')) = (settlement IS NOT NULL)),
      CHECK ((state = 'settled') = (tx_hash IS NOT NULL))
    )`);
    await runner.query(`CREATE INDEX exchange_matches_todo ON exchange_matches (id) WHERE state = 'matched'`);
    await runner.query(
      `CREATE INDEX exchange_matches_sent ON exchange_matches (settlement) WHERE state IN ('sent', 'settled') AND NOT is_final`,
    );
    await runner.query(`CREATE INDEX exchange_matches_instrument ON exchange_matches (instrument, id)`);
    await runner.query(`CREATE INDEX exchange_matches_buy ON exchange_matches (buy_order)`);
    await runner.query(`CREATE INDEX exchange_matches_sell ON exchange_matches (sell_order)`);

    // One row. Whoever changes the book raises the version; who finds another version than his own reads the book anew.
    await runner.query(
      `CREATE TABLE exchange_book (is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only), version bigint NOT NULL DEFAULT 0)`,
    );
    await runner.query(`INSERT INTO exchange_book DEFAULT VALUES`);

    await kinds(runner, ['deposit', 'withdrawal', 'request', 'path', 'order', 'trade']);
    for (const [table, select] of Object.entries(SOURCES)) {
      await runner.query(`CREATE FUNCTION tell_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO changes (kind, what, subject) ${select};
          RETURN NULL;
        END $$`);
      for (const operation of ['INSERT', 'UPDATE'])
        await runner.query(`CREATE TRIGGER ${table}_told_${operation.toLowerCase()} AFTER ${operation} ON ${table}
          REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tell_${table}()`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE exchange_book, exchange_matches, exchange_orders`);
    for (const table of Object.keys(SOURCES)) await runner.query(`DROP FUNCTION tell_${table}() CASCADE`);
    await runner.query(`DELETE FROM changes WHERE kind IN ('order', 'trade')`);
    await kinds(runner, ['deposit', 'withdrawal', 'request', 'path']);
  }
}

async function kinds(runner: QueryRunner, names: readonly string[]): Promise<void> {
  await runner.query(`ALTER TABLE changes DROP CONSTRAINT changes_kind_check`);
  await runner.query(
    `ALTER TABLE changes ADD CONSTRAINT changes_kind_check CHECK (kind IN (${names.map((name) => `'${name}'`).join(', ')}))`,
  );
}

const SOURCES: Readonly<Record<string, string>> = {
  exchange_orders: `
    SELECT 'order', state, jsonb_build_object('order', hash, 'account', account, 'instrument', instrument::text) FROM changed`,
  exchange_matches: `
    SELECT 'trade', state || CASE WHEN is_final THEN ' final' ELSE '' END, jsonb_build_object('trade', id::text, 'instrument', instrument::text)
    FROM changed`,
};
