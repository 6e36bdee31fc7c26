/** Token of the liquidator's calls. */
export const LIQUIDATION_CALLS = Symbol('LIQUIDATION_CALLS');
