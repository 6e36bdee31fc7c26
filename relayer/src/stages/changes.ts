import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

/** A listener that was away for longer reads the tables anew. */
const KEPT = '2 days';

/** The feed of changes: triggers write it, the API tells it, and this keeps it short. */
@Injectable()
export class Changes {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Forgets what nobody will ask for any more. */
  async prune(): Promise<void> {
    await this.dataSource.query(`delete from changes where at < now() - interval '${KEPT}'`);
  }
}
