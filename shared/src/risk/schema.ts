import { z } from 'zod/v4';
import { Parameters } from './parameters.js';
import { Portfolio } from './portfolio.js';

/** JSON schemas of the files the what-if tool reads, for editors and other programs. Made from the schemas that check them. */
export const fileSchemas = (): Readonly<Record<'portfolio' | 'parameters', object>> => ({
  portfolio: z.toJSONSchema(Portfolio, { io: 'input' }),
  parameters: z.toJSONSchema(Parameters, { io: 'input' }),
});
