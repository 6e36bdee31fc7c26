import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { describeProblem, reactionTo, type Eid, type RelayProblem } from '@lockstep/shared';

export type ProblemStage = 'deposit' | 'attestation' | 'packet' | 'ledger' | 'release' | 'reconciliation';

/** A step that cannot go on, carried out of a transaction that must not commit. */
export class RelayProblemError extends Error {
  override readonly name = 'RelayProblemError';
  constructor(readonly problem: RelayProblem) {
    super(describeProblem(problem));
  }
}

/** What holds a path up, per stage: shown by the API, cleared as soon as the stage gets past it. */
@Injectable()
export class PathProblems {
  readonly #logger = new Logger(PathProblems.name);
  readonly #known = new Map<string, string>();

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async raise(stage: ProblemStage, problem: RelayProblem): Promise<void> {
    const key = keyOf(stage, problem.srcEid, problem.dstEid);
    const detail = describeProblem(problem);
    if (this.#known.get(key) !== detail) {
      this.#logger.warn({ event: 'path.problem', stage, code: problem.code, reaction: reactionTo(problem), detail });
      this.#known.set(key, detail);
    }
    await this.dataSource.query(
      `insert into path_problems (src_eid, dst_eid, stage, code, detail) values ($1, $2, $3, $4, $5)
       on conflict (src_eid, dst_eid, stage) do update
       set code = excluded.code, detail = excluded.detail, seen_at = now(),
           since = case when path_problems.code = excluded.code then path_problems.since else now() end`,
      [problem.srcEid, problem.dstEid, stage, problem.code, detail],
    );
  }

  async clear(stage: ProblemStage, srcEid: Eid, dstEid: Eid): Promise<void> {
    const key = keyOf(stage, srcEid, dstEid);
    if (this.#known.get(key) === '') return;
    await this.dataSource.query('delete from path_problems where src_eid = $1 and dst_eid = $2 and stage = $3', [srcEid, dstEid, stage]);
    this.#known.set(key, '');
  }

  /** Whether a reconciliation holds the path: what is signed there could not be trusted. */
  async isHeld(srcEid: Eid, dstEid: Eid): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(
      `select 1 from path_problems where src_eid = $1 and dst_eid = $2 and stage = 'reconciliation'`,
      [srcEid, dstEid],
    );
    return rows.length > 0;
  }
}

const keyOf = (stage: ProblemStage, srcEid: Eid, dstEid: Eid): string => `${stage}:${srcEid}:${dstEid}`;
