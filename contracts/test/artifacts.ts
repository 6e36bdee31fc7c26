import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod/v4';

const contractsRoot = path.join(import.meta.dirname, '..');
export const sources = path.join(contractsRoot, 'src');
const artifacts = path.join(contractsRoot, 'artifacts');

const Artifact = z.object({
  contractName: z.string(),
  sourceName: z.string(),
  inputSourceName: z.string(),
  buildInfoId: z.string(),
  abi: z.array(z.object({ type: z.string() })),
  bytecode: z.templateLiteral(['0x', z.string()]),
  deployedBytecode: z.templateLiteral(['0x', z.string()]),
});
type Artifact = z.infer<typeof Artifact>;

const StorageLayout = z.object({
  storage: z.array(z.object({ label: z.string(), offset: z.number(), slot: z.string(), type: z.string() })),
  types: z
    .record(
      z.string(),
      z.object({
        label: z.string(),
        members: z.array(z.object({ label: z.string(), offset: z.number(), slot: z.string(), type: z.string() })).optional(),
      }),
    )
    .nullable(),
});
export type StorageLayout = z.infer<typeof StorageLayout>;

/** Every file under a folder, with the given ending. */
export function filesUnder(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => path.join(folder, name))
    .sort();
}

/** Contracts of `src/` that can be deployed: what has creation code, without the token for local chains. */
export function deployables(): Artifact[] {
  return filesUnder(path.join(artifacts, 'src'), '.json')
    .map((file) => Artifact.parse(JSON.parse(readFileSync(file, 'utf8'))))
    .filter(({ bytecode, sourceName }) => bytecode !== '0x' && !sourceName.startsWith('src/local/'))
    .filter(({ abi }) => abi.some(({ type }) => type === 'function')); // not what is only ever inlined
}

/** The compiler's storage layout of a contract, from the build that made its artifact. */
export function storageLayoutOf({ buildInfoId, inputSourceName, contractName }: Artifact): StorageLayout {
  const BuildInfo = z.object({
    output: z.object({
      contracts: z.record(z.string(), z.record(z.string(), z.object({ storageLayout: StorageLayout.optional() }))),
    }),
  });
  const file = path.join(artifacts, 'build-info', `${buildInfoId}.output.json`);
  const layout = BuildInfo.parse(JSON.parse(readFileSync(file, 'utf8'))).output.contracts[inputSourceName]?.[contractName]?.storageLayout;
  if (!layout) throw new Error(`${file} has no storage layout of ${inputSourceName}:${contractName}; expected one for every contract`);
  return layout;
}
