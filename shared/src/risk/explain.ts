import { z } from 'zod/v4';
import { quoted } from './decimal.js';

/** Sentences about a file that does not fit its schema: where, what was wrong, what was expected. */

/** `underlyings[0].expiries[1].forward`. */
const place = (path: readonly PropertyKey[]): string =>
  path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('');

/** What zod's own sentences leave out: the value that was there, and the names that would have been known. */
function sentence(issue: z.core.$ZodRawIssue): string | undefined {
  const found = issue.input === undefined ? 'is missing' : `is ${quoted(issue.input)}`;
  switch (issue.code) {
    case 'invalid_type':
      return `${found}; expected ${issue.expected === 'record' ? 'object' : issue.expected}`;
    case 'invalid_value':
      return `${found}; expected ${issue.values.map(quoted).join(' or ')}`;
    case 'unrecognized_keys':
      return `has ${issue.keys.map(quoted).join(', ')}; expected only ${issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape).join(', ') : 'known names'}`;
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string' ? `${found}; expected at least ${issue.minimum} of it` : undefined;
    case 'too_big':
      return issue.origin === 'array' || issue.origin === 'string' ? `has too many entries; expected at most ${issue.maximum}` : undefined;
    default:
      return undefined;
  }
}

export type Checked<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'refused'; readonly problems: readonly string[] };

/**
 * Checks `input` against a schema.
 * @param file how the problems call the input
 */
export function check<T extends z.ZodType>(file: string, schema: T, input: unknown): Checked<z.output<T>> {
  const result = schema.safeParse(input, { error: sentence });
  if (result.success) return { kind: 'value', value: result.data };
  return {
    kind: 'refused',
    problems: result.error.issues.map(({ path, message }) => `${file}${path.length === 0 ? '' : ` at ${place(path)}`}: ${message}`),
  };
}
