import { createZodDto } from 'nestjs-zod';
import { z } from 'zod/v4';
import { outlookView, packetView } from './release-views.js';
import { asset, chain, decimal, eid, final, hex, instant, reorged, step } from './view-fields.js';

const stage = z.enum(['deposited', 'final', 'flushed', 'verified', 'delivered', 'parked', 'returned', 'voided', 'refused']);

export const depositView = z.object({
  ...asset,
  sequence: decimal.describe('place in the log of its chain towards the hub'),
  account: hex.describe('owner (20 bytes) ‖ home (4) ‖ subaccount (8)'),
  amountBaseUnits: decimal,
  payer: hex,
  refund: hex,
  ownDeposit: z.boolean().describe("paid by the account's own principal: it becomes margin collateral"),
  tx: hex,
  blockNumber: decimal,
  state: z.union([stage, z.enum(['orphaned', 'cancelled'])]),
  next: z.string().describe('what happens next and who can do it'),
  packet: packetView.nullable(),
  outlook: outlookView,
  steps: z.array(step(stage)),
  reorged,
  entry: hex.describe('bytes of the log entry, as needed by cancel and retry'),
});

const amounts = z.object({ finalBaseUnits: decimal, pendingBaseUnits: decimal.describe('moved by blocks that are not final yet') });
export const accountView = z.object({
  account: hex,
  owner: hex,
  home: z.int().describe('0: the owner is a key; else the eid of the chain of the owning contract'),
  subaccount: decimal,
  balances: z.array(z.object({ ...asset, ...amounts.shape })),
  cash: z.object({ finalE18: decimal, pendingE18: decimal }),
  inFlight: z.array(z.object({ ...asset, amountBaseUnits: decimal, deposits: z.int(), parked: z.boolean() })),
  deposits: z.array(z.object({ eid, sequence: decimal, tx: hex })).describe('newest first, at most 50'),
});

export const pathView = z.object({
  srcEid: eid,
  srcChain: chain,
  dstEid: eid,
  dstChain: chain,
  appended: decimal,
  flushed: decimal,
  verified: decimal,
  consumed: decimal,
  acknowledged: decimal.describe('consumed, as the source has been told'),
  quarantined: z.boolean(),
  sourceQuarantined: z.boolean(),
  destinationQuarantined: z.boolean(),
  problems: z.array(z.object({ stage: z.string(), code: z.string(), detail: z.string(), since: instant })),
});

export const reorgView = z.object({
  id: decimal,
  eid,
  chain,
  kind: z.string(),
  txHash: hex,
  blockNumber: decimal,
  blockHash: hex,
  wasFinal: z.boolean(),
  removedAt: instant,
  subject: z.record(z.string(), z.json()),
});

export const batchView = z.object({
  id: decimal,
  srcEid: eid,
  srcChain: chain,
  dstEid: eid,
  firstSequence: decimal,
  lastSequence: decimal,
  entries: z.int().describe('entries that no earlier checkpoint covered; 0: a resend'),
  guid: hex,
  tx: hex,
  at: instant,
  final,
  feeWei: decimal.describe('native fee of the packet'),
  gasWei: decimal.nullable().describe('gas of the flush transaction times its price, null until its receipt was read'),
  costPerEntryWei: decimal.nullable(),
});

export const reconciliationView = z.object({
  at: instant,
  hubBlock: decimal,
  pinned: z.record(z.string(), z.string()).describe('block per chain at which everything was read'),
  ok: z.boolean(),
  invariants: z.record(z.string(), z.boolean()),
  mismatches: z.array(z.object({ invariant: z.string(), subject: z.string(), expected: z.string(), actual: z.string() })),
});

export type DepositView = z.input<typeof depositView>;
export type AccountView = z.input<typeof accountView>;
export type PathView = z.input<typeof pathView>;
export type ReorgView = z.input<typeof reorgView>;
export type BatchView = z.input<typeof batchView>;
export type ReconciliationView = z.input<typeof reconciliationView>;

export class DepositDto extends createZodDto(depositView) {}
export class AccountDto extends createZodDto(accountView) {}
export class PathDto extends createZodDto(pathView) {}
export class ReorgDto extends createZodDto(reorgView) {}
export class BatchDto extends createZodDto(batchView) {}
export class ReconciliationDto extends createZodDto(reconciliationView) {}
export class ProblemDto extends createZodDto(
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    parameters: z.array(z.object({ parameter: z.string(), value: z.string(), expected: z.string() })).optional(),
  }),
) {}
