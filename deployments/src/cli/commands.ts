import { formatUnits } from 'viem';
import { apply, knownLive } from '../apply.js';
import { takeBounds, type PassBound, type TakeBound } from '../desired/bound.js';
import { plan } from '../plan/plan.js';
import { describeStep, type PlanStep } from '../plan/step.js';
import { describeProblem, verify } from '../verify.js';
import { openNetwork, type NetworkArguments } from './networks.js';

/** Where a command's results go: lines for people, or one JSON document. */
export interface Output {
  readonly json: boolean;
  readonly write: (text: string) => void;
}

/** Shows what `apply` would do. @returns the exit code */
export async function planCommand(args: NetworkArguments, environment: NodeJS.ProcessEnv, output: Output): Promise<number> {
  const { desired, clients } = await openNetwork(args, environment, false);
  const steps = await plan(desired, clients, knownLive(desired, args.liveDir));
  const bounds = takeBounds(desired);
  print(output, { network: desired.network, steps: steps.map(stepJson), bounds }, [
    ...steps.map(describeStep),
    `${steps.length} steps`,
    ...bounds.map(describeBound),
  ]);
  return 0;
}

/** Sends what differs. @returns the exit code: 0 done, 3 something waits for a governance delay */
export async function applyCommand(args: NetworkArguments, environment: NodeJS.ProcessEnv, output: Output): Promise<number> {
  const { desired, clients } = await openNetwork(args, environment, true);
  const progress = output.json ? undefined : (step: PlanStep): void => output.write(describeStep(step));
  const { done, scheduled, transactions } = await apply({
    desired,
    clients,
    liveDir: args.liveDir,
    ...(progress === undefined ? {} : { onStep: progress }),
  });
  const waiting = scheduled.map(({ step, readyAt }) => ({ ...stepJson(step), readyAt }));
  print(output, { network: desired.network, done: done.map(stepJson), scheduled: waiting, transactions }, [
    ...scheduled.map(({ step, readyAt }) => `${describeStep(step)}: scheduled, ready at ${new Date(readyAt * 1_000).toISOString()}`),
    `${done.length} steps done in ${transactions} transactions, ${scheduled.length} scheduled`,
  ]);
  return scheduled.length === 0 ? 0 : 3;
}

/** Proves that the chains are as desired. @returns the exit code: 0 yes, 1 no */
export async function verifyCommand(args: NetworkArguments, environment: NodeJS.ProcessEnv, output: Output): Promise<number> {
  const { desired, clients } = await openNetwork(args, environment, false);
  const problems = await verify(desired, clients, knownLive(desired, args.liveDir));
  const bounds = takeBounds(desired);
  print(output, { network: desired.network, ok: problems.length === 0, problems, bounds }, [
    ...problems.map(describeProblem),
    problems.length === 0 ? `${desired.network} is as desired, both ends of every route agree` : `${problems.length} problems`,
    ...bounds.map(describeBound),
  ]);
  return problems.length === 0 ? 0 : 1;
}

function stepJson(step: PlanStep): Record<string, unknown> {
  switch (step.kind) {
    case 'deploy':
      return { kind: step.kind, chain: step.chain, contract: step.contract.name, address: step.contract.address, args: step.contract.args };
    case 'configure': {
      // Target and data are what a governor that is a contract schedules.
      const { kind, chain, subject, target, data, expected, actual } = step;
      return { kind, chain, subject, target, data, expected, actual };
    }
  }
}

function describeBound({ chain, symbol, decimals, invented, taken }: TakeBound): string {
  const told = ({ atOnce, inAnHour, inADay }: PassBound): string => {
    const [now, hour, day] = [atOnce, inAnHour, inADay].map((amount) => formatUnits(amount, decimals));
    return `${now} at once, ${hour} in an hour, ${day} in a day`;
  };
  return `${symbol} of ${chain}: a malicious verifier set could invent at most ${told(invented)}; take out of the vault at most ${told(taken)}`;
}

function print({ json, write }: Output, document: unknown, lines: readonly string[]): void {
  if (json) write(JSON.stringify(document, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value), 2));
  else for (const line of lines) write(line);
}
