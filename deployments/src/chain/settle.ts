/** Waits for all, whatever happens to some: nothing goes on in the background after an error. @throws like `throwAll` */
export async function settleAll<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  throwAll(settled.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : [])));
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** @throws the one error, or an AggregateError that names each */
export function throwAll(errors: readonly unknown[]): void {
  if (errors.length === 0) return;
  if (errors.length === 1) throw errors[0];
  throw new AggregateError(errors, errors.map((error) => (error instanceof Error ? error.message : String(error))).join('; '));
}
