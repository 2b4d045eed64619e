// The start of everything together, once all files and manifests of a cold rotation are in their places (R15).
//
// A kubelet that was started while the API is dead never hears of it, and until it does it neither ends a static Pod whose
// manifest changes nor starts the new one (kubelet.go: deletePod and HandlePodCleanups wait for all sources). So nothing
// may change under a kubelet in this state: it is started last, and what still runs of before is ended by us.
import type { Component } from '../catalogue/ids.ts';
import { CertError, describeError } from '../errors.ts';
import type { ProcessInfo } from '../host/processes.ts';
import { componentOf, note, save, type Context } from './context.ts';
import type { JournalStage } from './journal.ts';
import { ownProcesses, processesOf, sinceOf, startedSince, ticks } from './prove-process.ts';
import { needsStart } from './prove.ts';

/** Their own end takes a while: an API server drains its connections. */
const endMs = 20_000;
/** So long a kubelet is given before a component that does not run is taken to be in its back-off. */
const settledMs = 60_000;

/** Errors: Aborted; all else shows in the proof. */
export async function startAnew(context: Context): Promise<void> {
  const { node, journal, signal, cold } = context;
  const waiting = journal.stages.filter(({ state }) => state === 'unproved' || state === 'restored');
  if (cold !== true || waiting.length === 0) return;
  const startedAt = node.now();
  try {
    const stale = waiting.flatMap((stage) => staleProcesses(context, stage));
    if (stale.length === 0 && hasNewKubelet(context, waiting) && !isResting(context, waiting)) return;
    await end(context, stale);
    await node.restartKubelet(signal);
    note(context, startedAt, { name: 'kubelet: restart', result: 'done' });
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    note(context, startedAt, { name: 'kubelet: restart', result: 'failed', message: describeError(error) });
    save(context, { ...context.journal, notes: [...context.journal.notes, describeError(error)] });
  }
}

const sideOf = ({ state }: JournalStage): 'new' | 'old' => (state === 'restored' ? 'old' : 'new');

const isStatic = ({ name }: JournalStage): boolean => needsStart(name) && name !== 'kubelet';

/** Processes of a static Pod that were started before its files: its own alone, whatever else has its name. */
function staleProcesses(context: Context, stage: JournalStage): readonly ProcessInfo[] {
  if (!isStatic(stage) || context.node.endProcess === undefined) return [];
  const component = componentOf(stage.name);
  const fresh = startedSince(context.node, component, sinceOf(stage, sideOf(stage), context.node.now()));
  const own = ownProcesses(context.node, component, context.journal.facts, stage.certificates);
  return own.filter(({ pid }) => fresh.every((each) => each.pid !== pid));
}

/** Started after the last of the files, by us or by systemd. */
function hasNewKubelet({ node, journal }: Context, waiting: readonly JournalStage[]): boolean {
  if (journal.facts.kubelet === undefined) return true;
  return waiting.every(
    (stage) => startedSince(node, 'kubelet', sinceOf(stage, sideOf(stage), node.now())).length > 0,
  );
}

/** A component ends again and again while others are missing, and is then left alone for minutes: a new kubelet is not so patient. */
function isResting(context: Context, waiting: readonly JournalStage[]): boolean {
  const { node, journal } = context;
  const isRunning = (component: Component): boolean =>
    processesOf(node, component, journal.facts.manifests[component]).length > 0;
  const now = node.processes.now()?.milliseconds;
  const kubelets = node.processes.find('kubelet');
  if (now === undefined || kubelets.some(({ startedMs }) => now - startedMs < settledMs)) return false;
  return waiting.some(
    (stage) => (isStatic(stage) || stage.name === 'etcd') && !isRunning(componentOf(stage.name)),
  );
}

async function end(context: Context, stale: readonly ProcessInfo[]): Promise<void> {
  const { node, timeouts, signal } = context;
  const left = (): readonly ProcessInfo[] => {
    const names = new Set(stale.map(({ commandLine: [name = ''] }) => name));
    const alive = [...names].flatMap((name) => node.processes.find(name.split('/').at(-1) ?? name));
    // A pid may be another's by now.
    return stale.filter((one) =>
      alive.some(({ pid, startedMs }) => pid === one.pid && startedMs === one.startedMs),
    );
  };
  const limit = ticks(node) + endMs;
  for (const { pid } of left()) node.endProcess?.(pid, 'SIGTERM');
  while (left().length > 0 && ticks(node) < limit) await node.sleep(timeouts.poll, signal);
  for (const { pid } of left()) node.endProcess?.(pid, 'SIGKILL');
}
