import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { iFundAbi, iLedgerAbi } from '@lockstep/contracts';
import { UNDERLYINGS } from '../harness/markets.js';
import type { Deposit } from '../harness/user.js';
import type { World } from '../harness/world.js';
import { picture, type PictureChain } from './picture.js';
import type { Told } from './story.js';
import { short, table, units } from './text.js';

/** What the hub holds for the account, one line per (chain, token). */
interface Holding {
  readonly chain: string;
  readonly symbol: string;
  readonly amount: string;
  readonly counts: 'cash' | 'margin collateral' | 'idle';
}

async function holdings(world: World, account: Deposit['account']): Promise<Holding[]> {
  const { hub, chains } = world.stack;
  const ledger = { address: hub.ledger, abi: iLedgerAbi } as const;
  const cash = await hub.client.readContract({ ...ledger, functionName: 'cashOf', args: [account] });
  const lines: Holding[] = cash === 0n ? [] : [{ chain: 'all chains', symbol: 'USDC', amount: units(cash, 18), counts: 'cash' }];
  for (const chain of chains)
    for (const { index, symbol, decimals } of chain.assets) {
      const assetId = await hub.client.readContract({ ...ledger, functionName: 'assetIdOf', args: [chain.eid, index] });
      if (assetId === 0) continue;
      const [collateral, idle] = await hub.client.readContract({ ...ledger, functionName: 'balanceOf', args: [account, assetId] });
      if (collateral > 0n) lines.push({ chain: chain.name, symbol, amount: units(collateral, decimals), counts: 'margin collateral' });
      if (idle > 0n) lines.push({ chain: chain.name, symbol, amount: units(idle, decimals), counts: 'idle' });
    }
  return lines;
}

/** What the insurance fund has, and what losses of each market may take of it. */
async function fundLine(world: World): Promise<string> {
  const { client, fund } = world.stack.hub;
  const contract = { address: fund, abi: iFundAbi } as const;
  const cash = await client.readContract({ ...contract, functionName: 'assets' });
  const tranches = await Promise.all(
    Object.entries(UNDERLYINGS).map(async ([symbol, number]) => {
      const share = await client.readContract({ ...contract, functionName: 'trancheOf', args: [number] });
      return `of ${symbol} ${share === 0n ? 'all' : `${units(share * 100n, 18)}%`}`;
    }),
  );
  return `insurance fund: ${short(units(cash, 18))} USDC, of which losses may take: ${tranches.join(', ')}`;
}

async function chainRows(world: World, { deposits, withdrawals }: Told): Promise<PictureChain[]> {
  return Promise.all(
    world.stack.chains.map(async (chain) => {
      const own = deposits.filter((d) => d.chain === chain);
      const perAsset = chain.assets.map(({ symbol, decimals }) => {
        const of = own.filter((d) => d.asset.symbol === symbol);
        return { symbol, decimals, count: of.length, sum: of.reduce((sum, d) => sum + d.amount, 0n) };
      });
      const perPayout = chain.assets.map(({ index, symbol, decimals }) => {
        const of = withdrawals.filter((w) => w.chain.eid === chain.eid && w.asset === index);
        return { symbol, decimals, count: of.length, sum: of.reduce((sum, w) => sum + w.units, 0n) };
      });
      const { hub } = world.stack;
      const { appended } = await world.flow.position(chain);
      const orders = chain.eid === hub.eid ? 0n : (await world.flow.position(hub, chain)).appended;
      return {
        name: chain.name,
        role: chain.eid === world.stack.hub.eid ? 'hub, has a vault too' : 'spoke',
        deposits: perAsset.filter((a) => a.count > 0),
        payouts: perPayout.filter((a) => a.count > 0),
        entries: Number(appended + orders),
        packets: (await world.flow.packets(chain)) + (await world.flow.packets(hub, chain)),
      };
    }),
  );
}

/** What the picture says of the trades. */
const tradeLines = ({ trades, profit, claim }: Told['trading']): string[] => [
  ...trades.map(({ side, size, what, price }) => `${side === 'buy' ? 'bought' : 'sold'} ${size} ${what}, at ${price}`),
  `profit ${short(units(profit, 18))}, paid by claim ${claim.claim}`,
];

/** What the picture says of the liquidation. */
const liquidationLines = ({ records, lines }: Told['liquidation']): string[] => [
  ...records.map(({ account, touched }) => `${account.slice(0, 12)}…, collateral on ${new Set(touched.map(({ eid }) => eid)).size} chains`),
  ...lines,
  ...records.flatMap(({ payouts }) =>
    payouts.map(({ claim, chain, units: amount, asset }) => {
      const decimals = chain.assets.find(({ index }) => index === asset)?.decimals ?? 18;
      return `its bidder was paid ${short(units(amount, decimals))} on ${chain.name}, by claim ${claim}`;
    }),
  ),
];

/** The closing tables, as text, and the picture, as a file. @returns the text and the picture's path */
export async function closing(world: World, told: Told, folder: string): Promise<{ readonly text: string; readonly picture: string }> {
  const [held, rows, fund] = await Promise.all([holdings(world, told.user.account()), chainRows(world, told), fundLine(world)]);
  const chains = table(
    [
      { title: 'chain' },
      { title: 'deposits', numeric: true },
      { title: 'LayerZero packets', numeric: true },
      { title: 'taken in by its vault' },
      { title: 'paid out by it' },
    ],
    rows.map((r) => [
      r.name,
      String(r.deposits.reduce((n, d) => n + d.count, 0)),
      String(r.packets),
      r.deposits.map((d) => `${units(d.sum, d.decimals)} ${d.symbol}`).join(', '),
      r.payouts.map((p) => `${units(p.sum, p.decimals)} ${p.symbol}`).join(', '),
    ]),
  );
  const account = table(
    [{ title: 'from' }, { title: 'amount', numeric: true }, { title: 'token' }, { title: 'counts as' }],
    held.map((h) => [h.chain, h.amount, h.symbol, h.counts]),
  );
  const trades = table(
    [
      { title: 'trade' },
      { title: 'side' },
      { title: 'size', numeric: true },
      { title: 'price', numeric: true },
      { title: 'fee', numeric: true },
    ],
    told.trading.trades.map((t) => [t.what, t.side, t.size, t.price, t.fee]),
  );
  const { invariants } = told.result;
  const verdict = Object.entries(invariants).map(([name, holds]) => `${holds ? '✓' : '✗'} ${name}`);
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'flow.svg');
  const lines = held.map(
    (h) => `${short(h.amount)} ${h.symbol}, ${h.counts === 'cash' ? 'cash' : `${h.counts === 'idle' ? 'idle' : 'margin'} on ${h.chain}`}`,
  );
  writeFileSync(
    file,
    picture(rows, {
      account: told.user.account(),
      holdings: [...lines, ...told.trading.positions],
      trades: tradeLines(told.trading),
      liquidation: liquidationLines(told.liquidation),
    }),
  );
  return {
    text: [
      chains,
      '',
      `account ${told.user.account()}`,
      account,
      ...told.trading.positions,
      '',
      trades,
      '',
      ...liquidationLines(told.liquidation).map((line, i) => `${i === 0 ? 'liquidated: ' : '  '}${line}`),
      fund,
      '',
      verdict.join('   '),
    ].join('\n'),
    picture: file,
  };
}
