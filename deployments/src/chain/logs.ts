import {
  BaseError,
  HttpRequestError,
  RpcError,
  RpcRequestError,
  TimeoutError,
  UnknownRpcError,
  type AbiEvent,
  type Address,
  type Log,
  type PublicClient,
} from 'viem';

/** Events of one kind of one contract. */
export interface LogQuery<E extends AbiEvent> {
  readonly address: Address;
  readonly event: E;
  /** Values of indexed fields. */
  readonly args?: Readonly<Record<string, unknown>>;
}

type EventLog<E extends AbiEvent> = Log<bigint, number, false, E, true>;

/**
 * All events from a block to the head. Providers limit blocks, results or time per question, each in its own words: a refused window is
 * halved until it is answered, and grows again after that.
 * @throws what the provider said if it refuses a single block, or was not reached at all
 */
export async function logsSince<const E extends AbiEvent>(
  rpc: PublicClient,
  query: LogQuery<E>,
  fromBlock: bigint,
): Promise<EventLog<E>[]> {
  const head = await rpc.getBlockNumber({ cacheTime: 0 });
  const logs: EventLog<E>[] = [];
  let window = head - fromBlock + 1n;
  for (let from = fromBlock; from <= head;) {
    const end = from + window - 1n;
    const to = end < head ? end : head;
    try {
      logs.push(...(await read(rpc, query, from, to)));
      from = to + 1n;
      window *= 2n;
    } catch (error) {
      if (to === from || !isRefusal(error)) throw error;
      window = (to - from + 1n) / 2n;
    }
  }
  return logs;
}

async function read<const E extends AbiEvent>(
  rpc: PublicClient,
  { address, event, args }: LogQuery<E>,
  fromBlock: bigint,
  toBlock: bigint,
): Promise<EventLog<E>[]> {
  const wide: AbiEvent = event;
  const logs = await rpc.getLogs({ address, event: wide, ...(args === undefined ? {} : { args }), fromBlock, toBlock, strict: true });
  // CAST: strictly decoded logs of this event; the type was widened because viem narrows `args` by it as well.
  return logs as unknown as EventLog<E>[];
}

/** The provider answered, with a refusal; a provider that could not be reached gives none, and asking for less would not help. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof BaseError)) return false;
  const answer = error.walk(
    (e) =>
      e instanceof RpcRequestError ||
      e instanceof TimeoutError ||
      (e instanceof RpcError && !(e instanceof UnknownRpcError)) ||
      (e instanceof HttpRequestError && e.status !== undefined),
  );
  return answer !== null;
}
