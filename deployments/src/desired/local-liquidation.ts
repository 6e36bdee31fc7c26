import { liquidation } from '@lockstep/shared';
import type { DesiredInput } from './schema.js';

const { AUCTION_TERMS: terms } = liquidation;

/** The terms that a new deployment starts with, a week's notice for those who leave the fund, and half of every fee for it. */
export const LOCAL_LIQUIDATION: DesiredInput['liquidation'] = {
  terms: {
    ...terms,
    fastSeconds: Number(terms.fastSeconds),
    slowSeconds: Number(terms.slowSeconds),
    resumeSeconds: Number(terms.resumeSeconds),
    insolventSeconds: Number(terms.insolventSeconds),
    coolOff: Number(terms.coolOff),
  },
  fund: { exitDelaySeconds: 7 * 24 * 3600, feeShare: 500_000_000, tranches: {} },
};
