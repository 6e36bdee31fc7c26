/**
 * Reference model of one path: what the Messengers of both ends may do to a log, reduced to what decides about effects.
 * Heads are left out (they bind a position to a history; the model works on positions); everything else is as in IMessenger.sol.
 * contracts/test/message/Enumeration.t.sol walks the same states with the real contracts.
 */

/** The rules that make a VOID safe. The enumeration shows that none of them can be missed. */
export interface Rules {
  /** a VOID is appended only while its target lies above the last flushed sequence */
  readonly voidOnlyUnflushed: boolean;
  /** deliver collects the VOIDs of its chunk before it applies anything */
  readonly collectBeforeApply: boolean;
  /** split keeps every VOID it walks over whose target is at or below the new end */
  readonly splitKeepsVoids: boolean;
  /** split walks from a verified head only, never from one that was merely appended */
  readonly splitFromVerified: boolean;
  /** deliver starts right after the consumed sequence */
  readonly deliverFromConsumed: boolean;
}

export const ALL_RULES: Rules = {
  voidOnlyUnflushed: true,
  collectBeforeApply: true,
  splitKeepsVoids: true,
  splitFromVerified: true,
  deliverFromConsumed: true,
};

/** Sets of sequences are bit masks: bit n − 1 stands for sequence n. */
export interface State {
  /** leaf n − 1: 0 for an entry, else the target of a VOID */
  readonly leaves: readonly number[];
  readonly flushed: number;
  /** checkpoints sent, neither received nor lost */
  readonly inFlight: number;
  readonly consumed: number;
  readonly verified: number;
  /** targets that splits stored */
  readonly keptVoids: number;
  readonly applied: number;
  /** applied a second time: must stay empty */
  readonly appliedTwice: number;
  readonly voided: number;
}

export const GENESIS: State = {
  leaves: [],
  flushed: 0,
  inFlight: 0,
  consumed: 0,
  verified: 0,
  keptVoids: 0,
  applied: 0,
  appliedTwice: 0,
  voided: 0,
};

export type Action =
  | { readonly kind: 'append' }
  | { readonly kind: 'void'; readonly target: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'receive'; readonly sequence: number }
  | { readonly kind: 'lose'; readonly sequence: number }
  | { readonly kind: 'split'; readonly from: number; readonly to: number }
  | { readonly kind: 'deliver'; readonly last: number };

const bit = (sequence: number): number => 1 << (sequence - 1);
const has = (mask: number, sequence: number): boolean => (mask & bit(sequence)) !== 0;

/** Everything that may happen next in a log of at most `bound` leaves. */
export function actionsOf(state: State, bound: number, rules: Rules): Action[] {
  const length = state.leaves.length;
  const actions: Action[] = [];
  if (length < bound) {
    actions.push({ kind: 'append' });
    const voidable = (target: number): boolean =>
      state.leaves[target - 1] === 0 && !state.leaves.includes(target) && (target > state.flushed || !rules.voidOnlyUnflushed);
    for (let target = 1; target <= length; target++) if (voidable(target)) actions.push({ kind: 'void', target });
  }
  if (length > state.flushed) actions.push({ kind: 'flush' });
  for (let sequence = 1; sequence <= length; sequence++) {
    if (!has(state.inFlight, sequence)) continue;
    actions.push({ kind: 'receive', sequence }, { kind: 'lose', sequence });
  }
  for (let last = state.consumed + 1; last <= length; last++) {
    const known = has(state.verified, last);
    if (known) actions.push({ kind: 'deliver', last });
    if (!known && rules.splitFromVerified) continue;
    // A split to a head that is known already changes nothing but the kept VOIDs, so it is walked too.
    for (let to = state.consumed + 1; to < last; to++) actions.push({ kind: 'split', from: last, to });
  }
  return actions;
}

export function step(state: State, action: Action, rules: Rules): State {
  switch (action.kind) {
    case 'append':
      return { ...state, leaves: [...state.leaves, 0] };
    case 'void':
      return { ...state, leaves: [...state.leaves, action.target] };
    case 'flush': {
      const sequence = state.leaves.length;
      return { ...state, flushed: sequence, inFlight: state.inFlight | bit(sequence) };
    }
    case 'lose':
      return { ...state, inFlight: state.inFlight & ~bit(action.sequence) };
    case 'receive': {
      const inFlight = state.inFlight & ~bit(action.sequence);
      return action.sequence <= state.consumed
        ? { ...state, inFlight }
        : { ...state, inFlight, verified: state.verified | bit(action.sequence) };
    }
    case 'split': {
      let keptVoids = state.keptVoids;
      if (rules.splitKeepsVoids) {
        for (const target of state.leaves.slice(action.to, action.from)) {
          if (target !== 0 && target <= action.to && target > state.consumed) keptVoids |= bit(target);
        }
      }
      return { ...state, keptVoids, verified: state.verified | bit(action.to) };
    }
    case 'deliver':
      return deliver(state, action.last, rules);
  }
}

function deliver(state: State, last: number, rules: Rules): State {
  const first = rules.deliverFromConsumed ? state.consumed + 1 : Math.max(1, state.consumed);
  let { applied, appliedTwice, voided } = state;
  let cancelled = state.keptVoids;
  const collect = (sequence: number): void => {
    const target = state.leaves[sequence - 1] ?? 0;
    if (target >= first) cancelled |= bit(target);
  };
  if (rules.collectBeforeApply) for (let sequence = first; sequence <= last; sequence++) collect(sequence);
  for (let sequence = first; sequence <= last; sequence++) {
    if (state.leaves[sequence - 1] !== 0) {
      collect(sequence);
    } else if (has(cancelled, sequence)) {
      voided |= bit(sequence);
    } else {
      if (has(applied, sequence)) appliedTwice |= bit(sequence);
      applied |= bit(sequence);
    }
  }
  return { ...state, consumed: last, applied, appliedTwice, voided };
}

/**
 * What INV-LOG-1, INV-LOG-2 and the promise of VOID mean in a state; the first one broken, or undefined.
 * A voided entry never takes effect, before or after its VOID was written.
 */
export function broken(state: State): string | undefined {
  const { leaves, consumed, verified, applied, appliedTwice, voided } = state;
  if (appliedTwice !== 0) return 'INV-LOG-2: applied twice';
  if ((applied & voided) !== 0) return 'INV-LOG-2: applied and voided';
  if (consumed > state.flushed) return 'INV-LOG-1: consumed what was never flushed';
  if (verified >>> state.flushed !== 0) return 'INV-LOG-1: verified what was never flushed';
  for (let sequence = 1; sequence <= leaves.length; sequence++) {
    const target = leaves[sequence - 1] ?? 0;
    const ended = has(applied, sequence) || has(voided, sequence);
    if (target === 0 && ended !== sequence <= consumed) return 'INV-LOG-2: consumed without an end, or ended without being consumed';
    if (target !== 0 && has(applied, target)) return 'a voided entry took effect';
    if (target !== 0 && target <= consumed && !has(voided, target)) return 'a voided entry took effect';
    if (target === 0 && has(voided, sequence) && !leaves.includes(sequence)) return 'INV-LOG-2: voided without a VOID';
  }
  return undefined;
}

/** A state in one integer's worth of text; equal keys, equal states. */
export const keyOf = (s: State): string =>
  `${s.leaves.join('')}|${s.flushed}|${s.inFlight}|${s.consumed}|${s.verified}|${s.keptVoids}|${s.applied}|${s.voided}|${s.appliedTwice}`;

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** shortest history that breaks an invariant, with its name */
  readonly counterexample?: { readonly history: readonly Action[]; readonly what: string };
}

/** Walks every reachable state, breadth first, so that a counterexample is a shortest one. Stops at the first. */
export function explore(bound: number, rules: Rules): Exploration {
  interface Node {
    readonly state: State;
    readonly action?: Action;
    readonly parent?: Node;
  }
  const seen = new Set([keyOf(GENESIS)]);
  const queue: Node[] = [{ state: GENESIS }];
  let transitions = 0;
  for (const node of queue) {
    for (const action of actionsOf(node.state, bound, rules)) {
      transitions++;
      const state = step(node.state, action, rules);
      const key = keyOf(state);
      if (seen.has(key)) continue;
      seen.add(key);
      const next: Node = { state, action, parent: node };
      const what = broken(state);
      if (what !== undefined) return { states: seen.size, transitions, counterexample: { history: historyOf(next), what } };
      queue.push(next);
    }
  }
  return { states: seen.size, transitions };

  function historyOf(node: Node): Action[] {
    const history: Action[] = [];
    for (let n: Node | undefined = node; n?.action !== undefined; n = n.parent) history.unshift(n.action);
    return history;
  }
}
