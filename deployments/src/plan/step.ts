import type { Address, Hex } from 'viem';
import type { ContractSpec } from './addresses.js';

/** A contract that is not there yet. */
export interface DeployStep {
  readonly kind: 'deploy';
  readonly chain: string;
  readonly contract: ContractSpec;
}

/** A setting that differs. `data` is a call of the chain's AccessManager on `target`, or on itself. */
export interface ConfigureStep {
  readonly kind: 'configure';
  readonly chain: string;
  /** What is set, e.g. `Messenger.setPeer(40001)`. */
  readonly subject: string;
  readonly target: Address;
  readonly data: Hex;
  readonly expected: string;
  readonly actual: string;
}

export type PlanStep = DeployStep | ConfigureStep;

/** One line for people. */
export function describeStep(step: PlanStep): string {
  switch (step.kind) {
    case 'deploy':
      return `${step.chain}: deploy ${step.contract.name} at ${step.contract.address}`;
    case 'configure':
      return `${step.chain}: ${step.subject}: ${step.actual} → ${step.expected}`;
  }
}

/** Values of any shape as one short, stable text. */
export function show(value: unknown): string {
  if (value === undefined) return 'absent';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return value;
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner)) ?? 'absent';
}

/** Equality of what chains return: addresses without case, integers by value. */
export function same(a: unknown, b: unknown): boolean {
  return show(a).toLowerCase() === show(b).toLowerCase();
}
