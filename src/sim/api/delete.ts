// DELETE: at once, after a grace period that the kubelet ends, or when the last finalizer is gone.
import { aboutOf, storedIn, type Place } from './create.ts';
import type { Context, Kind } from './kinds.ts';
import { fieldsOf, textOf, timeText, type ApiObject, type Fields, type Meta } from './objects.ts';
import { graceOf } from './pod-rules.ts';
import { restrictNode } from './node-restriction.ts';
import { admit } from './policy-rules.ts';
import { conflict, forbidden, notFound } from './status.ts';
import { keyOf } from './store.ts';

export interface Deletion extends Place {
  readonly name: string;
  /** DeleteOptions. */
  readonly options: Fields;
  readonly dryRun: boolean;
}

/** Gives the object that stays for now, or `gone`. Errors: 403, 404, 409. */
export function deleteObject(deletion: Deletion, context: Context): { object: ApiObject; gone: boolean } {
  const { kind, name, namespace, options, dryRun } = deletion;
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  const current = context.store.get(storedIn(kind), key);
  if (current === undefined) throw notFound(aboutOf(kind, name));
  if (kind.kind === 'Namespace') checkNamespace(kind, current);
  checkPreconditions(kind, current, fieldsOf(options['preconditions']));
  const operation = {
    kind,
    subresource: '',
    operation: 'DELETE',
    object: undefined,
    before: current,
  } as const;
  restrictNode(operation, context);
  admit(operation, context);
  const marked = mark(kind, current, options, context.now);
  const { finalizers = [], deletionGracePeriodSeconds: grace = 0 } = marked.metadata;
  const waits = finalizers.length > 0 || grace > 0 || kind.kind === 'Namespace';
  if (dryRun) return { object: marked, gone: !waits };
  if (waits) {
    const same = JSON.stringify(marked.metadata) === JSON.stringify(current.metadata);
    return { object: same ? current : context.store.put(storedIn(kind), marked), gone: false };
  }
  // Only where an end takes time is the object marked as ending.
  const last = isGraceful(kind) ? marked : current;
  return { object: context.store.remove(storedIn(kind), last), gone: true };
}

function checkPreconditions(kind: Kind, { metadata }: ApiObject, { uid, resourceVersion }: Fields): void {
  // Here the real server speaks of the kind, not of the resource.
  const about = { group: kind.group, resource: kind.kind, name: metadata.name ?? '' };
  const differ = (what: string, asked: unknown, own: string | undefined, might: string): void => {
    if (textOf(asked) === '' || asked === own) return;
    const places = `the ${what} in the precondition (${textOf(asked)}) does not match the ${what} in record (${own})`;
    throw conflict(about, `${places}. The object might have been ${might}`);
  };
  differ('UID', uid, metadata.uid, 'deleted and then recreated');
  differ('ResourceVersion', resourceVersion, metadata.resourceVersion, 'modified');
}

const lasting = new Set(['default', 'kube-system', 'kube-public']);

function checkNamespace(kind: Kind, { metadata }: ApiObject): void {
  const name = metadata.name ?? '';
  if (lasting.has(name)) throw forbidden(aboutOf(kind, name), 'this namespace may not be deleted');
  if (metadata.deletionTimestamp === undefined) return;
  throw conflict(
    aboutOf(kind, name),
    'The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will ' +
      'automatically be purged by the system.',
  );
}

const isGraceful = ({ group, plural }: Kind): boolean => group === '' && plural === 'pods';

const waitFor: Readonly<Record<string, string>> = { Foreground: 'foregroundDeletion', Orphan: 'orphan' };

/** With the time of its end, and who is waited for. */
function mark(kind: Kind, current: ApiObject, options: Fields, now: Date): ApiObject {
  const asked = options['gracePeriodSeconds'];
  const wish = typeof asked === 'number' ? asked : undefined;
  const grace = isGraceful(kind) ? graceOf(current, wish) : 0;
  const before = current.metadata;
  const waiting = waitFor[textOf(options['propagationPolicy'])];
  const finalizers = before.finalizers ?? [];
  const metadata: Meta = {
    ...before,
    ...(waiting === undefined || finalizers.includes(waiting)
      ? {}
      : { finalizers: [...finalizers, waiting] }),
    ...endOf(before, grace, now),
  };
  const deleted: ApiObject = { ...current, metadata };
  if (kind.generation && before.deletionTimestamp === undefined && before.generation !== undefined) {
    metadata.generation = before.generation + 1;
  }
  if (kind.kind !== 'Namespace') return deleted;
  return { ...deleted, status: { ...current.status, phase: 'Terminating' } };
}

/** A second deletion may only shorten what is left. */
function endOf(before: Meta, grace: number, now: Date): Partial<Meta> {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = before;
  if (deletionTimestamp !== undefined && grace >= deletionGracePeriodSeconds) return {};
  return {
    deletionTimestamp: timeText(new Date(now.getTime() + grace * 1000)),
    deletionGracePeriodSeconds: grace,
  };
}

/** Ends a namespace whose content is gone. */
export function finishNamespace(namespace: ApiObject, { store }: Context): void {
  if (store.get('/namespaces', keyOf(namespace)) !== undefined) store.remove('/namespaces', namespace);
}
