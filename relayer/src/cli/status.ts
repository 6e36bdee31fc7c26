import type { Command } from 'commander';
import { z } from 'zod/v4';

const TX = /^0x[0-9a-fA-F]{64}$/;
const PLACE = /^(\d{1,10})[/:](\d{1,20})$/;
const CLAIM = /^\d{1,20}$/;

/** What to look for. */
type Subject =
  | { readonly kind: 'transaction'; readonly tx: string }
  /** a deposit or a request, by its place in the log of its chain */
  | { readonly kind: 'place'; readonly eid: string; readonly sequence: string }
  | { readonly kind: 'withdrawal'; readonly claim: string };

const call = z.object({
  by: z.string(),
  chain: z.string().nullable(),
  eid: z.number(),
  contract: z.string(),
  address: z.string(),
  function: z.string(),
  calldata: z.string().nullable(),
  valueWei: z.string().nullable(),
  note: z.string().nullable(),
});
const story = z.object({
  state: z.string(),
  packet: z.object({ status: z.string(), guid: z.string() }).nullable(),
  outlook: z.object({
    since: z.string(),
    next: z.string().nullable(),
    by: z.string().nullable(),
    late: z.boolean(),
    actor: z.string(),
    sentence: z.string(),
    calls: z.array(call),
  }),
  steps: z.array(
    z.object({ stage: z.string(), at: z.string(), chain: z.string().nullable(), tx: z.string(), detail: z.string().nullable() }),
  ),
  symbol: z.string().nullable(),
  decimals: z.number().nullable(),
});
const deposit = story.extend({ eid: z.number(), sequence: z.string(), amountBaseUnits: z.string() });
const withdrawal = story.extend({ claim: z.string(), receiver: z.string(), amountBaseUnits: z.string() });
const request = story.extend({ srcEid: z.number(), sequence: z.string(), claim: z.string().nullable(), receiver: z.string() });
const problem = z.object({ detail: z.string() });

/** Everything the API knows about the subject. */
export interface Status {
  readonly deposits: readonly z.output<typeof deposit>[];
  readonly requests: readonly z.output<typeof request>[];
  readonly withdrawals: readonly z.output<typeof withdrawal>[];
}

export class StatusError extends Error {
  override readonly name = 'StatusError';
}

/** @throws StatusError if the text is none of the three */
export function subjectOf(text: string): Subject {
  if (TX.test(text)) return { kind: 'transaction', tx: text };
  const [, eid, sequence] = PLACE.exec(text) ?? [];
  if (eid !== undefined && sequence !== undefined) return { kind: 'place', eid, sequence };
  if (CLAIM.test(text)) return { kind: 'withdrawal', claim: text };
  throw new StatusError(
    `"${text.slice(0, 80)}" is no transaction, deposit or withdrawal; expected 0x and 64 hex digits, <eid>/<sequence>, or the number of a claim`,
  );
}

/** Asks the API. @throws StatusError if it does not answer, or does not know the subject */
export async function readStatus(url: string, text: string): Promise<Status> {
  const subject = subjectOf(text);
  switch (subject.kind) {
    case 'transaction': {
      const [deposits, requests, withdrawals] = await Promise.all([
        ask(url, `/deposits?tx=${subject.tx}`, z.array(deposit)),
        ask(url, `/requests?tx=${subject.tx}`, z.array(request)),
        ask(url, `/withdrawals?tx=${subject.tx}`, z.array(withdrawal)),
      ]);
      const status = { deposits: deposits ?? [], requests: requests ?? [], withdrawals: withdrawals ?? [] };
      if (status.deposits.length + status.requests.length + status.withdrawals.length === 0)
        throw new StatusError(`nothing of transaction ${subject.tx} was seen yet; its block may not be indexed`);
      return status;
    }
    case 'place': {
      const [asDeposit, asRequest] = await Promise.all([
        ask(url, `/deposits/${subject.eid}/${subject.sequence}`, deposit),
        ask(url, `/requests/${subject.eid}/${subject.sequence}`, request),
      ]);
      if (asDeposit === null && asRequest === null)
        throw new StatusError(
          `no deposit or request ${subject.sequence} of chain ${subject.eid} was seen yet; its block may not be indexed`,
        );
      const withdrawals = asRequest?.claim ? await ask(url, `/withdrawals/${asRequest.claim}`, withdrawal) : null;
      return {
        deposits: asDeposit ? [asDeposit] : [],
        requests: asRequest ? [asRequest] : [],
        withdrawals: withdrawals ? [withdrawals] : [],
      };
    }
    case 'withdrawal': {
      const found = await ask(url, `/withdrawals/${subject.claim}`, withdrawal);
      if (found === null) throw new StatusError(`no claim ${subject.claim} was seen yet; its block may not be indexed`);
      return { deposits: [], requests: [], withdrawals: [found] };
    }
  }
}

/** @returns null for 404 */
async function ask<S extends z.ZodType>(base: string, path: string, schema: S): Promise<z.output<S> | null> {
  const url = new URL(path, base);
  const answer = await fetch(url).catch((cause: unknown) => {
    throw new StatusError(`${url.origin} does not answer; expected the API of a relayer (--url)`, { cause });
  });
  if (answer.status === 404) return null;
  const body: unknown = await answer.json();
  if (!answer.ok) throw new StatusError(problem.safeParse(body).data?.detail ?? `${url.href} answered ${answer.status}`);
  return schema.parse(body);
}

/** What a person wants to read: the stage, what is next, and, if it is late, who has to act and how. */
export function tellStatus({ deposits, requests, withdrawals }: Status): string {
  return [
    ...deposits.map((one) => tell(`deposit ${one.eid}/${one.sequence}`, `${amountOf(one)}`, one)),
    ...requests.map((one) => tell(`request ${one.srcEid}/${one.sequence}`, `to ${one.receiver}`, one)),
    ...withdrawals.map((one) => tell(`withdrawal ${one.claim}`, `${amountOf(one)} to ${one.receiver}`, one)),
  ].join('\n\n');
}

function tell(title: string, about: string, { state, packet, outlook, steps }: z.output<typeof story>): string {
  const { since, next, by, late, actor, sentence, calls } = outlook;
  const expected = next === null ? '' : `, next: ${next}${by === null ? '' : ` by ${by}`}`;
  const lines = [
    `${title}: ${about}`,
    `  ${state} since ${since}${expected}${late ? '  LATE' : ''}`,
    `  ${sentence}`,
    ...(packet === null ? [] : [`  packet ${packet.guid}: ${packet.status}`]),
    ...steps.map(
      ({ stage, at, chain, tx, detail }) =>
        `    ${at}  ${stage.padEnd(10)} ${chain ?? '?'}  ${tx}${detail === null ? '' : `  (${detail})`}`,
    ),
  ];
  if (late) lines.push(`  LATE: ${ACTING[actor] ?? actor} has to act.${calls.length > 0 ? ' You need not wait:' : ''}`);
  else if (calls.length > 0) lines.push('  can be moved on now:');
  for (const one of calls) {
    const value = one.valueWei === null ? ' (value: quote first)' : one.valueWei === '0' ? '' : ` --value ${one.valueWei}`;
    lines.push(
      `    ${CALLERS[one.by] ?? one.by} on ${one.chain ?? one.eid}: ${one.contract}.${one.function}${one.note === null ? '' : ` (${one.note})`}`,
    );
    if (one.calldata !== null) lines.push(`      cast send ${one.address} ${one.calldata}${value}`);
  }
  return lines.join('\n');
}

const ACTING: Readonly<Record<string, string>> = {
  relayer: 'the relayer',
  verifiers: 'LayerZero verifiers',
  liquidity: 'nobody in particular (liquidity)',
  owner: 'the owner',
  governance: 'governance',
  time: 'nobody (a clock runs)',
};
const CALLERS: Readonly<Record<string, string>> = {
  anyone: 'anyone',
  owner: 'the owner',
  'receiver-or-owner': 'the receiver or the owner',
  'payer-or-refund': 'the payer or the refund address',
};

function amountOf({
  amountBaseUnits,
  symbol,
  decimals,
}: {
  amountBaseUnits: string;
  symbol: string | null;
  decimals: number | null;
}): string {
  if (decimals === null) return `${amountBaseUnits} base units`;
  const padded = amountBaseUnits.padStart(decimals + 1, '0');
  const whole = padded.slice(0, padded.length - decimals);
  const fraction = padded.slice(padded.length - decimals).replace(/0+$/, '');
  return `${whole}${fraction === '' ? '' : `.${fraction}`} ${symbol ?? 'tokens'}`;
}

/** Adds `lockstep status`. It needs no configuration, only the address of an API. */
export function addStatus(program: Command): void {
  program
    .command('status <subject>')
    .description(
      'where a deposit or withdrawal is, what comes next, and what to do if it is late. <subject>: a transaction hash, <eid>/<sequence> of a deposit or request, or the number of a claim. Exit code 1: late, 2: not known',
    )
    .option('--url <url>', 'address of the API; default: LOCKSTEP_API_URL', process.env['LOCKSTEP_API_URL'] ?? 'http://127.0.0.1:4000')
    .option('--json', 'print one JSON object')
    .action(async (subject: string, { url, json }: { url: string; json?: boolean }) => {
      try {
        const status = await readStatus(url, subject);
        process.stdout.write(`${json ? JSON.stringify(status) : tellStatus(status)}\n`);
        const late = [...status.deposits, ...status.requests, ...status.withdrawals].some(({ outlook }) => outlook.late);
        process.exitCode = late ? 1 : 0;
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 2;
      }
    });
}
