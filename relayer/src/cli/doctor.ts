import { formatEther } from 'viem';
import { DataSource } from 'typeorm';
import { Chains } from '../chain/chains.js';
import { chainProblems } from '../chain/chain-gate.js';
import type { ChainContext } from '../chain/chain-context.js';
import { firstLine } from '../chain/error-fields.js';
import { readHeaderByTag } from '../chain/rpc.js';
import { ConfigError, loadConfig } from '../config/load.js';
import { readLive } from '../config/live-network.js';
import type { Environment, RelayerConfig } from '../config/relayer-config.js';
import { dataSourceOptions } from '../database/data-source.js';
import { SenderKeys } from '../sender/keys.js';

/** One thing looked at. */
export interface Finding {
  readonly check: 'configuration' | 'database' | 'provider' | 'chain' | 'key';
  readonly subject: string;
  readonly ok: boolean;
  /** what was found, and what was expected if it is not that */
  readonly detail: string;
}

/** Looks at everything a relayer process needs before it is started. Changes nothing. */
export async function examine(environment: Environment): Promise<readonly Finding[]> {
  const loaded = load(environment);
  if ('findings' in loaded) return loaded.findings;
  const { config, chains } = loaded;
  const found = await Promise.all([
    database(config),
    ...chains.all().map((chain) => providers(chain)),
    ...chains.all().map((chain) => deployment(chain, chains)),
    ...chains.all().map((chain) => keys(chain, new SenderKeys(config))),
  ]);
  return [{ check: 'configuration', subject: config.network, ok: true, detail: `roles ${config.roles.join(', ')}` }, ...found.flat()];
}

function load(environment: Environment): { config: RelayerConfig; chains: Chains } | { findings: readonly Finding[] } {
  try {
    const config = loadConfig(environment);
    return { config, chains: new Chains(config, readLive(config.liveDir)) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return {
      findings: error.problems.map(({ key, message }) => ({
        check: 'configuration',
        subject: key || error.source,
        ok: false,
        detail: message,
      })),
    };
  }
}

async function database(config: RelayerConfig): Promise<readonly Finding[]> {
  const dataSource = new DataSource(dataSourceOptions(config.database.url.reveal(), 1));
  try {
    await dataSource.initialize();
    const pending = await dataSource.showMigrations();
    return [
      {
        check: 'database',
        subject: 'postgres',
        ok: true,
        detail: pending ? 'answers; migrations will run at start' : 'answers; migrations have run',
      },
    ];
  } catch (error) {
    return [
      { check: 'database', subject: 'postgres', ok: false, detail: `${firstLine(error)}; expected a PostgreSQL that lets this user in` },
    ];
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
  }
}

async function providers(chain: ChainContext): Promise<readonly Finding[]> {
  return Promise.all(
    chain.providers.map(async (provider, index): Promise<Finding> => {
      // The URL may hold a secret; its place in the configuration does not.
      const subject = `${chain.name}.rpcUrls.${index}`;
      const started = performance.now();
      try {
        const head = await readHeaderByTag(provider, 'latest');
        return { check: 'provider', subject, ok: true, detail: `head ${head.number} in ${Math.round(performance.now() - started)} ms` };
      } catch (error) {
        return { check: 'provider', subject, ok: false, detail: `${firstLine(error)}; expected an answer to eth_getBlockByNumber` };
      }
    }),
  );
}

async function deployment(chain: ChainContext, chains: Chains): Promise<readonly Finding[]> {
  try {
    const problems = await chainProblems(chain, chains);
    if (problems.length > 0) return problems.map(({ key, message }) => ({ check: 'chain', subject: key, ok: false, detail: message }));
    return [
      {
        check: 'chain',
        subject: chain.name,
        ok: true,
        detail: `chain id ${chain.chainId}, eid ${chain.eid}, contracts and peers as deployed`,
      },
    ];
  } catch (error) {
    return [{ check: 'chain', subject: chain.name, ok: false, detail: `${firstLine(error)}; expected a provider that answers` }];
  }
}

async function keys(chain: ChainContext, held: SenderKeys): Promise<readonly Finding[]> {
  return Promise.all(
    [...held.all()].map(async ([name, { address }]): Promise<Finding> => {
      const subject = `${chain.name}.${name}`;
      try {
        const balance = await chain.client.getBalance({ address });
        return {
          check: 'key',
          subject,
          ok: balance > 0n,
          detail: `${address} holds ${formatEther(balance)}${balance > 0n ? '' : '; expected native coin for gas'}`,
        };
      } catch (error) {
        return { check: 'key', subject, ok: false, detail: firstLine(error) };
      }
    }),
  );
}
