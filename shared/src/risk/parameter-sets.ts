import deribit from './parameters/deribit-like.json' with { type: 'json' };
import deribitStandard from './parameters/deribit-standard-like.json' with { type: 'json' };
import derive from './parameters/derive-like.json' with { type: 'json' };
import deriveStandard from './parameters/derive-standard-like.json' with { type: 'json' };
import cross from './parameters/lockstep-cross.json' with { type: 'json' };
import isolated from './parameters/lockstep-isolated.json' with { type: 'json' };
import lockstep from './parameters/lockstep.json' with { type: 'json' };
import paradex from './parameters/paradex-like.json' with { type: 'json' };

/** The parameter files that ship, by name, as written: `Parameters` checks them as it checks anybody's. */
export const PARAMETER_SETS: Readonly<Record<string, unknown>> = {
  lockstep,
  'lockstep-cross': cross,
  'lockstep-isolated': isolated,
  'deribit-like': deribit,
  'deribit-standard-like': deribitStandard,
  'derive-like': derive,
  'derive-standard-like': deriveStandard,
  'paradex-like': paradex,
};
