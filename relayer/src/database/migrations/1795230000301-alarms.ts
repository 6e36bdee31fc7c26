import type { MigrationInterface, QueryRunner } from 'typeorm';

const KINDS = ['deposit', 'withdrawal', 'request', 'path', 'order', 'trade'] as const;

/** What holds a path up is told too: when it begins, when it becomes something else, when it ends. */
export class AlarmChanges1795230000301 implements MigrationInterface {
  readonly name = 'AlarmChanges1795230000301';

  async up(runner: QueryRunner): Promise<void> {
    await kinds(runner, [...KINDS, 'alarm']);
    await runner.query(`CREATE FUNCTION tell_path_problems() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        was boolean := TG_OP <> 'INSERT';
        stands boolean := TG_OP <> 'DELETE';
      BEGIN
        IF was AND stands AND OLD.code = NEW.code THEN
          RETURN NULL; -- seen again
        END IF;
        IF was THEN
          INSERT INTO changes (kind, what, subject) VALUES ('alarm', OLD.code || ' ended',
            jsonb_build_object('srcEid', OLD.src_eid, 'dstEid', OLD.dst_eid, 'stage', OLD.stage));
        END IF;
        IF stands THEN
          INSERT INTO changes (kind, what, subject) VALUES ('alarm', NEW.code,
            jsonb_build_object('srcEid', NEW.src_eid, 'dstEid', NEW.dst_eid, 'stage', NEW.stage, 'detail', NEW.detail));
        END IF;
        RETURN NULL;
      END $$`);
    await runner.query(
      `CREATE TRIGGER path_problems_told AFTER INSERT OR UPDATE OR DELETE ON path_problems FOR EACH ROW EXECUTE FUNCTION tell_path_problems()`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION tell_path_problems() CASCADE');
    await runner.query(`DELETE FROM changes WHERE kind = 'alarm'`);
    await kinds(runner, KINDS);
  }
}

async function kinds(runner: QueryRunner, names: readonly string[]): Promise<void> {
  await runner.query(`ALTER TABLE changes DROP CONSTRAINT changes_kind_check`);
  await runner.query(
    `ALTER TABLE changes ADD CONSTRAINT changes_kind_check CHECK (kind IN (${names.map((name) => `'${name}'`).join(', ')}))`,
  );
}
