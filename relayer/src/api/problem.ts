import {
  ArgumentsHost,
  Catch,
  HttpException,
  HttpStatus,
  Injectable,
  Logger,
  type ExceptionFilter,
  type PipeTransform,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod/v4';

/** What was wrong with one parameter, and what would have been right. */
export interface ParameterProblem {
  readonly parameter: string;
  readonly value: string;
  readonly expected: string;
}

/** An error answer (RFC 9457, application/problem+json). */
export class ProblemException extends HttpException {
  constructor(
    status: HttpStatus,
    readonly title: string,
    readonly detail: string,
    readonly parameters: readonly ParameterProblem[] = [],
  ) {
    super(detail, status);
  }
}

export const badParameters = (parameters: readonly ParameterProblem[]): ProblemException =>
  new ProblemException(
    HttpStatus.BAD_REQUEST,
    'A parameter is not valid',
    parameters.map((p) => `${p.parameter} is ${p.value}; expected ${p.expected}`).join('; '),
    parameters,
  );

export const notFound = (detail: string): ProblemException => new ProblemException(HttpStatus.NOT_FOUND, 'Not found', detail);

/** Longest value that is repeated in an error. */
const SHOWN = 120;

/** Checks the parameters of a request against one schema; every message of the schema says what was expected. */
@Injectable()
export class ZodPipe<S extends z.ZodType> implements PipeTransform<unknown, z.output<S>> {
  constructor(private readonly schema: S) {}

  transform(value: unknown): z.output<S> {
    const parsed = this.schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw badParameters(
      parsed.error.issues.map((issue) => ({
        parameter: issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : issue.path.map(String).join('.'),
        value: shown(at(value, issue.path)),
        expected: issue.code === 'unrecognized_keys' ? 'no such parameter' : issue.message,
      })),
    );
  }
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((v, key) => (typeof v === 'object' && v !== null ? Reflect.get(v, key) : undefined), value);
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `"${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}"`;
}

/** Turns every error into problem details; what is not meant for the caller stays in the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger(ProblemFilter.name);

  constructor(private readonly adapters: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const { httpAdapter } = this.adapters;
    const response: unknown = host.switchToHttp().getResponse();
    const body = this.#bodyOf(error);
    httpAdapter.setHeader(response, 'Content-Type', 'application/problem+json');
    httpAdapter.reply(response, JSON.stringify(body), body.status);
  }

  #bodyOf(error: unknown): { type: string; title: string; status: number; detail: string; parameters?: readonly ParameterProblem[] } {
    if (error instanceof ProblemException)
      return {
        type: 'about:blank',
        title: error.title,
        status: error.getStatus(),
        detail: error.detail,
        ...(error.parameters.length > 0 ? { parameters: error.parameters } : {}),
      };
    if (error instanceof HttpException) return { type: 'about:blank', title: error.name, status: error.getStatus(), detail: error.message };
    this.#logger.error({ event: 'api.failed', err: error });
    return {
      type: 'about:blank',
      title: 'Internal error',
      status: HttpStatus.INTERNAL_SERVER_ERROR,
      detail: 'The request failed; the log says why.',
    };
  }
}
