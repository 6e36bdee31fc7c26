import type { Stack } from '../harness/stack.js';
import { checkCustody, checkEffects, checkFlow, checkLogs, checkVaults } from './checks.js';
import { checkCash, checkReleases } from './checks.release.js';
import { checkJournalBalance, checkRebuild, type Rows } from './journal.js';
import { checkLiquidations } from './liquidations.js';
import { observe } from './observation.js';
import { checkMargins, checkPositions } from './positions.js';
import { Findings, type InvariantReport } from './report.js';

/**
 * Evaluates the invariants of {@link INVARIANTS} at pinned blocks, on the chains and, if `rows` reads the relayer's database, in its journal.
 * Can be called at any moment: what is in flight is accounted for.
 */
export async function checkInvariants(stack: Stack, rows?: Rows): Promise<InvariantReport> {
  const findings = new Findings();
  const observation = await observe(stack);
  checkVaults(observation, findings);
  checkLogs(observation, findings);
  checkEffects(observation, findings);
  checkCustody(observation, findings);
  checkCash(observation, findings);
  checkFlow(observation, findings);
  checkReleases(observation, findings);
  await checkPositions(stack.hub, observation, findings);
  await checkMargins(stack.hub, observation, findings);
  await checkLiquidations(stack.hub, observation, findings);
  // Waits for the journal to catch up with the hub, so its lines are looked at after it.
  await checkRebuild(stack.hub, observation, rows, findings);
  if (rows) await checkJournalBalance(rows, findings);
  return findings.report();
}
