/** An error as it may be logged or shown. */
export interface ErrorFields {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

const URLS = /\b(https?|wss?|postgres(ql)?):\/\/[^\s"'<>,)\]}]+/gi;

/** Name, message and stack of an error and its causes. Providers' and databases' URLs are left out: they often hold a key. */
export function errorFields(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return { name: 'unknown', message: withoutUrls(String(error)), stack: '' };
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < 5; cause = cause.cause) causes.push(firstLine(cause));
  const stack = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    name: error.name,
    message: withoutUrls([error.message, ...causes].join(' ← ')),
    stack: stack.join('\n'),
  };
}

/** First line of an error's message, without URLs. */
export function firstLine(error: unknown): string {
  return withoutUrls((error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '');
}

const withoutUrls = (text: string): string => text.replace(URLS, '[url]');
