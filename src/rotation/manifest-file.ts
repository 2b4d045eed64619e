// The manifest of a static Pod with the annotation that starts it anew.
import type { Component } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import { annotate } from '../formats/manifest.ts';
import { checkTarget, type SafeTarget } from '../host/safe-target.ts';
import { sha256 } from './bytes.ts';
import { componentOf, type Context } from './context.ts';
import type { JournalFile, JournalStage } from './journal.ts';
import { stageRules, type StageName } from './stages.ts';
import type { NodeFacts, RotationNode } from './types.ts';

const restartAnnotation = 'certrotator.cpaas.io/restarted-at';

interface Annotated extends SafeTarget {
  readonly bytes: Uint8Array;
  readonly edited: Uint8Array;
}

/** Errors: NotFound, Unsupported, those of checkTarget. */
function annotated(node: RotationNode, { manifests }: NodeFacts, component: Component): Annotated {
  const path = manifests[component];
  if (path === undefined)
    throw new CertError('NotFound', `the manifest of ${component} is not known on this node`);
  const target = checkTarget(node.files, path);
  const bytes = node.files.read(target.realPath);
  const text = Buffer.from(bytes).toString('utf8');
  const edited = annotate(text, restartAnnotation, node.now().toISOString(), path);
  return { ...target, bytes, edited: new Uint8Array(Buffer.from(edited, 'utf8')) };
}

/**
 * Tries the annotation of every stage that will need one: a manifest that cannot be edited refuses before anything is
 * changed, and not after the stages before it.
 */
export function tryManifests(node: RotationNode, facts: NodeFacts, stages: readonly StageName[]): void {
  for (const name of new Set(stages))
    if (stageRules[name].steps.includes('annotate')) annotated(node, facts, componentOf(name));
}

/** The annotated manifest, prepared now: its annotation says when. */
export function manifestFile(context: Context, stage: JournalStage): JournalFile | undefined {
  const { node, journal } = context;
  if (!stageRules[stage.name].steps.includes('annotate')) return undefined;
  const { realPath, stat, bytes, edited } = annotated(node, journal.facts, componentOf(stage.name));
  const name = `manifest-${componentOf(stage.name)}.yaml`;
  const preparedPath = `${node.layout.staging}/${journal.id}/${name}`;
  if (node.files.lstat(preparedPath) !== undefined) node.files.unlink(preparedPath);
  node.files.create(preparedPath, edited, { mode: 0o600, uid: 0, gid: 0 });
  node.files.syncDirectory(`${node.layout.staging}/${journal.id}`);
  return {
    kind: 'replace',
    role: 'manifest',
    path: realPath,
    preparedPath,
    backupPath: `${node.layout.backups}/${journal.id}/${name}`,
    oldSha256: sha256(bytes),
    newSha256: sha256(edited),
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
  };
}
