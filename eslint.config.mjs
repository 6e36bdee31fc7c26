import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';
import { castNeedsReason } from './scripts/lint/cast-needs-reason.mjs';

/** Imports point left only: shared ← contracts ← deployments ← relayer ← test. */
const layers = ['shared', 'contracts', 'deployments', 'relayer', 'test'];
const depConstraints = layers.map((layer, position) => ({
  sourceTag: `layer:${layer}`,
  onlyDependOnLibsWithTags: layers.slice(0, position + 1).map((name) => `layer:${name}`),
}));

const nodeGlobals = Object.fromEntries(
  ['process', 'console', 'Buffer', 'URL', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'fetch'].map(
    (name) => [name, 'readonly'],
  ),
);

/** `shared` decides and encodes; whoever calls it brings the clock, the randomness and the network. */
const impure = {
  globals: ['process', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'performance', 'crypto', 'XMLHttpRequest', 'WebSocket'],
  properties: [
    ['Date', 'now'],
    ['Math', 'random'],
  ],
};

export default tseslint.config(
  {
    ignores: ['**/dist/', '**/node_modules/', '**/artifacts/', '**/cache/', '**/generated/', '**/coverage/', '.nx/', '.run/', '**/.run/'],
  },
  // No rule is switched off in a file: an exception is a rule here, with its reason.
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  { files: ['**/*.mjs'], languageOptions: { globals: nodeGlobals } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx, lockstep: { rules: { 'cast-needs-reason': castNeedsReason } } },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { allow: ['../../../scripts/lib/snapshot-file.mjs'], depConstraints, banTransitiveDependencies: false },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // A branded bigint is a bigint; the rule does not see through the brand.
      '@typescript-eslint/no-unsafe-unary-minus': 'off',
      // Promise.all takes what is already there together with what is still coming.
      '@typescript-eslint/await-thenable': 'off',
      // An implementation of an asynchronous interface need not await anything.
      '@typescript-eslint/require-await': 'off',
      // Nest's modules are classes whose decorator is their content.
      '@typescript-eslint/no-extraneous-class': 'off',
      'lockstep/cast-needs-reason': 'error',
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: ['**/*.spec.ts', '**/test/**/*.ts'],
    ignores: ['test/src/**/!(*.spec).ts'],
    rules: {
      // A spec may say that a value is there: when it is not, the test fails, which is what it is for.
      '@typescript-eslint/no-non-null-assertion': 'off',
      'lockstep/cast-needs-reason': 'off',
      // Bodies of HTTP answers are compared as they come.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  {
    files: ['shared/src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-globals': ['error', ...impure.globals.map((name) => ({ name, message: 'shared is pure: take it as an argument.' }))],
      'no-restricted-properties': [
        'error',
        ...impure.properties.map(([object, property]) => ({ object, property, message: 'shared is pure: take it as an argument.' })),
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'shared has no clock.' },
      ],
      'no-restricted-imports': ['error', { patterns: [{ group: ['node:*'], message: 'shared has no I/O.' }] }],
    },
  },
  prettier,
);
