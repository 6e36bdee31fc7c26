import { levyAbi, ledgerAbi, liquidationAbi } from '@lockstep/contracts';
import type { AccountId } from '@lockstep/shared';
import { decodeFunctionData, getAbiItem, parseEventLogs, toFunctionSelector, type Hex, type Log } from 'viem';
import type { Call } from './chain.js';

const START = toFunctionSelector(getAbiItem({ abi: liquidationAbi, name: 'start' }));
const END = toFunctionSelector(getAbiItem({ abi: liquidationAbi, name: 'end' }));
const TOUCH = toFunctionSelector(getAbiItem({ abi: liquidationAbi, name: 'touch' }));
const BID = toFunctionSelector(getAbiItem({ abi: liquidationAbi, name: 'bid' }));
const begins = ({ data }: Call, ...selectors: readonly Hex[]): boolean => selectors.some((selector) => data.startsWith(selector));

export const isStart = (call: Call): boolean => begins(call, START);

/** The account that a call bids on; null: it is no bid. */
export function soldBy(call: Call): AccountId | null {
  if (!begins(call, BID)) return null;
  const { args } = decodeFunctionData({ abi: liquidationAbi, data: call.data });
  const [wanted] = args ?? [];
  // CAST: the contract's accounts are account ids.
  return typeof wanted === 'object' && 'bidder' in wanted ? (wanted.account as AccountId) : null;
}

/** The account whose auction a call is about; null: it is about none. */
export function auctionedBy(call: Call): AccountId | null {
  if (!begins(call, START, END, TOUCH)) return soldBy(call);
  const { args } = decodeFunctionData({ abi: liquidationAbi, data: call.data });
  const [account] = args ?? [];
  // CAST: as above.
  return typeof account === 'string' ? (account as AccountId) : null;
}

const CHANGES = [
  getAbiItem({ abi: liquidationAbi, name: 'AuctionStarted' }),
  getAbiItem({ abi: liquidationAbi, name: 'AuctionEnded' }),
  getAbiItem({ abi: liquidationAbi, name: 'BidTaken' }),
] as const;

/** Accounts whose auctions began, ended or took a bid in these logs. */
// CAST: as above.
export const changedIn = (logs: readonly Log[]): AccountId[] =>
  parseEventLogs({ abi: CHANGES, logs: [...logs] }).map(({ args }) => args.account as AccountId);

const LOSSES = [getAbiItem({ abi: levyAbi, name: 'LevyPaid' }), getAbiItem({ abi: ledgerAbi, name: 'LossSpread' })] as const;

/** Whose cash fell by the losses of others in these logs: that of those who paid a levy, or of everyone. */
export function chargedIn(logs: readonly Log[]): readonly AccountId[] | 'everyone' {
  const found = parseEventLogs({ abi: LOSSES, logs: [...logs] });
  if (found.some(({ eventName }) => eventName === 'LossSpread')) return 'everyone';
  // CAST: as above.
  return found.map(({ args }) => args.account as AccountId);
}
