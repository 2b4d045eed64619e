// PUT and PATCH, of an object and of its subresources.
import { aboutOf, createObject, refuseInvalid, settleNamespace, storedIn, type Place } from './create.ts';
import { invalid, invalidObject } from './fields.ts';
import type { Context, Kind, Rules } from './kinds.ts';
import { keptMeta, metaErrors, metaUpdateErrors, withGeneration } from './meta.ts';
import { sameJson, type ApiObject } from './objects.ts';
import { restrictNode } from './node-restriction.ts';
import { admit } from './policy-rules.ts';
import { badRequest, conflict, notFound } from './status.ts';
import { keyOf } from './store.ts';

export interface Update extends Place {
  readonly name: string;
  readonly subresource: string;
  /** The object as it shall be, made of the one that is there; a patch is applied to it, a PUT ignores it. */
  readonly next: (current: ApiObject | undefined) => ApiObject;
  readonly isPatch: boolean;
  readonly dryRun: boolean;
}

const keyIn = ({ namespace, name }: { namespace: string | undefined; name: string }): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** Gives the object as it is now, and whether it was created. Errors: 400, 403, 404, 409, 422. */
export function updateObject(update: Update, context: Context): { object: ApiObject; created: boolean } {
  const { kind, name, namespace, subresource, dryRun } = update;
  const current = context.store.get(storedIn(kind), keyIn(update));
  if (current === undefined && !(kind.createOnUpdate && subresource === '' && !update.isPatch)) {
    throw notFound(aboutOf(kind, name));
  }
  const draft = structuredClone(update.next(current));
  settleNamespace(draft, namespace);
  checkName(draft, name);
  if (current === undefined) {
    return { object: createObject(update, draft, context, { dryRun }), created: true };
  }
  const rules = subresource === '' ? kind.rules : (kind.subresources[subresource] ?? {});
  if (!update.isPatch) checkUid(kind, draft, current);
  restrictNode({ kind, subresource, operation: 'UPDATE', object: draft, before: current }, context);
  const next = prepared(kind, { draft, current, rules }, context);
  admit({ kind, subresource, operation: 'UPDATE', object: next, before: current }, context);
  if (dryRun || sameJson(next, current))
    return { object: sameJson(next, current) ? current : next, created: false };
  return { object: stored(kind, next, context), created: false };
}

function checkName(draft: ApiObject, name: string): void {
  const own = draft.metadata.name ?? '';
  if (own === '') draft.metadata.name = name;
  else if (own !== name) {
    throw badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
  }
}

interface Change {
  readonly draft: ApiObject;
  readonly current: ApiObject;
  readonly rules: Rules;
}

function prepared(kind: Kind, { draft, current, rules }: Change, context: Context): ApiObject {
  const asked = draft.metadata;
  checkVersion(kind, asked.resourceVersion ?? '', current);
  rules.defaults?.(draft);
  draft.metadata = keptMeta(asked, current.metadata);
  rules.prepareUpdate?.(draft, current, context);
  const next = withGeneration(kind, draft, current);
  refuseInvalid(kind, next, [
    ...metaUpdateErrors(asked, current),
    ...metaErrors(kind, next),
    ...(rules.validate?.(next, current) ?? []),
    ...(rules.validateUpdate?.(next, current) ?? []),
  ]);
  rules.check?.(next, current, context);
  next.metadata.resourceVersion = current.metadata.resourceVersion ?? '';
  return next;
}

/** Errors: 409 for another version; 422, in the resource's name, where one must be said. */
function checkVersion(kind: Kind, version: string, current: ApiObject): void {
  const name = current.metadata.name ?? '';
  if (version === '' && !kind.unconditionalUpdate) {
    throw invalidObject({ group: kind.group, kind: kind.plural, name }, [noVersion]);
  }
  if (version !== '' && version !== current.metadata.resourceVersion) throw conflict(aboutOf(kind, name));
}

const noVersion = invalid('metadata.resourceVersion', 0, 'must be specified for an update');

/** A PUT says which object it means. */
function checkUid(kind: Kind, { metadata }: ApiObject, current: ApiObject): void {
  const { uid = '' } = metadata;
  if (uid === '' || uid === current.metadata.uid) return;
  const key = `/registry/${kind.storage ?? kind.plural}/${keyOf(current)}`;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
  throw conflict(
    aboutOf(kind, current.metadata.name ?? ''),
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  );
}

/** An object that only waited for its last finalizer ends with it. */
function stored(kind: Kind, next: ApiObject, { store }: Context): ApiObject {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = next.metadata;
  if (deletionTimestamp === undefined || finalizers.length > 0 || deletionGracePeriodSeconds > 0) {
    return store.put(storedIn(kind), next);
  }
  store.remove(storedIn(kind), next);
  return next;
}

/** JSON merge patch (RFC 7386). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete merged[field];
    else merged[field] = mergePatch(merged[field], value);
  }
  return merged;
}
