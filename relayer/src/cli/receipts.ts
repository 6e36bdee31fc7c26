import { liquidation } from '@lockstep/shared';
import type { Command } from 'commander';
import type { CountedReceipts, ReceiptsOptions } from './receipts-run.js';

const asText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
const CENT = 10n ** 16n;
const money = (cash: bigint): string => (Number(cash / CENT) / 100).toFixed(2);
const percent = (part: bigint, of: bigint): string => (of === 0n ? '0.00%' : `${(Number((part * 1_000_000n) / of) / 10_000).toFixed(4)}%`);

/** What was counted, for a person. @param account whose part is told; null: everybody's */
export function tellReceipts(
  { levies, spreads, charges, places, unchecked, faults, block }: CountedReceipts,
  account: string | null,
): string {
  const isTold = (of: string): boolean => account === null || of === account;
  const txOf = (receipt: string): string[] => [
    ...new Set(places.filter((place) => place.receipt === receipt).map(({ tx }) => `    in ${tx}`)),
  ];
  const lines = levies.flatMap((levy) => {
    const last = liquidation.lastRegistered(levy);
    const total = [...last.values()].reduce((sum, one) => sum + one, 0n);
    const { part } = liquidation.levyRatio({ deficit: levy.deficit, total });
    const paid = new Map(levy.payments.map((payment) => [payment.account, payment.levy]));
    return [
      `levy ${levy.id}, underlying ${levy.underlying} at ${money(levy.price)}: ${money(levy.deficit)} missing, ${money(total)} of gains registered, each pays ${percent(part, total)} of its own${levy.closed === null ? ' (window open)' : ''}`,
      ...txOf(`levy ${levy.id}`),
      ...[...last].flatMap(([of, amount]) => {
        if (!isTold(of)) return [];
        const due = liquidation.levyOf(amount, levy.deficit, total);
        const stands = paid.has(of) ? `paid ${money(paid.get(of) ?? 0n)}` : amount === 0n ? 'owes nothing' : `owes ${money(due)}`;
        return [`  ${of}: registered with ${money(amount)}, ${stands}`, ...txOf(`levy ${levy.id}, ${of}`)];
      }),
    ];
  });
  const losses = spreads.flatMap(({ amount, kept }, i) => [
    `loss of all cash ${i + 1}: ${money(amount)}, what was held since the beginning has kept ${percent(kept, liquidation.KEPT_ALL)}`,
    ...txOf(`loss of all cash ${i + 1}`),
  ]);
  const charged = charges.map(({ account: of, amount, cash }) => `  ${of}: charged ${money(amount)} of ${money(cash)}`);
  const told = [...lines, ...losses, ...charged];
  return [
    ...(told.length === 0 ? ['no levy and no loss of cash so far'] : told),
    ...unchecked.map(({ receipt, because }) => `not checked: ${receipt}: ${because}`),
    ...faults.map(({ receipt, what, told: said, expected }) => `DOES NOT ADD UP: ${receipt}: ${what} is ${said}; expected ${expected}`),
    `block ${block}: ${faults.length === 0 ? 'everything that was checked adds up' : `${faults.length} figures do not add up`}`,
  ].join('\n');
}

/** Adds `lockstep receipts`. It needs no configuration and no database. */
export function addReceipts(program: Command): void {
  program
    .command('receipts')
    .description(
      'count again what levies and losses of cash cost, from what the hub told of them, with nothing but RPC URLs. Exit code 1: something does not add up; 2: wrong options',
    )
    .requiredOption('--rpc <url...>', 'RPC URLs of the hub chain; the next one is asked when one does not answer')
    .requiredOption('--liquidation <address>', 'the hub’s Liquidation; every other contract is found from it')
    .option('--account <account>', 'tell the part of this account (0x and 64 hex digits) alone; default: of every account')
    .option('--from-block <number>', 'first block whose events are read: that of the deployment; default: 0')
    .option('--json', 'print one JSON object')
    .action(async ({ json, ...given }: ReceiptsOptions & { json?: boolean }) => {
      const { ReceiptsError, countReceipts } = await import('./receipts-run.js');
      try {
        const counted = await countReceipts(given);
        const text = json ? JSON.stringify(counted, asText) : tellReceipts(counted, given.account?.toLowerCase() ?? null);
        process.stdout.write(`${text}\n`);
        process.exitCode = counted.faults.length === 0 ? 0 : 1;
      } catch (error) {
        if (!(error instanceof ReceiptsError)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 2;
      }
    });
}
