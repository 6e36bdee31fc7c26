import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sleep } from '../harness/wait.js';
import { ask, parseCalls, type Answer, type Call, type JsonValue } from './json-rpc.js';
import { ActiveRule, type Fault, type FaultRule } from './rules.js';

/** What became of one call. */
type Reply =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'cut' }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds: number };

/**
 * An RPC provider that can be made to fail: it stands between the relayer and a node and drops, delays, refuses, loses or
 * forges answers by rule. Without rules it only passes calls on.
 */
export class RpcProxy {
  #rules: ActiveRule[] = [];
  #staleAt: bigint | undefined;
  readonly #counts = new Map<string, number>();

  private constructor(
    private readonly server: Server,
    readonly url: string,
    private readonly target: string,
  ) {}

  /** Listens on a free port of 127.0.0.1. @param target URL of the node */
  static async start(target: string): Promise<RpcProxy> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error(`expected a TCP address, got ${String(address)}`);
    const proxy = new RpcProxy(server, `http://127.0.0.1:${address.port}`, target);
    server.on('request', (request, response) => void proxy.#serve(request, response));
    return proxy;
  }

  /** Adds a fault. @returns a handle that counts its hits and removes it */
  inject(rule: FaultRule): { readonly hits: () => number; readonly remove: () => void } {
    const active = new ActiveRule(rule);
    this.#rules.push(active);
    return {
      hits: () => active.hits,
      remove: () => {
        this.#rules = this.#rules.filter((r) => r !== active);
      },
    };
  }

  /** Shows the chain as it was at `block`, as a node that stopped syncing does. */
  freezeAt(block: bigint): void {
    this.#staleAt = block;
  }

  /** Ends every fault. */
  heal(): void {
    this.#rules = [];
    this.#staleAt = undefined;
  }

  /** Calls of a method seen so far. */
  count(method: string): number {
    return this.#counts.get(method) ?? 0;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { batch, calls } = parseCalls(await bodyOf(request));
      const replies = await Promise.all(calls.map((c) => this.#reply(c)));
      if (replies.some((r) => r.kind === 'cut')) return void response.destroy();
      const refused = replies.find((r) => r.kind === 'status');
      if (refused) return void response.writeHead(refused.status, { 'retry-after': String(refused.retryAfterSeconds) }).end();
      const answers = replies.flatMap((r) => (r.kind === 'answer' ? [{ jsonrpc: '2.0', ...r.answer }] : []));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(batch ? answers : answers[0]));
    } catch (error) {
      if (response.headersSent || response.destroyed) return;
      response.writeHead(502, { 'content-type': 'text/plain' }).end(error instanceof Error ? error.message : String(error));
    }
  }

  async #reply(call: Call): Promise<Reply> {
    this.#counts.set(call.method, this.count(call.method) + 1);
    const params = call.params ?? [];
    const hit = this.#rules.find((r) => r.take(call.method, params));
    this.#rules = this.#rules.filter((r) => !r.exhausted);
    return hit ? this.#fail(call, params, hit.rule.fault) : this.#pass(call);
  }

  async #fail(call: Call, params: JsonValue, fault: Fault): Promise<Reply> {
    switch (fault.kind) {
      case 'drop':
        return { kind: 'cut' };
      case 'delay':
        await sleep(fault.ms);
        return this.#pass(call);
      case 'error':
        return { kind: 'answer', answer: { id: call.id, error: { code: fault.code, message: fault.message } } };
      case 'status':
        return { kind: 'status', status: fault.status, retryAfterSeconds: fault.retryAfterSeconds ?? 1 };
      case 'forge': {
        const honest = await ask(this.target, call);
        return {
          kind: 'answer',
          answer: honest.result === undefined ? honest : { id: call.id, result: fault.change(honest.result, params) },
        };
      }
      case 'lose-answer':
        await ask(this.target, call);
        return { kind: 'cut' };
    }
  }

  async #pass(call: Call): Promise<Reply> {
    const stale = this.#staleAt;
    if (stale === undefined) return { kind: 'answer', answer: await ask(this.target, call) };
    const tag = `0x${stale.toString(16)}`;
    if (call.method === 'eth_blockNumber') return { kind: 'answer', answer: { id: call.id, result: tag } };
    const params = Array.isArray(call.params) ? call.params.map((p) => (p === 'latest' || p === 'pending' ? tag : p)) : call.params;
    return { kind: 'answer', answer: await ask(this.target, { ...call, ...(params === undefined ? {} : { params }) }) };
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  // CAST: an HTTP request without an encoding yields buffers.
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
