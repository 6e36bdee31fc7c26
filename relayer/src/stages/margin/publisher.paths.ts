import { readFileSync, statSync } from 'node:fs';
import { risk } from '@lockstep/shared';
import { ConfigError } from '../../config/load.js';
import type { RelayerConfig } from '../../config/relayer-config.js';

type Underlying = NonNullable<RelayerConfig['publisher']>['underlyings'][number];

const RECORDED_SECONDS = 86_400;

/**
 * The underlyings to publish, with their paths.
 * @throws ConfigError if a file of prices cannot be read or holds none
 */
export const publishedUnderlyings = (underlyings: readonly Underlying[]): risk.PublishedUnderlying[] =>
  underlyings.map(({ path, ...rest }, index) => ({ ...rest, path: pathOf(path, `publisher.underlyings.${index}.path`) }));

/** Which editions of the files the paths are read from: another text once any of them was written again. @throws if one is missing */
export const editionOf = (underlyings: readonly Underlying[]): string =>
  underlyings.map(({ path }) => (path.kind === 'recorded' ? statSync(path.file, { bigint: true }).mtimeNs : '')).join();

function pathOf(path: Underlying['path'], key: string): risk.PricePath {
  switch (path.kind) {
    case 'simulated':
      return risk.simulatedPath(path.seed, path.start, path.volatility, path.steps, path.stepSeconds);
    case 'recorded':
      return { prices: recordedPrices(path.file, path.column, key), stepSeconds: path.stepSeconds, recordedSeconds: RECORDED_SECONDS };
  }
}

function recordedPrices(file: string, column: string, key: string): number[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [
      { key: `${key}.file`, message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` },
    ]);
  }
  const prices = risk.csvRows(text).map((row) => Number(row[column]));
  const wrong = prices.findIndex((price) => !(price > 0 && Number.isFinite(price)));
  if (prices.length < 2 || wrong >= 0)
    throw new ConfigError(file, [
      {
        key: `${key}.column`,
        message: `"${column}" has ${prices.length} prices, ${wrong < 0 ? 'too few' : `row ${wrong + 1} is none`}; expected at least 2, all above 0`,
      },
    ]);
  return prices;
}
