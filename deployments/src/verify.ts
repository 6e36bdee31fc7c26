import { accessManagerAbi, collateralVaultAbi, iMessengerAbi } from '@lockstep/contracts';
import type { ChainClient } from './chain/client.js';
import { chainOf, LOCKSTEP_OPERATOR, type Desired, type DesiredRoute } from './desired/schema.js';
import { endpointAbi, ulnAbi } from './layerzero/abi.js';
import type { ChainAddresses } from './plan/addresses.js';
import { oappAbi } from './plan/oapp.js';
import { clientOf, plan, surveyOf, type KnownLive } from './plan/plan.js';
import { same, show, type PlanStep } from './plan/step.js';

/** Something that is not as it should be. */
export interface Problem {
  /**
   * `missing`: a contract is not deployed. `bytecode`: its code is not what was recorded, or not
   * this build with the desired arguments. `setting`: a value differs from the desired
   * one. `ends`: two chains disagree with each other, whatever is desired. `unsafe-route`: too few independent verifiers.
   */
  readonly kind: 'missing' | 'bytecode' | 'setting' | 'ends' | 'unsafe-route';
  readonly chain: string;
  readonly subject: string;
  readonly expected: string;
  readonly actual: string;
}

/** One line for people. */
export function describeProblem(problem: Problem): string {
  return `${problem.chain}: ${problem.subject}: expected ${problem.expected}, got ${problem.actual}`;
}

const MIN_LIVE_DVNS = 2;

/**
 * Proves that the chains are as desired and that both ends of every route agree. Reads only; an empty list means yes.
 * @param known live files, whose recorded code is compared with what is there
 * @throws Error if a chain cannot be read
 */
export async function verify(desired: Desired, clients: readonly ChainClient[], known: KnownLive = new Map()): Promise<Problem[]> {
  const { addresses, codeHashes } = await surveyOf(desired, clients, known);
  const steps = await plan(desired, clients, known);
  const problems = steps.map(problemOf);
  for (const chain of desired.chains) {
    const hashes = codeHashes.get(chain.name);
    // With arguments that name other contracts, one difference shows at every contract that depends on it.
    for (const { name, address, computed } of addressOf(addresses, chain.name).specs)
      if (!same(address, computed))
        problems.push({
          kind: 'bytecode',
          chain: chain.name,
          subject: `${name} build`,
          expected: `this build and arguments, at ${computed}`,
          actual: `another, at ${address}`,
        });
    for (const [name, contract] of Object.entries(known.get(chain.name)?.contracts ?? {})) {
      const actual = contract === undefined ? undefined : hashes?.get(contract.address);
      if (contract !== undefined && actual !== undefined && actual !== contract.bytecodeHash)
        problems.push({ kind: 'bytecode', chain: chain.name, subject: `${name} code`, expected: contract.bytecodeHash, actual });
    }
  }
  const missing = new Set(problems.filter((problem) => problem.kind === 'missing').map((problem) => problem.chain));
  const complete = desired.chains.filter((chain) => !missing.has(chain.name));
  for (const chain of complete)
    problems.push(...(await ownershipProblems(desired, clientOf(clients, chain.name), addressOf(addresses, chain.name))));
  for (const route of desired.routes)
    if (!missing.has(route.from) && !missing.has(route.to)) problems.push(...(await routeProblems(desired, clients, addresses, route)));
  return problems;
}

function problemOf(step: PlanStep): Problem {
  switch (step.kind) {
    case 'deploy':
      return {
        kind: 'missing',
        chain: step.chain,
        subject: step.contract.name,
        expected: `code at ${step.contract.address}`,
        actual: 'none',
      };
    case 'configure':
      return { kind: 'setting', chain: step.chain, subject: step.subject, expected: step.expected, actual: step.actual };
  }
}

/** Nothing is listed beyond what is desired. The AccessManager owns the OApp and is its LayerZero delegate, and is the authority of every contract. */
async function ownershipProblems(desired: Desired, client: ChainClient, { contracts }: ChainAddresses): Promise<Problem[]> {
  const { endpoint } = chainOf(desired, client.chain).layerzero;
  const { AccessManager: manager, Messenger: messenger } = contracts;
  const [owner, delegate] = await Promise.all([
    client.rpc.readContract({ address: messenger, abi: oappAbi, functionName: 'owner' }),
    client.rpc.readContract({ address: endpoint, abi: endpointAbi, functionName: 'delegates', args: [messenger] }),
  ]);
  const rows: [string, string, string][] = [
    ['Messenger owner', manager, owner],
    ['Messenger delegate at the endpoint', manager, delegate],
  ];
  const vault = { address: contracts.CollateralVault, abi: collateralVaultAbi } as const;
  const listed = await client.rpc.readContract({ ...vault, functionName: 'assetCount' });
  rows.push(['CollateralVault listed assets', String(chainOf(desired, client.chain).assets.length), String(listed)]);
  for (const [name, address] of Object.entries(contracts)) {
    if (WITHOUT_AUTHORITY.has(name)) continue;
    const authority = await client.rpc.readContract({ address, abi: authorityAbi, functionName: 'authority' });
    rows.push([`${name} authority`, manager, authority]);
    const closed = await client.rpc.readContract({
      address: manager,
      abi: accessManagerAbi,
      functionName: 'isTargetClosed',
      args: [address],
    });
    if (closed) rows.push([`${name} in the AccessManager`, 'open', 'closed']);
  }
  return rows
    .filter(([, expected, actual]) => !same(expected, actual))
    .map(([subject, expected, actual]) => ({ kind: 'setting', chain: client.chain, subject, expected, actual }));
}

/** The authority itself, and what nobody can change. */
const WITHOUT_AUTHORITY: ReadonlySet<string> = new Set(['AccessManager', 'InterestModel', 'NormalTable', 'Sheets', 'PriceTimes']);

const authorityAbi = [
  { type: 'function', name: 'authority', stateMutability: 'view', inputs: [], outputs: [{ name: '', type: 'address' }] },
] as const;

/** What the two ends of a route say about each other, read from both chains. */
async function routeProblems(
  desired: Desired,
  clients: readonly ChainClient[],
  addresses: ReadonlyMap<string, ChainAddresses>,
  route: DesiredRoute,
): Promise<Problem[]> {
  const [from, to] = [chainOf(desired, route.from), chainOf(desired, route.to)];
  const [source, destination] = [clientOf(clients, from.name).rpc, clientOf(clients, to.name).rpc];
  const [sender, receiver] = [addressOf(addresses, from.name).contracts, addressOf(addresses, to.name).contracts];
  const [sendUln, receiveUln, outgoing, incoming, outbox, inbox] = await Promise.all([
    source.readContract({
      address: from.layerzero.sendUln302,
      abi: ulnAbi,
      functionName: 'getAppUlnConfig',
      args: [sender.Messenger, to.eid],
    }),
    destination.readContract({
      address: to.layerzero.receiveUln302,
      abi: ulnAbi,
      functionName: 'getAppUlnConfig',
      args: [receiver.Messenger, from.eid],
    }),
    source.readContract({ address: sender.Messenger, abi: iMessengerAbi, functionName: 'genesis', args: [to.eid] }),
    destination.readContract({ address: receiver.Messenger, abi: iMessengerAbi, functionName: 'genesis', args: [from.eid] }),
    source.readContract({ address: sender.Messenger, abi: iMessengerAbi, functionName: 'outbox', args: [to.eid] }),
    destination.readContract({ address: receiver.Messenger, abi: iMessengerAbi, functionName: 'inbox', args: [from.eid] }),
  ]);
  const label = `route ${route.from} → ${route.to}`;
  const problems: Problem[] = [];
  const agree = (subject: string, here: unknown, there: unknown): void => {
    if (!same(here, there))
      problems.push({
        kind: 'ends',
        chain: to.name,
        subject: `${label}: ${subject}`,
        expected: `${show(here)} as on ${from.name}`,
        actual: show(there),
      });
  };
  agree('confirmations', sendUln.confirmations, receiveUln.confirmations);
  agree(
    'operators of the required DVNs',
    operatorsOf(desired, from.name, sender, sendUln.requiredDVNs),
    operatorsOf(desired, to.name, receiver, receiveUln.requiredDVNs),
  );
  agree('genesis head', outgoing[0], incoming[1]);
  // INV-LOG-1, across the two chains: nothing is consumed or verified that was not appended.
  if (inbox.consumed > inbox.verified || inbox.verified > outbox.flushed)
    problems.push({
      kind: 'ends',
      chain: to.name,
      subject: `${label}: INV-LOG-1`,
      expected: `consumed ≤ verified ≤ ${outbox.flushed} flushed`,
      actual: `consumed ${inbox.consumed}, verified ${inbox.verified}`,
    });
  if (!desired.local && receiveUln.requiredDVNs.length < MIN_LIVE_DVNS)
    problems.push({
      kind: 'unsafe-route',
      chain: to.name,
      subject: `${label}: required DVNs`,
      expected: `at least ${MIN_LIVE_DVNS} of different operators`,
      actual: String(receiveUln.requiredDVNs.length),
    });
  return problems;
}

/** Names of the operators behind DVN contracts; an unknown contract is named by its address. */
function operatorsOf(desired: Desired, chain: string, contracts: ChainAddresses['contracts'], dvns: readonly string[]): string[] {
  const known = Object.entries({ ...chainOf(desired, chain).dvns, [LOCKSTEP_OPERATOR]: contracts.LockstepDVN });
  return dvns.map((dvn) => known.find(([, address]) => same(address, dvn))?.[0] ?? dvn).sort();
}

function addressOf(addresses: ReadonlyMap<string, ChainAddresses>, chain: string): ChainAddresses {
  const found = addresses.get(chain);
  if (found === undefined) throw new Error(`no addresses of ${chain}; expected a survey of every chain`);
  return found;
}
