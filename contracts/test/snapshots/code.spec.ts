import path from 'node:path';
import { snapshotFile } from '../../../scripts/lib/snapshot-file.mjs';
import { deployables, storageLayoutOf, type StorageLayout } from '../artifacts.js';

const committed = (name: string): string => path.join(import.meta.dirname, '../../snapshots', name);

/** EIP-170. */
const LARGEST_RUNTIME_CODE = 24_576;

const sizes = Object.fromEntries(
  deployables().map(({ contractName, deployedBytecode }) => [contractName, (deployedBytecode.length - 2) / 2]),
);

type Slot = StorageLayout['storage'][number];

/** `slot+offset label: type`, one line per variable; structs that are stored are listed once, with their members. */
function describeLayout({ storage, types }: StorageLayout): { variables: string[]; structs: Record<string, string[]> } {
  const labelOf = (type: string): string => types?.[type]?.label ?? type;
  const line = ({ slot, offset, label, type }: Slot): string => `${slot}+${offset} ${label}: ${labelOf(type)}`;
  const structs = Object.values(types ?? {}).flatMap(({ label, members }) => (members ? [[label, members.map(line)] as const] : []));
  return { variables: storage.map(line), structs: Object.fromEntries(structs.sort(([a], [b]) => a.localeCompare(b))) };
}

describe('given the compiled contracts', () => {
  it('when measured, their runtime code has the committed sizes', () => {
    const { expected, actual } = snapshotFile(committed('sizes.json'), sizes);
    expect(actual).toEqual(expected);
  });

  it.each(Object.entries(sizes))('when %s is deployed, its %d bytes fit a chain', (_name, size) => {
    expect(size).toBeLessThan(LARGEST_RUNTIME_CODE);
  });

  it('when their storage is laid out, every variable has its committed slot', () => {
    const layouts = Object.fromEntries(deployables().map((artifact) => [artifact.contractName, describeLayout(storageLayoutOf(artifact))]));
    const { expected, actual } = snapshotFile(committed('storage.json'), layouts);
    expect(actual).toEqual(expected);
  });
});
