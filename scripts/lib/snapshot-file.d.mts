export function snapshotFile(file: string, actual: unknown): { expected: unknown; actual: unknown };
