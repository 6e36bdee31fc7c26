/**
 * Turns the compiler's artifacts into `ts/generated/`: one `as const` ABI per contract, for viem's types, and the creation and
 * runtime bytecode of everything that is deployed. Generated at build time; never committed.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const camel = (name) => (/^[A-Z]+$/.test(name) ? name.toLowerCase() : name.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]/, (m) => m.toLowerCase()));

/** Contracts outside src/ that are deployed or called as they are. */
const EXTRA = ['@openzeppelin/contracts/access/manager/AccessManager.sol/AccessManager.json'];

function* artifactsIn(dir) {
  for (const item of readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, item.name);
    if (item.isDirectory()) yield* artifactsIn(full);
    else if (item.name.endsWith('.json') && !item.name.endsWith('.dbg.json')) yield full;
  }
}

const contracts = new Map();
const files = [...artifactsIn(path.join(root, 'artifacts/src')), ...EXTRA.map((e) => path.join(root, 'artifacts', e))];
for (const file of files) {
  const { contractName, abi, bytecode, deployedBytecode } = JSON.parse(readFileSync(file, 'utf8'));
  if (abi.length > 0) contracts.set(contractName, { abi, bytecode, deployedBytecode });
}

const out = path.join(root, 'ts/generated');
mkdirSync(out, { recursive: true });
const sorted = [...contracts].sort(([a], [b]) => a.localeCompare(b));
writeFileSync(
  path.join(out, 'abi.ts'),
  sorted.map(([name, { abi }]) => `export const ${camel(name)}Abi = ${JSON.stringify(abi)} as const;\n`).join('\n'),
);
const deployable = sorted.filter(([, { bytecode }]) => bytecode !== '0x');
/** Named types: the compiler refuses to infer a type as long as all bytecode together. */
const types = [
  `export type ContractName = ${deployable.map(([name]) => `'${name}'`).join(' | ')};`,
  'export interface Bytecode {\n  readonly creation: `0x${string}`;\n  readonly runtime: `0x${string}`;\n}',
].join('\n\n');
const bytecode = Object.fromEntries(
  deployable.map(([name, { bytecode: creation, deployedBytecode: runtime }]) => [name, { creation, runtime }]),
);
writeFileSync(
  path.join(out, 'bytecode.ts'),
  `${types}\n\nexport const bytecode: Readonly<Record<ContractName, Bytecode>> = ${JSON.stringify(bytecode, null, 1)};\n`,
);
console.log(`exported ${sorted.length} ABIs, ${deployable.length} bytecodes`);
