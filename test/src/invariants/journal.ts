import { iLedgerAbi } from '@lockstep/contracts';
import type { Hex } from 'viem';
import { z } from 'zod/v4';
import { sleep } from '../harness/wait.js';
import type { HubChain } from '../harness/stack.js';
import { observeHub, type Observation } from './observation.js';
import type { Findings } from './report.js';

/** Runs one read-only statement in the relayer's database. */
export type Rows = (sql: string) => Promise<unknown[]>;

/**
 * Balances by `account|asset` in the journal's own words: `balance:0x…|token:40001:1`, `cash:0x…|cash`, `reserved|token:…`, `queued|cash`,
 * `clearing|cash`, `interest|cash`, `spread|cash`.
 */
type Totals = Map<string, bigint>;

const NO_ACCOUNT: Hex = `0x${'00'.repeat(32)}`;

const postingTotals = z.array(z.object({ account: z.string(), asset: z.string(), total: z.string().transform(BigInt) }));
const entryCount = z.array(z.object({ n: z.string().transform(Number) })).length(1);
const unbalanced = z.array(z.object({ entry_id: z.string(), asset: z.string(), total: z.string() }));

/** `ILedger.ReserveSource`. */
const ReserveSource = { balance: 0, cash: 1 } as const;

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
  const { totals: rebuilt, accounts } = await rebuildFromEvents(hub, o);
  let live = await readLedger(hub, o, accounts);
  compare(rebuilt, live, 'rebuilt from events', 'hub ledger', findings);
  if (!rows) return;
  const deadline = Date.now() + CATCH_UP_MS;
  let journal = await readJournal(rows);
  while (!equal(journal, live) && Date.now() < deadline) {
    await sleep(250);
    // The hub goes on too: both sides are read again.
    const now = await observeHub(hub, o);
    live = await readLedger(hub, now, (await rebuildFromEvents(hub, now)).accounts);
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

const tokenName = (key: readonly [number, number]): string => `token:${key[0]}:${key[1]}`;

function add(totals: Totals, account: string, asset: string, amount: bigint): void {
  const key = `${account}|${asset}`;
  const sum = (totals.get(key) ?? 0n) + amount;
  if (sum === 0n) totals.delete(key);
  else totals.set(key, sum);
}

async function rebuildFromEvents(hub: HubChain, o: Observation): Promise<{ totals: Totals; accounts: Set<Hex> }> {
  const totals: Totals = new Map();
  const accounts = new Set<Hex>();
  const range = { address: hub.ledger, abi: iLedgerAbi, fromBlock: hub.deployedAt, toBlock: o.hubBlock, strict: true } as const;
  const [corrected, moved, cashMoved] = await Promise.all([
    hub.client.getContractEvents({ ...range, eventName: 'Corrected' }),
    hub.client.getContractEvents({ ...range, eventName: 'Transferred' }),
    hub.client.getContractEvents({ ...range, eventName: 'CashTransferred' }),
  ]);
  const { keys, scales, settlement } = assetsOf(o);
  const name = (assetId: number): string => tokenName(keys.get(assetId) ?? [0, 0]);
  for (const c of o.credits) {
    accounts.add(c.account);
    if (c.destination === 'cash') add(totals, `cash:${c.account}`, 'cash', c.amount * (scales.get(c.assetId) ?? 1n));
    else add(totals, `balance:${c.account}`, name(c.assetId), c.amount);
  }
  for (const { args } of corrected) {
    if (args.account === NO_ACCOUNT) continue; // on suspense, which INV-LEDGER-1 covers
    accounts.add(args.account);
    if (settlement.has(args.assetId)) add(totals, `cash:${args.account}`, 'cash', args.booked * (scales.get(args.assetId) ?? 1n));
    else add(totals, `balance:${args.account}`, name(args.assetId), args.booked);
  }
  for (const { args } of moved) {
    add(totals, `balance:${args.from}`, name(args.assetId), -args.amount);
    add(totals, `balance:${args.to}`, name(args.assetId), args.amount);
    accounts.add(args.from).add(args.to);
  }
  for (const { args } of cashMoved) {
    add(totals, `cash:${args.from}`, 'cash', -args.amount);
    add(totals, `cash:${args.to}`, 'cash', args.amount);
    accounts.add(args.from).add(args.to);
  }
  await addPositions(hub, o, totals, accounts);
  await addWithdrawals(hub, o, totals);
  return { totals, accounts };
}

/** What moved between accounts and positions; interest: what debtors paid, and who collected it; losses: whose were spread, and who bore them. */
async function addPositions(hub: HubChain, o: Observation, totals: Totals, accounts: Set<Hex>): Promise<void> {
  const range = { address: hub.ledger, abi: iLedgerAbi, fromBlock: hub.deployedAt, toBlock: o.hubBlock, strict: true } as const;
  const [changed, charged, collected, spread, borne] = await Promise.all([
    hub.client.getContractEvents({ ...range, eventName: 'CashChanged' }),
    hub.client.getContractEvents({ ...range, eventName: 'InterestCharged' }),
    hub.client.getContractEvents({ ...range, eventName: 'InterestCollected' }),
    hub.client.getContractEvents({ ...range, eventName: 'LossSpread' }),
    hub.client.getContractEvents({ ...range, eventName: 'LossCharged' }),
  ]);
  const moves = [
    ...changed.map(({ args }) => ({ pot: 'clearing', account: args.account, change: args.change })),
    ...charged.map(({ args }) => ({ pot: 'interest', account: args.account, change: -args.amount })),
    ...collected.map(({ args }) => ({ pot: 'interest', account: args.account, change: args.amount })),
    ...spread.map(({ args }) => ({ pot: 'spread', account: args.account, change: args.amount })),
    ...borne.map(({ args }) => ({ pot: 'spread', account: args.account, change: -args.amount })),
  ];
  for (const { pot, account, change } of moves) {
    add(totals, `cash:${account}`, 'cash', change);
    add(totals, pot, 'cash', -change);
    accounts.add(account);
  }
}

/** What left the accounts for claims and orders, and what came back; `reserved` and `queued` are what the hub keeps of it. */
async function addWithdrawals(hub: HubChain, o: Observation, totals: Totals): Promise<void> {
  const range = { address: hub.ledger, abi: iLedgerAbi, fromBlock: hub.deployedAt, toBlock: o.hubBlock, strict: true } as const;
  const [reserved, unreserved, queued, unqueued, released, reinstated] = await Promise.all([
    hub.client.getContractEvents({ ...range, eventName: 'Reserved' }),
    hub.client.getContractEvents({ ...range, eventName: 'Unreserved' }),
    hub.client.getContractEvents({ ...range, eventName: 'CashQueued' }),
    hub.client.getContractEvents({ ...range, eventName: 'CashUnqueued' }),
    hub.client.getContractEvents({ ...range, eventName: 'Released' }),
    hub.client.getContractEvents({ ...range, eventName: 'Reinstated' }),
  ]);
  const scaleOf = (eid: number, asset: number): bigint =>
    10n ** BigInt(18 - (o.inbound.find((i) => i.chain.eid === eid)?.custody.get(asset)?.decimals ?? 18));
  for (const { args } of reserved) {
    const token = tokenName([args.eid, args.asset]);
    add(totals, 'reserved', token, args.units);
    if (args.from === ReserveSource.balance) add(totals, `balance:${args.account}`, token, -args.units);
    if (args.from === ReserveSource.cash) add(totals, 'queued', 'cash', -args.units * scaleOf(args.eid, args.asset));
  }
  for (const { args } of unreserved) {
    const token = tokenName([args.eid, args.asset]);
    add(totals, 'reserved', token, -args.units);
    if (args.to === ReserveSource.balance) add(totals, `balance:${args.account}`, token, args.units);
    if (args.to === ReserveSource.cash) add(totals, `cash:${args.account}`, 'cash', args.units * scaleOf(args.eid, args.asset));
  }
  for (const { args } of queued) {
    add(totals, `cash:${args.account}`, 'cash', -args.cash);
    add(totals, 'queued', 'cash', args.cash);
  }
  for (const { args } of unqueued) {
    add(totals, `cash:${args.account}`, 'cash', args.cash);
    add(totals, 'queued', 'cash', -args.cash);
  }
  for (const { args } of released) add(totals, 'reserved', tokenName([args.eid, args.asset]), -args.units);
  for (const { args } of reinstated) add(totals, 'reserved', tokenName([args.eid, args.asset]), args.units);
}

/** By the hub's asset id: where it comes from, what one base unit is in 18 decimals, and which ones count as cash. */
function assetsOf(o: Observation): { keys: Map<number, readonly [number, number]>; scales: Map<number, bigint>; settlement: Set<number> } {
  const keys = new Map<number, readonly [number, number]>();
  const scales = new Map<number, bigint>();
  const settlement = new Set<number>();
  for (const { chain, custody } of o.inbound)
    for (const [index, { assetId, decimals, settlement: settles }] of custody) {
      if (assetId === 0) continue;
      keys.set(assetId, [chain.eid, index]);
      scales.set(assetId, 10n ** BigInt(18 - Math.min(decimals, 18)));
      if (settles) settlement.add(assetId);
    }
  return { keys, scales, settlement };
}

async function readLedger(hub: HubChain, o: Observation, accounts: ReadonlySet<Hex>): Promise<Totals> {
  const totals: Totals = new Map();
  const { keys } = assetsOf(o);
  const ledger = { address: hub.ledger, abi: iLedgerAbi, blockNumber: o.hubBlock } as const;
  for (const account of accounts) {
    add(totals, `cash:${account}`, 'cash', await hub.client.readContract({ ...ledger, functionName: 'bookedCashOf', args: [account] }));
    for (const [assetId, key] of keys) {
      const [collateral, idle] = await hub.client.readContract({ ...ledger, functionName: 'balanceOf', args: [account, assetId] });
      add(totals, `balance:${account}`, tokenName(key), collateral + idle);
    }
  }
  for (const pot of ['queued', 'clearing', 'interest'] as const) add(totals, pot, 'cash', o.cash[pot]);
  // A debit: what holders still have, and will not keep.
  add(totals, 'spread', 'cash', -o.cash.spread);
  for (const { chain, custody } of o.inbound)
    for (const [index, { reserved }] of custody) add(totals, 'reserved', tokenName([chain.eid, index]), reserved);
  return totals;
}

/** What the journal owes to accounts and to claims; credits are negative there. */
async function readJournal(rows: Rows): Promise<Totals> {
  const totals: Totals = new Map();
  const sums = await rows(
    `select account, asset, sum(-amount)::text as total from postings
      where account like 'balance:%' or account like 'cash:%' or account in ('reserved', 'queued', 'clearing', 'interest', 'spread') group by account, asset`,
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
