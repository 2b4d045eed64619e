// POST: a new object, through defaults, admission and validation into the store, in the server's order.
import { invalidObject } from './fields.ts';
import { resourceOf, type Context, type Kind } from './kinds.ts';
import { metaErrors, newMeta, withGeneration } from './meta.ts';
import type { ApiObject } from './objects.ts';
import { restrictNode } from './node-restriction.ts';
import { admit } from './policy-rules.ts';
import { alreadyExists, badRequest, forbidden, plainError, notFound, type About } from './status.ts';
import { keyOf } from './store.ts';

export interface Place {
  readonly kind: Kind;
  readonly namespace: string | undefined;
}

export interface WriteOptions {
  readonly dryRun: boolean;
}

export const aboutOf = (kind: Kind, name: string): About => ({
  group: kind.group,
  resource: kind.plural,
  name,
});

export const storedIn = resourceOf;

/** Errors: 400, 403, 404 for the namespace, 409, 422. */
export function createObject(
  { kind, namespace }: Place,
  body: ApiObject,
  context: Context,
  { dryRun }: WriteOptions,
): ApiObject {
  const draft = structuredClone(body);
  settleNamespace(draft, namespace);
  kind.rules.defaults?.(draft);
  checkNamespace({ kind, namespace }, draft, context);
  restrictNode({ kind, subresource: '', operation: 'CREATE', object: draft, before: undefined }, context);
  kind.rules.admit?.(draft, context);
  draft.metadata = newMeta(draft.metadata, context.now);
  kind.rules.prepareCreate?.(draft, context);
  const created = withGeneration(kind, draft, undefined);
  refuseInvalid(kind, created, [...metaErrors(kind, created), ...(kind.rules.validate?.(created) ?? [])]);
  kind.rules.check?.(created, undefined, context);
  admit({ kind, subresource: '', operation: 'CREATE', object: created, before: undefined }, context);
  if ((created.metadata.resourceVersion ?? '') !== '') {
    throw plainError('resourceVersion should not be set on objects to be created');
  }
  delete created.metadata.resourceVersion;
  const { name = '' } = created.metadata;
  if (context.store.get(storedIn(kind), keyOf(created)) !== undefined) {
    throw alreadyExists(aboutOf(kind, name));
  }
  return dryRun ? created : context.store.put(storedIn(kind), created);
}

/** The namespace of the path; an object that says another one is refused. */
export function settleNamespace(draft: ApiObject, namespace: string | undefined): void {
  const own = draft.metadata.namespace ?? '';
  if (own !== '' && own !== (namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (namespace === undefined) delete draft.metadata.namespace;
  else draft.metadata.namespace = namespace;
}

/** Admission plugin NamespaceLifecycle: content only where there is a namespace that stays. */
function checkNamespace({ kind, namespace }: Place, draft: ApiObject, { store }: Context): void {
  if (!kind.namespaced || namespace === undefined) return;
  const found = store.get('/namespaces', namespace);
  if (found === undefined) throw notFound({ group: '', resource: 'namespaces', name: namespace });
  if (found.metadata.deletionTimestamp === undefined) return;
  throw forbidden(
    aboutOf(kind, draft.metadata.name ?? ''),
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}

export function refuseInvalid(
  kind: Kind,
  object: ApiObject,
  errors: Parameters<typeof invalidObject>[1],
): void {
  if (errors.length === 0) return;
  throw invalidObject({ group: kind.group, kind: kind.kind, name: object.metadata.name ?? '' }, errors);
}
