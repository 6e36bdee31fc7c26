/** Token of the keeper's calls. */
export const KEEPER_CALLS = Symbol('KEEPER_CALLS');
