import { accessManagerAbi } from '@lockstep/contracts';
import { concatHex, encodeFunctionData, keccak256, slice, stringToHex, type Address, type Hex } from 'viem';
import { signerOf, type ChainClient } from './chain/client.js';
import { CREATE2_DEPLOYER } from './chain/create2.js';
import { settleAll, throwAll } from './chain/settle.js';
import { sendAll, settledNonce, type Call } from './chain/send.js';
import { type Desired, type DesiredChain } from './desired/schema.js';
import { readPartialLive, writeLive, type PartialLiveChain } from './live/live.js';
import type { ChainAddresses, ContractSpec } from './plan/addresses.js';
import { clientOf, plan, surveyOf, type KnownLive } from './plan/plan.js';
import type { ConfigureStep, DeployStep, PlanStep } from './plan/step.js';
import { liveContract, startLive, withAssets } from './live/record.js';

export interface ApplyOptions {
  readonly desired: Desired;
  /** One per chain, each with an account that may deploy and configure. */
  readonly clients: readonly ChainClient[];
  /** Where `<chain>.json` is written, as soon as a contract exists. */
  readonly liveDir: string;
  /** Told before each step is sent. An error thrown here stops the run; the next run continues where the chain is. */
  readonly onStep?: (step: PlanStep) => void;
}

/** A governance call that had to be scheduled, and when it may be executed (by the next `apply`). */
export interface Scheduled {
  readonly step: ConfigureStep;
  /** Unix seconds of the chain. */
  readonly readyAt: number;
}

export interface ApplyResult {
  /** Steps that took effect. */
  readonly done: readonly PlanStep[];
  /** Steps that wait for a governance delay. */
  readonly scheduled: readonly Scheduled[];
  /** Transactions sent. */
  readonly transactions: number;
}

/** More rounds are never needed: deploy and configure, then what could only be read after listing. */
const MAX_ROUNDS = 3;
const CALLS_PER_TRANSACTION = 24;

/**
 * Brings the chains to the desired state. Sends only what differs; killed at any point, the next run plans again from the chains.
 * @throws Error naming the step that was refused; everything sent before it stays
 */
export async function apply(options: ApplyOptions): Promise<ApplyResult> {
  const { desired, clients, liveDir } = options;
  const done: PlanStep[] = [];
  const scheduled = new Map<string, Scheduled>();
  let transactions = 0;
  await Promise.all(
    desired.chains.map((chain) => {
      const client = clientOf(clients, chain.name);
      return settledNonce(client, signerOf(client).address);
    }),
  );
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const known = knownLive(desired, liveDir);
    const steps = (await plan(desired, clients, known)).filter((step) => !scheduled.has(keyOf(step)));
    if (steps.length === 0) break;
    if (round === MAX_ROUNDS - 1) throw new Error(`the chains still differ after ${MAX_ROUNDS} rounds: ${steps.map(keyOf).join('; ')}`);
    const { addresses } = await surveyOf(desired, clients, known);
    const results = await settleAll(
      desired.chains.map((chain) => {
        const own = addresses.get(chain.name);
        if (own === undefined) throw new Error(`no addresses of ${chain.name}; expected a survey of every chain`);
        const onChain = steps.filter((step) => step.chain === chain.name);
        return applyChain(options, chain, own, onChain);
      }),
    );
    for (const result of results) {
      done.push(...result.done);
      transactions += result.transactions;
      for (const waiting of result.scheduled) scheduled.set(keyOf(waiting.step), waiting);
    }
  }
  await recordAll(options);
  return { done, scheduled: [...scheduled.values()], transactions };
}

const keyOf = (step: PlanStep): string =>
  step.kind === 'deploy' ? `${step.chain} ${step.contract.name}` : `${step.chain} ${step.subject}`;

/** Live files of every chain, as far as they exist. */
export function knownLive(desired: Desired, liveDir: string): KnownLive {
  const known = new Map<string, PartialLiveChain>();
  for (const { name } of desired.chains) {
    const live = readPartialLive(liveDir, name);
    if (live !== undefined) known.set(name, live);
  }
  return known;
}

async function applyChain(
  options: ApplyOptions,
  chain: DesiredChain,
  addresses: ChainAddresses,
  steps: readonly PlanStep[],
): Promise<ApplyResult> {
  const client = clientOf(options.clients, chain.name);
  const deploys = steps.filter((step): step is DeployStep => step.kind === 'deploy');
  const configures = steps.filter((step): step is ConfigureStep => step.kind === 'configure');
  const deployTransactions = await deployAll(options, client, chain, deploys);
  const configured = await configureAll(options, client, addresses.contracts.AccessManager, configures);
  return {
    done: [...deploys, ...configured.done],
    scheduled: configured.scheduled,
    transactions: deployTransactions + configured.transactions,
  };
}

async function deployAll(options: ApplyOptions, client: ChainClient, chain: DesiredChain, steps: readonly DeployStep[]): Promise<number> {
  if (steps.length === 0) return 0;
  const factory = await client.rpc.getCode({ address: CREATE2_DEPLOYER });
  if (factory === undefined)
    throw new Error(`no deterministic deployer at ${CREATE2_DEPLOYER} on ${chain.name}; expected it on every chain`);
  let live = await startLive(options.desired, chain, client, readPartialLive(options.liveDir, chain.name));
  writeLive(options.liveDir, live);
  const salt = keccak256(stringToHex(`lockstep:${options.desired.network}:${chain.name}`));
  const calls = steps.map(({ contract }): Call => {
    return { label: `deploy ${contract.name}`, to: CREATE2_DEPLOYER, data: concatHex([salt, contract.initCode]), gas: contract.gas };
  });
  await sendAll(client, signerOf(client), calls, {
    beforeSend: (index) => {
      const step = steps[index];
      if (step !== undefined) options.onStep?.(step);
    },
    onReceipt: async (index, receipt) => {
      const contract = steps[index]?.contract;
      if (contract === undefined) return;
      live = await recordOne(client, live, contract, Number(receipt.blockNumber));
      writeLive(options.liveDir, live);
    },
  });
  return calls.length;
}

async function recordOne(client: ChainClient, live: PartialLiveChain, spec: ContractSpec, block: number): Promise<PartialLiveChain> {
  const { name } = spec;
  if (name.startsWith('Token ')) return live;
  const contract = await liveContract(client, spec, block);
  return { ...live, contracts: { ...live.contracts, [name]: contract } };
}

/** Writes what a killed run deployed but did not record, and the assets. */
async function recordAll({ desired, clients, liveDir }: ApplyOptions): Promise<void> {
  const { addresses } = await surveyOf(desired, clients, knownLive(desired, liveDir));
  await Promise.all(
    desired.chains.map(async (chain) => {
      const client = clientOf(clients, chain.name);
      const own = addresses.get(chain.name);
      if (own === undefined) return;
      let live = await startLive(desired, chain, client, readPartialLive(liveDir, chain.name));
      for (const spec of own.specs) {
        if (spec.name.startsWith('Token ')) continue;
        const recorded = Object.entries(live.contracts).find(([name]) => name === spec.name)?.[1];
        if (recorded?.address === spec.address) continue;
        live = await recordOne(client, live, spec, live.deployedAt.block);
      }
      writeLive(liveDir, withAssets(live, chain, own));
    }),
  );
}

async function configureAll(
  options: ApplyOptions,
  client: ChainClient,
  manager: Address,
  steps: readonly ConfigureStep[],
): Promise<ApplyResult> {
  const caller = signerOf(client);
  const ready: { step: ConfigureStep; data: Hex }[] = [];
  const toSchedule: { step: ConfigureStep; data: Hex; delay: number }[] = [];
  const waiting: Scheduled[] = [];
  for (const step of steps) {
    const access = await accessOf(client, manager, caller.address, step);
    const direct = step.target === manager ? step.data : managerCall('execute', step);
    switch (access.kind) {
      case 'now':
        ready.push({ step, data: direct });
        break;
      case 'unscheduled':
        toSchedule.push({ step, data: managerCall('schedule', step), delay: access.delay });
        break;
      case 'waiting':
        waiting.push({ step, readyAt: access.readyAt });
        break;
    }
  }
  const transactions = (await sendChunks(options, client, manager, ready)) + (await sendChunks(options, client, manager, toSchedule));
  if (toSchedule.length > 0) {
    const now = Number((await client.rpc.getBlock()).timestamp);
    waiting.push(...toSchedule.map(({ step, delay }) => ({ step, readyAt: now + delay })));
  }
  return { done: ready.map(({ step }) => step), scheduled: waiting, transactions };
}

type Access =
  | { readonly kind: 'now' }
  | { readonly kind: 'unscheduled'; readonly delay: number }
  | { readonly kind: 'waiting'; readonly readyAt: number };

/** Whether the caller may do the step, and when. @throws Error if it may not at all */
async function accessOf(client: ChainClient, manager: Address, caller: Address, step: ConfigureStep): Promise<Access> {
  const contract = { address: manager, abi: accessManagerAbi } as const;
  const [immediate, delay] =
    step.target === manager
      ? await client.rpc.readContract({ ...contract, functionName: 'hasRole', args: [0n, caller] })
      : await client.rpc.readContract({ ...contract, functionName: 'canCall', args: [caller, step.target, slice(step.data, 0, 4)] });
  // `hasRole` says (member, delay), `canCall` says (at once, delay).
  const atOnce = step.target === manager ? immediate && delay === 0 : immediate;
  if (atOnce) return { kind: 'now' };
  if (delay === 0) throw new Error(`${caller} may not set ${step.subject} on ${step.chain}; expected an account with the role for it`);
  const id = await client.rpc.readContract({ ...contract, functionName: 'hashOperation', args: [caller, step.target, step.data] });
  const readyAt = await client.rpc.readContract({ ...contract, functionName: 'getSchedule', args: [id] });
  if (readyAt === 0) return { kind: 'unscheduled', delay };
  const { timestamp } = await client.rpc.getBlock();
  return BigInt(readyAt) <= timestamp ? { kind: 'now' } : { kind: 'waiting', readyAt };
}

function managerCall(kind: 'execute' | 'schedule', step: ConfigureStep): Hex {
  switch (kind) {
    case 'execute':
      return encodeFunctionData({ abi: accessManagerAbi, functionName: 'execute', args: [step.target, step.data] });
    case 'schedule':
      return encodeFunctionData({ abi: accessManagerAbi, functionName: 'schedule', args: [step.target, step.data, 0] });
  }
}

interface ManagerCall {
  readonly step: ConfigureStep;
  readonly data: Hex;
}

/** Sends AccessManager calls, many per transaction, each transaction estimated on the state the one before it left. */
async function sendChunks(options: ApplyOptions, client: ChainClient, manager: Address, calls: readonly ManagerCall[]): Promise<number> {
  const refusals: unknown[] = [];
  let sent = 0;
  for (let from = 0; from < calls.length; from += CALLS_PER_TRANSACTION) {
    const chunk = calls.slice(from, from + CALLS_PER_TRANSACTION);
    for (const { step } of chunk) options.onStep?.(step);
    const result = await sendChunk(client, manager, chunk);
    sent += result.sent;
    refusals.push(...result.refusals);
  }
  throwAll(refusals);
  return sent;
}

/** One transaction; if one of its calls is refused, they are sent one by one, so that the others take effect and the error names it. */
async function sendChunk(
  client: ChainClient,
  manager: Address,
  chunk: readonly ManagerCall[],
): Promise<{ readonly sent: number; readonly refusals: readonly unknown[] }> {
  const account = signerOf(client);
  const multicall = (calls: readonly ManagerCall[]): Call => ({
    label: calls.map(({ step }) => step.subject).join(', '),
    to: manager,
    data: encodeFunctionData({ abi: accessManagerAbi, functionName: 'multicall', args: [calls.map((call) => call.data)] }),
  });
  const accepted = await client.rpc.call({ account: account.address, to: manager, data: multicall(chunk).data }).then(
    () => true,
    () => false,
  );
  const transactions = accepted ? [chunk] : chunk.map((call) => [call]);
  const refusals: unknown[] = [];
  let sent = 0;
  for (const calls of transactions) {
    try {
      await sendAll(client, account, [multicall(calls)]);
      sent++;
    } catch (cause) {
      refusals.push(cause);
    }
  }
  return { sent, refusals };
}
