import { ACTORS, PACKET_STATUSES, REQUEST_STAGES, WITHDRAWAL_STAGES } from '@lockstep/shared';
import { createZodDto } from 'nestjs-zod';
import { z } from 'zod/v4';
import { asset, chain, decimal, eid, hex, instant, reorged, step } from './view-fields.js';

const callView = z.object({
  by: z.enum(['anyone', 'owner', 'receiver-or-owner', 'payer-or-refund']).describe('who may make it'),
  eid,
  chain,
  chainId: z.int(),
  contract: z.string(),
  address: hex,
  function: z.string(),
  args: z.array(z.json()).describe('in the order of the function; null: only the caller knows it'),
  calldata: hex.nullable().describe('ready to be sent to `address`; null if an argument is left to the caller'),
  valueWei: decimal.nullable().describe('native coin to send with it; null: could not be quoted now'),
  note: z.string().nullable(),
});

/** What comes next. The same for deposits, requests and withdrawals. */
export const outlookView = z.object({
  since: instant.describe('when the present stage began'),
  next: z.string().nullable().describe('stage expected next, null at the end'),
  by: instant.nullable().describe('when it is expected at the latest, null if nobody can promise that'),
  late: z.boolean(),
  actor: z.enum(ACTORS).describe('who has to act for the next stage to come'),
  sentence: z.string().describe('the same in one sentence'),
  calls: z.array(callView).describe('what somebody can do now, most useful first'),
});

export const packetView = z.object({
  guid: hex,
  status: z.enum(PACKET_STATUSES).describe('in the words of LayerZero Scan'),
  state: z.string().nullable().describe('what the destination chain says, null if it was not looked at yet'),
});

export const withdrawalView = z.object({
  claim: decimal,
  ...asset,
  account: hex.nullable().describe('null: a deposit that is sent home'),
  receiver: hex,
  amountBaseUnits: decimal,
  fromCash: z.boolean(),
  orderSequence: decimal.nullable().describe('of its order in the log of the hub towards the chain it leaves from'),
  state: z.union([z.enum(WITHDRAWAL_STAGES), z.literal('orphaned')]),
  receipted: z.boolean(),
  waiting: z.string().nullable().describe('why it cannot be ordered now, null if it is not queued or nobody answered'),
  ahead: z.int().describe('queued claims of its token before it'),
  request: z.object({ eid, sequence: decimal }).nullable().describe('of the chain it was asked for on; null: on the hub'),
  packet: packetView.nullable(),
  outlook: outlookView,
  steps: z.array(step(z.enum(WITHDRAWAL_STAGES))),
  reorged,
});

export const requestView = z.object({
  ...asset,
  srcEid: eid,
  srcChain: chain,
  sequence: decimal,
  account: hex,
  receiver: hex,
  amount: decimal.describe('18-decimal cash if fromCash, else base units'),
  fromCash: z.boolean(),
  validUntil: instant,
  state: z.union([z.enum(REQUEST_STAGES), z.literal('orphaned')]),
  claim: decimal.nullable(),
  packet: packetView.nullable(),
  outlook: outlookView,
  steps: z.array(step(z.enum(REQUEST_STAGES))),
  reorged,
});

export const queueView = z.object({
  ...asset,
  claims: z.int(),
  amountBaseUnits: decimal,
  first: z
    .array(z.object({ claim: decimal, amountBaseUnits: decimal, queuedAt: instant, waiting: z.string().nullable() }))
    .describe('oldest first, at most 50'),
});

export type CallView = z.input<typeof callView>;
export type OutlookView = z.input<typeof outlookView>;
export type WithdrawalView = z.input<typeof withdrawalView>;
export type RequestView = z.input<typeof requestView>;
export type QueueView = z.input<typeof queueView>;

export class WithdrawalDto extends createZodDto(withdrawalView) {}
export class RequestDto extends createZodDto(requestView) {}
export class QueueDto extends createZodDto(queueView) {}
