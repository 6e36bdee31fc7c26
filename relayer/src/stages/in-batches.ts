/** Questions under way at a time: requests of one turn travel together. */
const BATCH = 100;

/** The answer to each, in their order; the first failure is thrown. */
export async function inBatches<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  for (let i = 0; i < items.length; i += BATCH) answers.push(...(await Promise.all(items.slice(i, i + BATCH).map(ask))));
  return answers;
}
