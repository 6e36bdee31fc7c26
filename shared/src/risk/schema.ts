import { z } from 'zod/v4';
import { Parameters } from './parameters.js';
import { Portfolio } from './portfolio.js';
import { PriceHistory } from './var/history.js';

/** JSON schemas of the files the what-if tool reads, for editors and other programs. Made from the schemas that check them. */
export const fileSchemas = (): Readonly<Record<'portfolio' | 'parameters' | 'history', object>> => ({
  portfolio: z.toJSONSchema(Portfolio, { io: 'input' }),
  history: z.toJSONSchema(PriceHistory, { io: 'input' }),
  parameters: z.toJSONSchema(Parameters, { io: 'input' }),
});
