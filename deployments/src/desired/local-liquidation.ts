import { liquidation } from '@lockstep/shared';
import type { DesiredInput } from './schema.js';

const WAD = 10n ** 18n;
const { AUCTION_TERMS: terms } = liquidation;

/**
 * The terms that a new deployment starts with, a week's notice for those who leave the fund, and half of every fee for it. Losses of one market leave
 * the fund what the other's may take; what a chain or an account without positions loses may take all of it.
 */
export const LOCAL_LIQUIDATION: DesiredInput['liquidation'] = {
  terms: {
    ...terms,
    fastSeconds: Number(terms.fastSeconds),
    slowSeconds: Number(terms.slowSeconds),
    resumeSeconds: Number(terms.resumeSeconds),
    insolventSeconds: Number(terms.insolventSeconds),
    coolOff: Number(terms.coolOff),
  },
  shortfall: { limit: 1_000_000n * WAD, restore: WAD / 2n },
  graceSeconds: 3_600,
  fund: { exitDelaySeconds: 7 * 24 * 3600, feeShare: 500_000_000, tranches: { BTC: (6n * WAD) / 10n, ETH: (4n * WAD) / 10n } },
};
