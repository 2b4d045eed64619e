// Which kinds are served now: those of the table, and those that CustomResourceDefinitions define.
import { definedKinds } from './custom-kinds.ts';
import { apiVersionOf, resourceOf, type Kind } from './kinds.ts';
import type { ApiObject } from './objects.ts';
import type { Store } from './store.ts';
import { builtinKinds } from './table.ts';

const definitions = 'apiextensions.k8s.io/customresourcedefinitions';

export class Registry {
  readonly #store: Store;
  /** Per definition as it is stored: a changed one is another object. */
  readonly #defined = new WeakMap<ApiObject, readonly Kind[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  kinds(): readonly Kind[] {
    return [...builtinKinds, ...this.#store.list(definitions).flatMap((one) => this.#kindsOf(one))];
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.kinds().find(
      (kind) => kind.plural === plural && kind.group === group && kind.version === version,
    );
  }

  /** Where an owner reference points. */
  byKind(apiVersion: string, name: string): Kind | undefined {
    return this.kinds().find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion);
  }

  byResource(resource: string): Kind | undefined {
    return this.kinds().find((kind) => resourceOf(kind) === resource);
  }

  #kindsOf(definition: ApiObject): readonly Kind[] {
    const known = this.#defined.get(definition) ?? definedKinds(definition);
    this.#defined.set(definition, known);
    return known;
  }
}
