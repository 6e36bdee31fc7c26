import { accessManagerAbi } from '@lockstep/contracts';
import { encodeFunctionData, getAbiItem, type Address } from 'viem';
import { logsSince } from '../chain/logs.js';
import { ROLE_ID, functionRoles, type Role } from './function-roles.js';
import type { ChainPlan } from './chain-plan.js';

const ROLE_NAMES: readonly Role[] = ['admin', 'governor', 'guardian', 'operator', 'markets', 'ledger'];

/** Roles the guardian may cancel scheduled operations of. The admin's cannot have a guardian in OpenZeppelin's AccessManager. */
const GUARDED: readonly Role[] = ['governor', 'operator'];

/**
 * Who may call what, and how late. Comes last in a plan: until then everything belongs to the admin, so a set-up needs no delays.
 * @param sinceBlock first block that can hold a grant of this AccessManager
 */
export async function planAccess(plan: ChainPlan, sinceBlock: bigint): Promise<void> {
  const { rpc } = plan.client;
  const manager = plan.own.contracts.AccessManager;
  const contract = { address: manager, abi: accessManagerAbi } as const;

  const roles = functionRoles(plan.own, plan.chain.layerzero.endpoint);
  const held = await Promise.all(
    roles.map(({ target, functions }) =>
      Promise.all(
        functions.map(({ selector }) =>
          plan.read(manager, () => rpc.readContract({ ...contract, functionName: 'getTargetFunctionRole', args: [target, selector] })),
        ),
      ),
    ),
  );
  for (const [i, { target, label, role, functions }] of roles.entries()) {
    const current = held[i] ?? [];
    const wrong = functions.filter((_, at) => current[at] !== ROLE_ID[role]);
    if (wrong.length === 0) continue;
    plan.want(`role of ${label}.${wrong.map((f) => f.name).join(', ')}`, role, roleNames(current), manager, () =>
      encodeFunctionData({
        abi: accessManagerAbi,
        functionName: 'setTargetFunctionRole',
        args: [target, wrong.map((f) => f.selector), ROLE_ID[role]],
      }),
    );
  }
  for (const role of GUARDED) {
    const guardian = await plan.read(manager, () =>
      rpc.readContract({ ...contract, functionName: 'getRoleGuardian', args: [ROLE_ID[role]] }),
    );
    plan.want(`guardian of ${role}`, ROLE_ID.guardian, guardian, manager, () =>
      encodeFunctionData({ abi: accessManagerAbi, functionName: 'setRoleGuardian', args: [ROLE_ID[role], ROLE_ID.guardian] }),
    );
  }
  // The admin's members come last: taking the deployer's role away ends the set-up.
  for (const role of [...ROLE_NAMES].reverse()) await planMembers(plan, role, sinceBlock);
}

async function planMembers(plan: ChainPlan, role: Role, sinceBlock: bigint): Promise<void> {
  const { rpc } = plan.client;
  const manager = plan.own.contracts.AccessManager;
  const contract = { address: manager, abi: accessManagerAbi } as const;
  const wanted = membersOf(plan, role);
  for (const { address, delaySeconds } of wanted) {
    const access = await plan.read(manager, () =>
      rpc.readContract({ ...contract, functionName: 'hasRole', args: [ROLE_ID[role], address] }),
    );
    // Before the deployment the deployer is the only admin there will be.
    const initial = role === 'admin' && access === undefined && same(address, plan.desired.access.deployer) ? [true, 0] : undefined;
    plan.want(`${role} ${address}`, [true, delaySeconds], access ?? initial, manager, () =>
      encodeFunctionData({ abi: accessManagerAbi, functionName: 'grantRole', args: [ROLE_ID[role], address, delaySeconds] }),
    );
  }
  const known = await membersEver(plan, role, sinceBlock);
  for (const address of known.filter((candidate) => !wanted.some((member) => same(member.address, candidate)))) {
    const [member] = (await plan.read(manager, () =>
      rpc.readContract({ ...contract, functionName: 'hasRole', args: [ROLE_ID[role], address] }),
    )) ?? [true];
    plan.want(`${role} ${address}`, 'no member', member ? 'member' : 'no member', manager, () =>
      encodeFunctionData({ abi: accessManagerAbi, functionName: 'revokeRole', args: [ROLE_ID[role], address] }),
    );
  }
}

/** Who is to have the role. */
function membersOf({ desired, own }: ChainPlan, role: Role): readonly { readonly address: Address; readonly delaySeconds: number }[] {
  if (role !== 'markets' && role !== 'ledger') return desired.access[role].members;
  const { Markets, Ledger } = own.contracts;
  const address = role === 'markets' ? Markets : Ledger;
  return address === undefined ? [] : [{ address, delaySeconds: 0 }];
}

/** Every account that was ever granted the role: only events can tell. */
async function membersEver(plan: ChainPlan, role: Role, sinceBlock: bigint): Promise<Address[]> {
  const manager = plan.own.contracts.AccessManager;
  const logs = await plan.read(manager, () =>
    logsSince(
      plan.client.rpc,
      { address: manager, event: getAbiItem({ abi: accessManagerAbi, name: 'RoleGranted' }), args: { roleId: ROLE_ID[role] } },
      sinceBlock,
    ),
  );
  if (logs === undefined) return role === 'admin' ? [plan.desired.access.deployer] : [];
  return [...new Set(logs.map((log) => log.args.account))];
}

const same = (a: Address, b: Address): boolean => a.toLowerCase() === b.toLowerCase();

function roleNames(ids: readonly (bigint | undefined)[]): string {
  const names = ids.map((id) => ROLE_NAMES.find((name) => ROLE_ID[name] === id) ?? (id === undefined ? 'absent' : `role ${id}`));
  return [...new Set(names)].join(', ');
}
