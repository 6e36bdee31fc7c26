import { exchange, risk } from '@lockstep/shared';

/** Why the book did not take an order, for its owner. */
export function describeRejection(why: exchange.Rejection): string {
  const text = risk.formatDecimal;
  switch (why.code) {
    case 'DUPLICATE':
      return `order ${why.id} is in the book already`;
    case 'EXPIRED':
      return `its expiry is ${why.expiry}; expected ${why.now} or later`;
    case 'OFF_TICK':
      return `its limit is ${text(why.price)}; expected a multiple of ${text(why.tick)}`;
    case 'OFF_LOT':
      return `its size is ${text(why.size)}; expected a multiple of ${text(why.lot)}`;
    case 'BELOW_MINIMUM':
      return `its size is ${text(why.size)}; expected at least ${text(why.minimum)}`;
    case 'WOULD_TAKE':
      return `it would have taken at ${text(why.best)}; expected to wait, as it asked`;
    case 'CANNOT_FILL':
      return `only ${text(why.fillable)} of its ${text(why.size)} could be filled at once; expected all of it`;
  }
}
