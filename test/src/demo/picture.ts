import { short, units } from './text.js';

/** Movements of one asset: how many, and their sum in base units. */
export interface Moved {
  readonly symbol: string;
  readonly count: number;
  readonly sum: bigint;
  readonly decimals: number;
}

/** What the picture shows of one chain. */
export interface PictureChain {
  readonly name: string;
  readonly role: string;
  readonly deposits: readonly Moved[];
  readonly payouts: readonly Moved[];
  /** entries in the logs of both directions, and what carried them */
  readonly entries: number;
  readonly packets: number;
}

/** What the picture shows of the account. */
export interface PictureAccount {
  readonly account: string;
  /** what the hub holds for it, one line each, e.g. "1,250 USDC cash" */
  readonly holdings: readonly string[];
  /** what it traded, one line each; none: no such box */
  readonly trades: readonly string[];
  /** what became of one that fell below its margin, one line each; none: no such box */
  readonly liquidation: readonly string[];
}

const WIDTH = 1120;
const ROW = 24;
const PAD = 18;
const CHAIN_X = 30;
const CHAIN_W = 330;
const PACKET_X = 450;
const PACKET_W = 210;
const ACCOUNT_X = 750;
const ACCOUNT_W = 340;
const GAP = 26;
const TOP = 96;

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  readonly title: string;
  readonly lines: readonly string[];
  readonly tone: string;
}

const heightOf = (lines: number): number => PAD * 2 + ROW * (lines + 1);

function drawBox({ x, y, w, h, title, lines, tone }: Box): string {
  const rows = lines.map((l, i) => `<text x="${x + PAD}" y="${y + PAD + ROW * (i + 2) - 8}" class="line">${escape(l)}</text>`);
  return [
    `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="10" fill="${tone}" stroke="#26324a" stroke-width="1.2"/>`,
    `<text x="${x + PAD}" y="${y + PAD + ROW - 8}" class="title">${escape(title)}</text>`,
    ...rows,
  ].join('\n');
}

function arrow(x1: number, y1: number, x2: number, y2: number, weight: number): string {
  const middle = (x1 + x2) / 2;
  return `<path d="M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2 - 8},${y2}" fill="none" stroke="#3a6ea5" stroke-width="${weight}" marker-end="url(#tip)"/>`;
}

/** Deposits and payouts, packets, balances, as an SVG document. */
export function picture(chains: readonly PictureChain[], account: PictureAccount): string {
  const left: Box[] = [];
  let y = TOP;
  for (const chain of chains) {
    const line = (word: string, m: Moved): string => `${word} ${m.count} × ${m.symbol}, together ${short(units(m.sum, m.decimals))}`;
    const lines = [...chain.deposits.map((d) => line('in', d)), ...chain.payouts.map((p) => line('out', p))];
    const h = heightOf(lines.length);
    left.push({ x: CHAIN_X, y, w: CHAIN_W, h, title: `${chain.name} (${chain.role})`, lines, tone: '#eef4fb' });
    y += h + GAP;
  }
  const boxes = [
    { title: `account ${account.account.slice(0, 12)}…`, lines: account.holdings, tone: '#e9f7ef' },
    { title: 'traded on it, settled by the hub', lines: account.trades, tone: '#f3eefb' },
    { title: 'liquidated, over all chains at once', lines: account.liquidation, tone: '#fdeeee' },
  ].filter(({ lines }, i) => i === 0 || lines.length > 0);
  const rightHeight = boxes.reduce((sum, { lines }) => sum + heightOf(lines.length) + GAP, -GAP);
  const height = Math.max(y, TOP + rightHeight + GAP) + 20;
  let top = TOP + Math.max(0, (y - GAP - TOP - rightHeight) / 2);
  const right = boxes.map((box): Box => {
    const h = heightOf(box.lines.length);
    const placed = { ...box, x: ACCOUNT_X, y: top, w: ACCOUNT_W, h };
    top += h + GAP;
    return placed;
  });
  const middle = left.map((box, i): Box => {
    const chain = chains[i];
    const h = heightOf(1);
    const carried = chain && chain.packets > 0 ? `${chain.packets} packet${chain.packets === 1 ? '' : 's'}` : 'no packet needed';
    return {
      x: PACKET_X,
      y: box.y + (box.h - h) / 2,
      w: PACKET_W,
      h,
      title: carried,
      lines: [`${chain?.entries ?? 0} log entries`],
      tone: '#fdf6e3',
    };
  });
  const arrows = middle.flatMap((box, i) => {
    const [from, into] = [left[i], right[0]];
    if (!from || !into) return [];
    return [
      arrow(from.x + from.w, from.y + from.h / 2, box.x, box.y + box.h / 2, 1.5 + Math.min(4, (chains[i]?.entries ?? 0) / 10)),
      arrow(box.x + box.w, box.y + box.h / 2, into.x, into.y + into.h / 2, 2),
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif">
<defs><marker id="tip" viewBox="0 0 10 10" refX="2" refY="5" markerWidth="5" markerHeight="5" orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="#3a6ea5"/></marker></defs>
<style>.head{font-size:22px;font-weight:600;fill:#16233b}.sub{font-size:14px;fill:#51607a}.title{font-size:15px;font-weight:600;fill:#16233b}.line{font-size:14px;fill:#26324a}</style>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="${CHAIN_X}" y="40" class="head">In on every chain, one account on the hub, out on any chain</text>
<text x="${CHAIN_X}" y="66" class="sub">in and out of the vaults</text><text x="${PACKET_X}" y="66" class="sub">what crossed LayerZero</text><text x="${ACCOUNT_X}" y="66" class="sub">what the hub still holds for the owner</text>
${[...arrows, ...[...left, ...middle, ...right].map(drawBox)].join('\n')}
</svg>
`;
}
