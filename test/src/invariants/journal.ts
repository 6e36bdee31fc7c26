import { iLedgerAbi } from '@lockstep/contracts';
import { z } from 'zod/v4';
import { sleep } from '../harness/wait.js';
import type { HubChain } from '../harness/stack.js';
import { observeHub, type Observation } from './observation.js';
import { add, ledgerEvents, rebuild, tokenName, type Rebuilt, type Totals } from './rebuild.js';
import type { Findings } from './report.js';

/** Runs one read-only statement in the relayer's database. */
export type Rows = (sql: string) => Promise<unknown[]>;

const postingTotals = z.array(z.object({ account: z.string(), asset: z.string(), total: z.string().transform(BigInt) }));
const entryCount = z.array(z.object({ n: z.string().transform(Number) })).length(1);
const unbalanced = z.array(z.object({ entry_id: z.string(), asset: z.string(), total: z.string() }));

/** How long the relayer may take to book what is already on the hub. */
const CATCH_UP_MS = 20_000;

/** INV-LEDGER-3: each journal entry sums to zero per asset; asked of the rows themselves, not of the trigger that guards them. */
export async function checkJournalBalance(rows: Rows, findings: Findings): Promise<void> {
  const [count] = entryCount.parse(await rows('select count(*)::text as n from journal_entries'));
  for (let i = 0; i < (count?.n ?? 0); i++) findings.expect('INV-LEDGER-3', true, 'journal', () => '', '');
  const wrong = unbalanced.parse(
    await rows(`select entry_id::text, asset, sum(amount)::text as total from postings group by entry_id, asset having sum(amount) <> 0`),
  );
  for (const { entry_id, asset, total } of wrong)
    findings.expect('INV-LEDGER-3', false, `journal entry ${entry_id}, ${asset}`, () => `sum ${total}`, '0');
}

/**
 * INV-LEDGER-4: what a rebuild from the hub's events gives is what the hub's ledger holds, and is what the relayer's journal says.
 * The journal may still be booking the last blocks, so a difference counts only if it stays.
 */
export async function checkRebuild(hub: HubChain, o: Observation, rows: Rows | undefined, findings: Findings): Promise<void> {
  const { rebuilt, live: seen } = await bothSides(hub, o);
  let live = seen;
  compare(rebuilt, live, 'rebuilt from events', 'hub ledger', findings);
  if (!rows) return;
  const deadline = Date.now() + CATCH_UP_MS;
  let journal = await readJournal(rows);
  while (!equal(journal, live) && Date.now() < deadline) {
    await sleep(250);
    // The hub goes on too: both sides are read again.
    const now = await observeHub(hub, o);
    live = (await bothSides(hub, now)).live;
    journal = await readJournal(rows);
  }
  compare(journal, live, 'relayer journal', 'hub ledger', findings);
}

const journalLines = z.array(z.object({ line: z.string() }));

/**
 * The journal as text, one line per posting in the order of the hub's blocks, without what depends on when it was written (row
 * numbers, times). Two journals of the same chain are equal line by line.
 */
export async function journalOf(rows: Rows): Promise<string[]> {
  const read = await rows(
    `select concat_ws(' ', e.eid, e.block_number, e.block_hash, e.log_index, e.kind, p.line, p.account, p.asset, p.amount) as line
       from journal_entries e join postings p on p.entry_id = e.id
      where e.reverses is null and not exists (select 1 from journal_entries r where r.reverses = e.id)
      order by e.block_number, e.log_index, p.line`,
  );
  return journalLines.parse(read).map(({ line }) => line);
}

/** What the ledger's events add up to, and what the ledger says, at one block. */
async function bothSides(hub: HubChain, o: Observation): Promise<{ rebuilt: Totals; live: Totals }> {
  const rebuilt = rebuild(await ledgerEvents(hub, o.hubBlock));
  return { rebuilt: rebuilt.totals, live: await readLedger(hub, o, rebuilt) };
}

/** The ledger's own figures, by the names of the journal. */
export async function readLedger(
  { client, ledger: address }: Pick<HubChain, 'client' | 'ledger'>,
  { hubBlock, cash, inbound }: Pick<Observation, 'hubBlock' | 'cash' | 'inbound'>,
  { accounts, tokens }: Pick<Rebuilt, 'accounts' | 'tokens'>,
): Promise<Totals> {
  const totals: Totals = new Map();
  const held = new Map<string, bigint>();
  const ledger = { address, abi: iLedgerAbi, blockNumber: hubBlock } as const;
  for (const account of accounts) {
    add(totals, `cash:${account}`, 'cash', await client.readContract({ ...ledger, functionName: 'bookedCashOf', args: [account] }));
    for (const [assetId, { name }] of tokens) {
      const [collateral, idle] = await client.readContract({ ...ledger, functionName: 'balanceOf', args: [account, assetId] });
      add(totals, `balance:${account}`, name, collateral + idle);
      held.set(name, (held.get(name) ?? 0n) + collateral + idle);
    }
  }
  for (const pot of ['queued', 'clearing', 'interest'] as const) add(totals, pot, 'cash', cash[pot]);
  // A debit: what holders still have, and will not keep.
  add(totals, 'spread', 'cash', -cash.spread);
  for (const { chain, custody } of inbound)
    for (const [index, { reserved, balances, assetId }] of custody) {
      const name = tokenName(chain.eid, index);
      add(totals, 'reserved', name, reserved);
      // The same of a token that was written down: what its holders still show beyond what there is.
      if (assetId !== 0) add(totals, 'written-down', name, balances - (held.get(name) ?? 0n));
    }
  return totals;
}

/** What the journal owes to accounts and to claims; credits are negative there. */
async function readJournal(rows: Rows): Promise<Totals> {
  const totals: Totals = new Map();
  const sums = await rows(
    `select account, asset, sum(-amount)::text as total from postings
      where account like 'balance:%' or account like 'cash:%' or account in ('reserved', 'queued', 'clearing', 'interest', 'spread', 'written-down') group by account, asset`,
  );
  for (const { account, asset, total } of postingTotals.parse(sums)) add(totals, account, asset, total);
  return totals;
}

function equal(a: Totals, b: Totals): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

function compare(actual: Totals, expected: Totals, actualName: string, expectedName: string, findings: Findings): void {
  for (const key of new Set([...actual.keys(), ...expected.keys()])) {
    const [found, wanted] = [actual.get(key) ?? 0n, expected.get(key) ?? 0n];
    findings.expect('INV-LEDGER-4', found === wanted, `${actualName}, ${key}`, () => `${found}`, `${wanted} as in the ${expectedName}`);
  }
}
