import { describe, expect, it } from '@jest/globals';
import { HttpRequestError } from 'viem';
import { errorFields, firstLine } from '../../src/chain/error-fields.js';

describe('given an error that quotes a URL with a key in it', () => {
  const error = new Error('cannot connect to postgres://app:canary@db:5432/relayer', {
    cause: new HttpRequestError({ url: 'https://rpc.example/v2/canary', details: 'fetch failed' }),
  });

  it('shows name, message and causes, but no URL', () => {
    const shown = JSON.stringify([errorFields(error), errorFields(error.cause), firstLine(error)]);
    expect(shown).toContain('HTTP request failed');
    expect(shown).toContain('[url]');
    expect(shown).not.toContain('canary');
  });

  it('keeps where it came from', () => {
    expect(errorFields(error).stack).toContain('error-fields.spec');
  });
});
