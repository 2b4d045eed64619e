// What kube-controller-manager does in a cluster and nobody else here: what has lost its owners goes, namespaces that end
// are emptied, Events are forgotten after an hour.
import { deleteObject, finishNamespace } from './delete.ts';
import { resourceOf, type Context, type Kind } from './kinds.ts';
import type { ApiObject, OwnerRef } from './objects.ts';
import type { Registry } from './registry.ts';
import { keyOf } from './store.ts';
import { updateObject } from './update.ts';

const eventLifetime = 3_600_000;

export class Collector {
  readonly #registry: Registry;
  readonly #context: () => Context;

  constructor(registry: Registry, context: () => Context) {
    this.#registry = registry;
    this.#context = context;
  }

  /** One look at everything. Cheap enough for thousands of objects. */
  sweep(): void {
    const context = this.#context();
    for (const kind of this.#registry.kinds()) {
      for (const listed of context.store.list(resourceOf(kind))) {
        // What was done to another one in this very sweep may have changed it.
        const object = context.store.get(resourceOf(kind), keyOf(listed));
        if (object !== undefined) this.#look(kind, object, context);
      }
    }
  }

  #look(kind: Kind, object: ApiObject, context: Context): void {
    const { metadata } = object;
    if (kind.kind === 'Namespace' && metadata.deletionTimestamp !== undefined) {
      this.#empty(object, context);
    } else if (kind.kind === 'Event' && isOld(object, context.now)) {
      context.store.remove(resourceOf(kind), object);
    } else if (metadata.deletionTimestamp !== undefined) {
      this.#finish(kind, object, context);
    } else if (this.#isOrphan(object, context)) {
      this.#delete(kind, object, context);
    }
  }

  /** Every owner is gone; one that was made anew under the old name is another. */
  #isOrphan({ metadata }: ApiObject, context: Context): boolean {
    const { ownerReferences = [], namespace } = metadata;
    return (
      ownerReferences.length > 0 &&
      ownerReferences.every((owner) => !this.#isThere(owner, namespace, context))
    );
  }

  #isThere(owner: OwnerRef, namespace: string | undefined, { store }: Context): boolean {
    const kind = this.#registry.byKind(owner.apiVersion, owner.kind);
    // What cannot be looked up is not known to be gone.
    if (kind === undefined) return true;
    const key = kind.namespaced ? `${namespace ?? ''}/${owner.name}` : owner.name;
    return store.get(resourceOf(kind), key)?.metadata.uid === owner.uid;
  }

  #delete(kind: Kind, { metadata }: ApiObject, context: Context): void {
    const { name = '', namespace, uid } = metadata;
    const options = { preconditions: { uid }, propagationPolicy: 'Background' };
    deleteObject({ kind, namespace, name, options, dryRun: false }, context);
  }

  /** Foreground: dependents first. Orphan: dependents lose their owner. Then the finalizer goes. */
  #finish(kind: Kind, object: ApiObject, context: Context): void {
    const { finalizers = [], uid = '', name = '', namespace } = object.metadata;
    const waiting = finalizers.find((one) => one === 'orphan' || one === 'foregroundDeletion');
    if (waiting === undefined) return;
    const dependents = this.#dependents(uid, context);
    for (const { kind, object } of dependents) {
      if (waiting === 'orphan') this.#disown(kind, object, uid, context);
      else if (object.metadata.deletionTimestamp === undefined) this.#delete(kind, object, context);
    }
    if (waiting === 'foregroundDeletion' && dependents.length > 0) return;
    const left = finalizers.filter((one) => one !== waiting);
    this.#write({ kind, namespace, name }, (current) => withMeta(current, { finalizers: left }), context);
  }

  #dependents(uid: string, { store }: Context): { kind: Kind; object: ApiObject }[] {
    return this.#registry.kinds().flatMap((kind) =>
      store
        .list(resourceOf(kind))
        .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) === true)
        .map((object) => ({ kind, object })),
    );
  }

  #disown(kind: Kind, { metadata }: ApiObject, uid: string, context: Context): void {
    const { name = '', namespace, ownerReferences = [] } = metadata;
    const others = ownerReferences.filter((owner) => owner.uid !== uid);
    this.#write(
      { kind, namespace, name },
      (current) => withMeta(current, { ownerReferences: others }),
      context,
    );
  }

  #write(
    place: { kind: Kind; namespace: string | undefined; name: string },
    change: (current: ApiObject) => ApiObject,
    context: Context,
  ): void {
    const next = (current: ApiObject | undefined): ApiObject => {
      if (current === undefined) throw new TypeError(`${place.name} is not there`);
      return change(current);
    };
    updateObject({ ...place, next, subresource: '', isPatch: true, dryRun: false }, context);
  }

  #empty(namespace: ApiObject, context: Context): void {
    const { name } = namespace.metadata;
    let left = 0;
    for (const kind of this.#registry.kinds().filter(({ namespaced }) => namespaced)) {
      const inside = context.store
        .list(resourceOf(kind))
        .filter(({ metadata }) => metadata.namespace === name);
      left += inside.length;
      for (const object of inside) {
        if (object.metadata.deletionTimestamp === undefined) this.#delete(kind, object, context);
      }
    }
    if (left === 0) finishNamespace(namespace, context);
  }
}

function isOld({ metadata, lastTimestamp }: ApiObject, now: Date): boolean {
  const last = typeof lastTimestamp === 'string' ? lastTimestamp : (metadata.creationTimestamp ?? '');
  return now.getTime() - Date.parse(last) > eventLifetime;
}

/** An empty list is the same as none, and is not kept. */
function withMeta(object: ApiObject, changed: Partial<ApiObject['metadata']>): ApiObject {
  const metadata = { ...object.metadata, ...changed };
  if (metadata.finalizers?.length === 0) delete metadata.finalizers;
  if (metadata.ownerReferences?.length === 0) delete metadata.ownerReferences;
  return { ...object, metadata };
}
