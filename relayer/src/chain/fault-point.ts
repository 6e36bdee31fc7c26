/** Called with a name at the places where a crash would matter most. Tests inject a throwing one. */
export type FaultPoint = (name: string) => void;

/** Token of the {@link FaultPoint}. */
export const FAULT_POINT = Symbol('FAULT_POINT');

const reached = new Map<string, number>();

/**
 * Ends this process with SIGKILL when `LOCKSTEP_FAULT_POINT` is `name`, or the n-th time when it is `name:n`. Crash tests use it to die
 * exactly between two steps; without the variable it does nothing.
 */
export const faultPoint: FaultPoint = (name) => {
  const wanted = process.env['LOCKSTEP_FAULT_POINT'];
  if (!wanted) return;
  const count = (reached.get(name) ?? 0) + 1;
  reached.set(name, count);
  const [point, nth = '1'] = wanted.split(':');
  if (point === name && count === Number(nth)) process.kill(process.pid, 'SIGKILL');
};
