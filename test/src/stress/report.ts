import { LOCAL_LIQUIDATION } from '@lockstep/deployments';
import { ofAll, ofModes } from './figures.js';
import { MODES } from './population.js';
import type { Replay } from './replay.js';
import { ACCOUNTS, BIDDERS, FUND, SCENARIOS, SMALL_FUND, type EpisodeResult } from './scenarios.js';

/** Everything of a run of the command, as `--json` prints it. Money in cash. */
export interface StressReport {
  readonly seed: number;
  readonly accounts: number;
  readonly episodes: readonly EpisodeResult[];
}

/** 1,234,567 as "1.23M". */
export function money(value: number): string {
  const size = Math.abs(value);
  if (size < 0.5) return '0';
  if (size < 1_000) return value.toFixed(0);
  if (size < 1_000_000) return `${(value / 1_000).toFixed(size < 100_000 ? 1 : 0)}k`;
  return `${(value / 1_000_000).toFixed(size < 100_000_000 ? 2 : 0)}M`;
}
export const percent = (share: number): string => `${(100 * share).toFixed(Math.abs(share) < 0.1 ? 1 : 0)}%`;

/** The parts of bad debt, of a replay. */
const levied = ({ losses }: Replay): number => losses.levy - losses.levyToFund;
const open = ({ losses }: Replay): number => losses.owed + losses.open;

const SUMMARY = [
  'run',
  'liquidated: isolated',
  'cross',
  'portfolio',
  'fund use',
  'bad debt',
  'of it: levy',
  'fund later',
  'spread',
  'open',
  'worst health: isolated',
  'cross',
  'portfolio',
] as const;

/** One line per replay. */
export function summaryRow(replay: Replay): string[] {
  const { byMode, losses } = replay;
  return [
    replay.scenario.name,
    ...MODES.map((mode) => percent(byMode[mode].liquidatedNotional / byMode[mode].notional)),
    money(ofAll(replay, ({ fundUse }) => fundUse)),
    money(ofAll(replay, ({ badDebt }) => badDebt)),
    money(levied(replay)),
    money(losses.covered),
    money(losses.spread),
    money(open(replay)),
    ...MODES.map((mode) => byMode[mode].worstHealth.toFixed(2)),
  ];
}

/** One line per mode of a replay, with what the summary sums up, and one for makers and bidders. */
const DETAILS = [
  'run',
  'mode',
  'notional',
  'liquidated',
  'accounts hit',
  'auctions',
  'bids',
  'discounts',
  'fund use',
  'bad debt',
  'levy',
  'worst health',
] as const;
/** Accounts that are in no mode's line: makers and bidders. */
const OTHERS = 'others';
export const ROWS = [...MODES, OTHERS] as const;

export function detailRows(replay: Replay): string[][] {
  return ROWS.map((mode) => {
    const own = mode === OTHERS ? replay.others : replay.byMode[mode];
    return [
      replay.scenario.name,
      mode,
      money(own.notional),
      money(own.liquidatedNotional),
      `${own.liquidatedAccounts} of ${own.accounts}`,
      String(own.auctions),
      String(own.bids),
      money(own.discounts),
      money(own.fundUse),
      money(own.badDebt),
      money(own.levy),
      own.worstHealth.toFixed(2),
    ];
  });
}

/** In columns, as the repository's formatter leaves it; the first `words` columns are text. */
function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], words = 1): string {
  const widths = head.map((cell, at) => Math.max(3, cell.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => (at < words ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, at) => (at < words ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

const SHORT = [
  'episode',
  'BTC',
  'ETH',
  'liquidated',
  'fund use',
  'bad debt',
  'levy',
  'spread',
  'a tenth of the fund: fund use',
  'levy',
  'spread',
  'nobody bids: bad debt',
] as const;

/** "2 … 5", or "2" where both read the same; nothing of nothing. */
function range(values: readonly number[], text: (value: number) => string): string {
  if (values.length === 0) return '';
  const [least, most] = [text(Math.min(...values)), text(Math.max(...values))];
  return least === most ? least : `${least} … ${most}`;
}

/** One line per episode: what its replays with bidders lie between, the one with a small fund, and what is owed in the end where nobody bids. */
export function shortRow(episode: EpisodeResult): string[] {
  const { falls, replays } = episode;
  const bid = replays.filter(({ scenario }) => scenario.bidders && scenario.fund === FUND);
  const small = replays.filter(({ scenario }) => scenario.bidders && scenario.fund === SMALL_FUND);
  const alone = replays.filter(({ scenario }) => !scenario.bidders);
  const over = (some: readonly Replay[], of: (replay: Replay) => number): string => range(some.map(of), money);
  const fundUse = (replay: Replay): number => ofAll(replay, (own) => own.fundUse);
  const badDebt = (replay: Replay): number => ofAll(replay, (own) => own.badDebt);
  const spread = ({ losses }: Replay): number => losses.spread;
  return [
    titleOf(episode),
    percent(falls.BTC),
    percent(falls.ETH),
    range(
      bid.map((one) => ofModes(one, (own) => own.liquidatedNotional) / ofModes(one, (own) => own.notional)),
      percent,
    ),
    ...[fundUse, badDebt, levied, spread].map((of) => over(bid, of)),
    ...[fundUse, levied, spread].map((of) => over(small, of)),
    over(alone, badDebt),
  ];
}

/** The same table for a terminal. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  return [line(head), ...rows.map(line)].join('\n');
}

/** An episode's name as a title. */
export const titleOf = ({ name }: EpisodeResult): string => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

const heading = (episode: EpisodeResult): string =>
  `${titleOf(episode)}, ${episode.id}: ${episode.hours} hours, BTC ${percent(episode.falls.BTC)}, ETH ${percent(episode.falls.ETH)} at the lowest`;

export function reportText({ seed, accounts, episodes }: StressReport): string {
  const parts = episodes.map((episode) => `${heading(episode)}\n${textTable(SUMMARY, episode.replays.map(summaryRow))}`);
  return [`${accounts} accounts, seed ${seed}`, ...parts].join('\n\n');
}

/** The page in docs: what is replayed, what came of it. Pictures lie beside it, named by `pictureOf`. */
export function reportMarkdown({ seed, accounts, episodes }: StressReport): string {
  const tranches = Object.entries(LOCAL_LIQUIDATION.fund.tranches)
    .map(([symbol, share]) => `${symbol} ${percent(Number(share) / 1e18)}`)
    .join(', ');
  const bidders = BIDDERS.map(({ name, capital, required }) => `${name}: ${money(capital)}, ${percent(required)}`).join('; ');
  const sections = episodes.map((episode) =>
    [
      `## ${heading(episode)}`,
      `![Price, liquidated notional and fund in each run](images/${pictureOf(episode.id)})`,
      markdownTable(SUMMARY, episode.replays.map(summaryRow)),
      `<details><summary>By margin mode</summary>\n\n${markdownTable(DETAILS, episode.replays.flatMap(detailRows), 2)}\n\n</details>`,
    ].join('\n\n'),
  );
  return [
    '# Replays of price falls',
    `Recorded falls (\`shared/vectors/stress/paths.json\`) are played through the hub's contracts, ${accounts} accounts at a time, by \`npm run stress\`. ` +
      'Ledger, markets, feeds, engines, margin, fund, levies and auctions are the contracts themselves, set as a local network is deployed: its rates, auction terms, wires, and ' +
      `what the losses of a market may take of the fund (${tranches}). Trades are handed to the markets directly, so nobody pays trading fees and the fund gets no part of them; caps on assets and open ` +
      'interest are out of reach; every route of top-ups is open and stays so, without a keeper who looks after it. Who starts, ends and bids are the keepers of ' +
      '`relayer/src/stages/liquidation`, as `lockstep liquidator` runs them: they know what they read from the chain. Prices, owners and what bidders sell again are played. ' +
      'After each run the sums of INV-CASH-1 and INV-POS-1 are checked, and that each loss has one payer: fund, levies, all cash, or nobody yet. In every step it is checked that no ' +
      `account stays below maintenance margin without an auction, but for those that keepers leave alone: whose margin, equity and lack of margin are all below 10. The seed is ${seed}; the same seed gives the same figures.`,
    '## How',
    [
      '- **Prices**: each hour in four steps, previous close, half-way, low, close. Where ETH was not recorded it moves by 1.2 times the log move of BTC. Implied volatility is the larger of 60% and 1.3 times the exponentially weighted one. Funding and interest run.',
      '- **Accounts**: a third each in isolated, cross and portfolio mode; sizes are lognormal, three quarters of the directional ones are long, equity is 1.1 to 20 times the initial margin. Cross and portfolio accounts sell options too; portfolio accounts hold spreads, hedges and pairs. Collateral is USDC, WBTC and WETH on three chains. Six well-covered makers took the other sides; with the bidders they are the line “others” by mode, and in fund use, bad debt and levies of a run.',
      '- **Owners**: three quarters look after their accounts, every 15 minutes to every 4 hours, and most have savings on one of the three chains. Below 1.2 to 2.5 times maintenance margin they send what restores 2.5 to 4 times. It arrives after the delay of the run, at once from the hub.',
      '- **One chain halted**: from the first hour in which BTC loses a twentieth, one spoke stands still for six hours; the guardian marks it degraded, which raises initial haircuts there.',
      `- **Bidders** (capital, least gain of the maintenance margin they take over): ${bidders}. Each is a keeper of its own with its capital as its budget of a day; one more bids nothing, and sees to levies. While auctions run, bidders look at a block a minute, and at those that follow as long as anyone sends something; the one without a bid looks at every step. All go by the defaults of \`lockstep liquidator\`; gas costs a gwei. Bidders sell a quarter of their perpetuals every 15 minutes at 0.2% off the mark, and are liquidated like anyone. Where nobody bids only the keeper without a bid is there.`,
      `- **Fund**: ${money(FUND)} at the start, ${money(SMALL_FUND)} in the run with a tenth of it; messages take 15 minutes there. Fund use is what it paid for insolvent accounts at once; start fees it earned are not taken off.`,
      '- **Columns**: liquidated is the notional bidders took over, as a share of what the mode held at the start (more than 100% if positions were taken over twice as prices changed). Discounts are what bidders gained at the mark. Bad debt is what neither equity nor fund paid at once: booked deficits, and what accounts still owe at the end. Of it: what levies took of gains, what the fund paid later, what became a loss of all cash (spread), and what is open at the end. By mode, fund use and bad debt are those of accounts that lost, levy is what accounts of the mode that had gained paid, whoever lost, also what a levy did not need any more, which went to the fund. Health is equity over maintenance margin.',
    ].join('\n'),
    '## In short',
    'From the best to the worst of the runs with bidders and the whole fund, whatever messages took; all accounts together.',
    markdownTable(SHORT, episodes.map(shortRow)),
    'How long messages take changes little: most who are liquidated have nothing to send, or do not look in time, and bidders are there within minutes; slow messages leave some more ' +
      'accounts to be liquidated whose top-up comes too late. On Black Thursday that adds a little to all losses, and more to levies, because the parts of the fund were used up. The mode changes much: an isolated account has one position and the least margin for it, so a gap takes it first and ' +
      'furthest; portfolio accounts hold spreads and hedges, and what they have to cover is their worst scenario. The fund pays where a price passes through all of the margin between ' +
      'two steps, and what bidders ask for waiting. The losses of one market take no more than its part of the fund: levies ' +
      'pay the rest out of gains, also while the fund still has cash for the other market. Makers and bidders pay most of them: makers stood on the other side of the fall.',
    ...sections,
    `Runs: ${SCENARIOS.map(({ name }) => name).join(', ')}. ${ACCOUNTS} accounts unless told otherwise. \`npm run stress -- --episode <id> --run <name> --json\` prints one in full.`,
  ].join('\n\n');
}

export const pictureOf = (id: string): string => `stress-${id}.svg`;
