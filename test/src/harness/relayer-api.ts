import { z } from 'zod/v4';

const json = z.json();

const eid = z.number().int();
const uint = z.string().regex(/^\d+$/).transform(BigInt);

const step = z.object({ stage: z.string() });
const deposit = z.object({ sequence: uint, state: z.string(), steps: z.array(step), next: z.string() });
/** A deposit's story as GET /deposits/… tells it. */
export type DepositView = z.infer<typeof deposit>;

const outlook = z.object({
  ...{ late: z.boolean(), sentence: z.string() },
  calls: z.array(z.object({ by: z.string(), contract: z.string(), function: z.string() })),
});
const withdrawal = z.object({ claim: uint, state: z.string(), steps: z.array(step), outlook });
/** A withdrawal's story as GET /withdrawals/… tells it, and what somebody can do now. */
export type WithdrawalView = z.infer<typeof withdrawal>;

const request = z.object({ srcEid: eid, sequence: uint, state: z.string(), outlook });
/** A request through a spoke's log, as GET /requests/… tells it. */
export type RequestView = z.infer<typeof request>;

const reorgedFact = z.object({ eid, kind: z.string(), txHash: z.string() });
/** Something a reorg removed, as GET /reorgs lists it. */
export type ReorgedFact = z.infer<typeof reorgedFact>;

const pathState = z.object({
  ...{ srcEid: eid, dstEid: eid, quarantined: z.boolean() },
  problems: z.array(z.object({ stage: z.string(), code: z.string(), detail: z.string() })),
});
/** A path as GET /paths lists it. */
export type PathView = z.infer<typeof pathState>;

/** What GET /ready says. */
export interface Readiness {
  readonly ready: boolean;
  readonly detail: unknown;
}

/** The relayer's HTTP API did not answer as expected. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly path: string,
    readonly status: number,
    readonly body: string,
  ) {
    super(`GET ${path} answered ${status}: ${body.slice(0, 400)}`);
  }
}

const TIMEOUT_MS = 5_000;

/** A client of the relayer's HTTP API, as a user interface would be. */
export class RelayerApi {
  constructor(readonly url: string) {}

  /** Whether the process is ready; not ready is an answer, not an error. @throws if nothing answers */
  async ready(): Promise<Readiness> {
    const { status, body } = await this.#get('/ready');
    return { ready: status === 200, detail: body };
  }

  /** The deposit at (eid, sequence). @throws ApiError 404 if the relayer has not seen it */
  async deposit(srcEid: number, sequence: bigint): Promise<DepositView> {
    return this.get(`/deposits/${srcEid}/${sequence}`, deposit);
  }

  /** The deposits that a transaction made. */
  async depositsOf(transactionHash: string): Promise<DepositView[]> {
    return this.get(`/deposits?tx=${transactionHash}`, z.array(deposit));
  }

  /** The withdrawal of this claim. @throws ApiError 404 if the relayer has not seen it */
  async withdrawal(claim: bigint): Promise<WithdrawalView> {
    return this.get(`/withdrawals/${claim}`, withdrawal);
  }

  /** The withdrawals that a transaction on the hub asked for. */
  async withdrawalsOf(transactionHash: string): Promise<WithdrawalView[]> {
    return this.get(`/withdrawals?tx=${transactionHash}`, z.array(withdrawal));
  }

  /** The request at (eid, sequence) of a spoke's log. @throws ApiError 404 if the relayer has not seen it */
  async request(srcEid: number, sequence: bigint): Promise<RequestView> {
    return this.get(`/requests/${srcEid}/${sequence}`, request);
  }

  /** What reorgs removed. */
  async reorgs(): Promise<ReorgedFact[]> {
    return this.get('/reorgs', z.array(reorgedFact));
  }

  /** Every path with its state. */
  async paths(): Promise<PathView[]> {
    return this.get('/paths', z.array(pathState));
  }

  /** GET of any path that must answer 200. @throws ApiError otherwise */
  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const { status, body } = await this.#get(path);
    if (status !== 200) throw new ApiError(path, status, JSON.stringify(body));
    return schema.parse(body);
  }

  async #get(path: string): Promise<{ status: number; body: z.infer<typeof json> }> {
    const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    try {
      return { status: response.status, body: json.parse(JSON.parse(text)) };
    } catch {
      throw new ApiError(path, response.status, text);
    }
  }
}
