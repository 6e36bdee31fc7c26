/** The invariants that are evaluated against running chains and the relayer's database; names as in docs/invariants.md. */
export const INVARIANTS = [
  'INV-VAULT-1',
  'INV-LOG-1',
  'INV-LOG-2',
  'INV-LEDGER-1',
  'INV-LEDGER-2',
  'INV-LEDGER-3',
  'INV-LEDGER-4',
  'INV-CASH-1',
  'INV-POS-1',
  'INV-MARGIN-1',
  'INV-LIQ-1',
  'INV-LIQ-2',
  'INV-LIQ-3',
  'INV-RELEASE-1',
  'INV-FLOW-1',
] as const;

export type InvariantName = (typeof INVARIANTS)[number];

/** What every network has something to show for; the others speak of liquidations, which few have. */
export const USUAL: readonly InvariantName[] = INVARIANTS.filter((name) => !name.startsWith('INV-LIQ-'));

/** A single contradiction: which invariant, where, what was found and what should hold. */
export interface Violation {
  readonly invariant: InvariantName;
  readonly where: string;
  readonly found: string;
  readonly expected: string;
}

/** Outcome of one evaluation. `checked` counts the facts compared, so that an empty world cannot pass for a sound one. */
export interface InvariantReport {
  readonly violations: readonly Violation[];
  readonly checked: Readonly<Record<InvariantName, number>>;
}

/** Collects facts while checks run. */
export class Findings {
  readonly #violations: Violation[] = [];
  readonly #checked = new Map<InvariantName, number>();

  /** Counts one compared fact, and keeps it if it does not hold. */
  expect(invariant: InvariantName, holds: boolean, where: string, found: () => string, expected: string): void {
    this.#checked.set(invariant, (this.#checked.get(invariant) ?? 0) + 1);
    if (!holds) this.#violations.push({ invariant, where, found: found(), expected });
  }

  report(): InvariantReport {
    // CAST: the entries are exactly the names of INVARIANTS.
    const checked = Object.fromEntries(INVARIANTS.map((name) => [name, this.#checked.get(name) ?? 0])) as Record<InvariantName, number>;
    return { violations: [...this.#violations], checked };
  }
}

/** name → holds. An invariant for which nothing was compared does not hold. */
export function verdicts(report: InvariantReport): Record<InvariantName, boolean> {
  const holds = (name: InvariantName): boolean => report.checked[name] > 0 && !report.violations.some((v) => v.invariant === name);
  // CAST: the entries are exactly the names of INVARIANTS.
  return Object.fromEntries(INVARIANTS.map((name) => [name, holds(name)])) as Record<InvariantName, boolean>;
}

/** @throws Error listing every violation, and every invariant that nothing was compared for */
export function assertSound(report: InvariantReport, needed: readonly InvariantName[] = USUAL): void {
  const lines = [
    ...report.violations.map((v) => `${v.invariant} at ${v.where}: ${v.found}; expected ${v.expected}`),
    ...needed.filter((name) => report.checked[name] === 0).map((name) => `${name}: nothing was compared`),
  ];
  if (lines.length > 0) throw new Error(`invariants violated:\n${lines.join('\n')}`);
}
