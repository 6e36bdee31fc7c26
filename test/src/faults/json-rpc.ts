import { z } from 'zod/v4';

/** Any JSON document. */
export type JsonValue = z.infer<typeof json>;
const json = z.json();

const call = z.object({ jsonrpc: z.literal('2.0'), id: z.union([z.number(), z.string()]), method: z.string(), params: json.optional() });
const answer = z.object({ id: z.union([z.number(), z.string(), z.null()]), result: json.optional(), error: json.optional() });

/** One JSON-RPC call. */
export type Call = z.infer<typeof call>;
/** The node's answer to it. */
export type Answer = z.infer<typeof answer>;

/** One call, or a batch of them. @throws ZodError naming what is malformed */
export function parseCalls(body: string): { readonly batch: boolean; readonly calls: readonly Call[] } {
  const parsed = z.union([call, z.array(call)]).parse(JSON.parse(body));
  return Array.isArray(parsed) ? { batch: true, calls: parsed } : { batch: false, calls: [parsed] };
}

/** Asks a node. @throws if it does not answer with JSON-RPC */
export async function ask(url: string, request: Call): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) });
  return answer.parse(await response.json());
}
