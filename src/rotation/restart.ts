// How a component takes up its files: an annotation in its static Pod's manifest, or the kubelet's restart.
import type { JournalFile, JournalStage } from './journal.ts';
import { needsStart } from './prove.ts';
import { componentOf, note, type Context } from './context.ts';
import { startedSince, ticks, type Since } from './prove-process.ts';
import { look } from './prove.ts';
import { liveState, swap, type Direction } from './swap.ts';

/** Puts the annotated manifest in place, or the old one back. Result: whether there was something to do. */
export function putManifest(context: Context, stage: JournalStage, direction: Direction): boolean {
  const { node, journal } = context;
  const manifests = stage.files.filter(({ role }: JournalFile) => role === 'manifest');
  const wanted = direction === 'forward' ? 'new' : 'old';
  const due = manifests.some((file) => liveState(node.files, file) !== wanted);
  const startedAt = node.now();
  swap(node.files, manifests, direction, journal.id);
  if (due)
    note(context, startedAt, {
      name: `${stage.name}: annotate`,
      result: direction === 'forward' ? 'done' : 'rolled-back',
    });
  return due;
}

/**
 * Restarts the kubelet, where that is the stage and it was not restarted since the swap. With `auto` it is first given
 * the time to reload its serving certificate by itself (R21). Result: whether it did; then no process is newer than the
 * files, and none need be.
 */
export async function restartIfDue(
  context: Context,
  stage: JournalStage,
  since: Since,
  { side, mayRestart }: { readonly side: 'new' | 'old'; readonly mayRestart: boolean },
): Promise<{ readonly reloaded: boolean }> {
  const { node, signal } = context;
  if (componentOf(stage.name) !== 'kubelet' || !needsStart(stage.name)) return { reloaded: false };
  if (startedSince(node, 'kubelet', since).length > 0) return { reloaded: false };
  const startedAt = node.now();
  if (await hasReloaded(context, stage, side, mayRestart ? reloadMs : 0)) {
    note(context, startedAt, {
      name: `${stage.name}: restart`,
      result: 'skipped',
      message: 'it has reloaded',
    });
    return { reloaded: true };
  }
  if (!mayRestart) return { reloaded: false };
  await node.restartKubelet(signal);
  note(context, startedAt, { name: `${stage.name}: restart`, result: 'done' });
  return { reloaded: false };
}

const reloadMs = 90_000;

/** Only the serving certificate is reloaded: with a new client certificate the kubelet is restarted anyway. */
async function hasReloaded(
  context: Context,
  stage: JournalStage,
  side: 'new' | 'old',
  timeoutMs: number,
): Promise<boolean> {
  const { node, journal, timeouts, signal } = context;
  const onlyServing = stage.certificates.every(({ id }) => id === 'kubelet.crt');
  if (journal.kubeletRestart === 'always' || !onlyServing) return false;
  const { certificates, name } = stage;
  const end = ticks(node) + timeoutMs;
  for (;;) {
    const expected = { stage: name, certificates, side, since: undefined, facts: journal.facts } as const;
    const looks = await look(node, expected, signal);
    if (looks.every(({ proved }) => proved)) return true;
    if (ticks(node) >= end) return false;
    await node.sleep(timeouts.poll, signal);
  }
}
