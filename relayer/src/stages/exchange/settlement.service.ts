import { Inject, Injectable, Logger } from '@nestjs/common';
import { decodeAccount, wei } from '@lockstep/shared';
import { DataSource } from 'typeorm';
import { concatHex, isAddressEqual, keccak256, numberToHex } from 'viem';
import { FAULT_POINT, type FaultPoint } from '../../chain/fault-point.js';
import { RELAYER_CONFIG } from '../../config/config.module.js';
import type { RelayerConfig } from '../../config/relayer-config.js';
import { describeReason, type RevertReason } from '../../sender/intent.js';
import { SenderService } from '../../sender/sender.service.js';
import { ExchangeRepository, type OrderUpdate, type StoredMatch } from './exchange.repository.js';
import { HUB_EXCHANGE, type HubExchange } from './hub-exchange.js';
import type { StoredOrder } from './order-row.js';

/**
 * Has the contract settle what was matched, one transaction at a time, and follows it to finality. The contract is the judge: a match it
 * refuses is undone, the order at fault is taken out and the other one goes back to its place.
 */
@Injectable()
export class SettlementService {
  readonly #logger = new Logger(SettlementService.name);

  constructor(
    private readonly dataSource: DataSource,
    @Inject(RELAYER_CONFIG) private readonly config: Pick<RelayerConfig, 'exchange'>,
    private readonly repository: ExchangeRepository,
    @Inject(HUB_EXCHANGE) private readonly hub: HubExchange,
    private readonly sender: SenderService,
    @Inject(FAULT_POINT) private readonly faultPoint: FaultPoint,
  ) {}

  /** Follows what is sent; if nothing is under way, sends the next matches. */
  async settle(): Promise<void> {
    if (await this.#follow()) return;
    for (const batch of inTurn(await this.repository.unsettled(this.config.exchange.maxFills))) {
      const [first] = batch;
      if (first !== undefined && first.failures > MOST_FAILURES) {
        await this.#undo(first, FAILED_WHEN_MINED, await this.#suspect(first));
        continue;
      }
      const { passing, refused } = await this.#judge(batch);
      for (const [match, reason] of refused) if (!willPass(reason)) await this.#undo(match, reason, faultOf(match, reason));
      if (passing.length > 0) return this.#send(passing);
    }
  }

  /** Whose signature can have another answer, or burn more gas, when it is mined than when it was tried: a contract's, but not an owner's own key. */
  async #suspect({ buy, sell }: StoredMatch): Promise<Guilty> {
    const [buyer, seller] = await Promise.all(
      [buy, sell].map(async ({ signer, order }) => {
        const { owner, home } = decodeAccount(order.account);
        return !(home === 0 && isAddressEqual(owner, signer)) && (await this.hub.isContract(signer));
      }),
    );
    return buyer === seller ? 'both' : buyer === true ? 'buy' : 'sell';
  }

  /** @returns true while a transaction has no result */
  async #follow(): Promise<boolean> {
    let waits = false;
    for (const { settlement, state, tx } of await this.repository.openSettlements()) {
      const outcome = await this.sender.outcomeByKey(settlement);
      switch (outcome?.state) {
        case 'queued':
        case 'signed':
          if (state === 'settled') await this.repository.markUnmined(settlement);
          waits = true;
          break;
        case 'mined':
        case 'final': {
          const { hash } = outcome.inclusion;
          const isFinal = outcome.state === 'final';
          if (state === 'sent' || tx !== hash || isFinal) await this.repository.markSettled(settlement, hash, isFinal);
          break;
        }
        case 'reverted':
        case 'final-reverted':
          this.#logger.warn({ event: 'exchange.unsettled', settlement, outcome: outcome.state });
          await this.#reverted(settlement, outcome.inclusion.block);
          break;
        // It was not mined: what the hub says of each is asked anew.
        case 'rejected':
        case undefined:
          this.#logger.warn({ event: 'exchange.unsettled', settlement, outcome: outcome?.state ?? 'unknown' });
          await this.repository.release(settlement, 'untried');
      }
    }
    return waits;
  }

  /**
   * Takes back what the hub refuses as it stands after the block in which it failed (who moved his margin away in that block is named so); the
   * rest is tried again, and counts one failure more.
   */
  async #reverted(settlement: string, block: bigint): Promise<void> {
    const matches = await this.repository.ofSettlement(settlement);
    await this.repository.release(settlement, 'tried');
    const [only] = matches;
    if (only === undefined || matches.length > 1) return;
    const reason = await this.hub.refusal([only], block).catch(() => null);
    if (reason !== null && !willPass(reason)) await this.#undo(only, reason, faultOf(only, reason));
  }

  /** The matches that pass together, and those that do not pass alone. What fails only beside others waits for the next transaction. */
  async #judge(
    matches: readonly StoredMatch[],
  ): Promise<{ passing: readonly StoredMatch[]; refused: readonly (readonly [StoredMatch, RevertReason])[] }> {
    if (matches.length === 0 || (await this.hub.refusal(matches)) === null) return { passing: matches, refused: [] };
    let passing: readonly StoredMatch[] = [];
    const refused: (readonly [StoredMatch, RevertReason])[] = [];
    for (const match of matches) {
      if ((await this.hub.refusal([...passing, match])) === null) {
        passing = [...passing, match];
        continue;
      }
      const alone = await this.hub.refusal([match]);
      if (alone !== null) refused.push([match, alone]);
    }
    return { passing, refused };
  }

  async #send(matches: readonly StoredMatch[]): Promise<void> {
    const attempts = matches.reduce((most, match) => Math.max(most, match.attempts), 0);
    const ids = matches.map(({ id }) => id);
    const settlement = `settle:${keccak256(concatHex(ids.map((id) => numberToHex(id, { size: 8 }))))}#${attempts}`;
    await this.dataSource.transaction(async (tx) => {
      if (!(await this.repository.markSent(tx, ids, settlement))) return;
      await this.sender.enqueue(tx, {
        role: 'match',
        chainId: this.hub.chainId,
        key: 'submitter',
        dedupeKey: settlement,
        ...this.hub.settlementCall(matches),
        value: wei(0n),
        purpose: { what: 'settle', fills: matches.length, first: `${ids[0]}` },
      });
    });
    this.faultPoint('exchange.sent');
    this.#logger.log({ event: 'exchange.sent', fills: matches.length });
  }

  /** Takes a refused match back. */
  async #undo(match: StoredMatch, reason: RevertReason, guilty: Guilty): Promise<void> {
    const said = describeReason(reason);
    await this.dataSource.transaction(async (tx) => {
      await this.repository.lockVersion(tx);
      if (!(await this.repository.markFailed(tx, match.id, said))) return;
      const updates: OrderUpdate[] = [];
      for (const side of ['buy', 'sell'] as const) {
        const order = await this.repository.byHash(match[side].hash, tx);
        if (order !== null) updates.push(undone(order, match.size, guilty === side || guilty === 'both', said));
      }
      await this.repository.updateOrders(tx, updates);
      await this.repository.raiseVersion(tx);
    });
    this.#logger.warn({ event: 'exchange.refused', match: match.id, because: said, guilty });
  }
}

/** Refusals that are nobody's fault and end by themselves: the match waits, at most until one of its orders expires. */
const PASSING: readonly string[] = ['PricesNotFresh', 'PricesTooOld', 'SpotUnknown', 'ExchangePaused'];
const willPass = (reason: RevertReason): boolean => reason.kind === 'error' && PASSING.includes(reason.name);

/** Which orders end with a match that is taken back. */
type Guilty = 'buy' | 'sell' | 'both';

/** How often a match may pass when it is tried and fail when it is mined: beside others, then alone. */
const MOST_FAILURES = 3;
/** From how many failures on it goes alone: a price that moved between trial and block makes a whole batch fail once. */
const ALONE_FROM = 2;
const FAILED_WHEN_MINED: RevertReason = {
  kind: 'message',
  message: `settled each time it was tried, and failed ${MOST_FAILURES + 1} times when it was mined`,
};

/**
 * What may go into one transaction, in the order of waiting: together, but one that came back twice goes alone, because what made the
 * transactions fail (a contract that signs may burn their gas) would make those beside it fail for ever.
 */
function inTurn(waiting: readonly StoredMatch[]): readonly (readonly StoredMatch[])[] {
  const together = waiting.filter(({ failures }) => failures < ALONE_FROM);
  const alone = waiting.filter(({ failures }) => failures >= ALONE_FROM).map((match) => [match]);
  const [first] = waiting;
  if (first === undefined || first.failures < ALONE_FROM) return [together, ...alone];
  return [...alone.slice(0, 1), together, ...alone.slice(1)];
}

/** Whose fault it is: the side whose account or order, and not the other's, the contract names. */
function faultOf({ buy, sell }: StoredMatch, reason: RevertReason): Guilty {
  if (reason.kind !== 'error') return 'both';
  const named = reason.args.join(' ').toLowerCase();
  const names = ({ hash, order }: StoredOrder): boolean =>
    named.includes(hash.toLowerCase()) || named.includes(order.account.toLowerCase());
  const [buyer, seller] = [names(buy), names(sell)];
  return buyer === seller ? 'both' : buyer ? 'buy' : 'sell';
}

/** An order after a match of it was taken back. */
function undone({ hash, state, remaining, timeInForce }: StoredOrder, size: bigint, isAtFault: boolean, said: string): OrderUpdate {
  const left = remaining + size;
  if (isAtFault) return { hash, state: 'rejected', remaining: left, reason: said };
  if (state !== 'open' && state !== 'filled') return { hash, state, remaining: left, reason: null };
  if (timeInForce === 'gtc' || timeInForce === 'post') return { hash, state: 'open', remaining: left, reason: null };
  return { hash, state: 'cancelled', remaining: left, reason: 'its counterpart could not settle, and it was not to wait' };
}
