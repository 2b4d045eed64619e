// The kinds that are served, as data: where each lives, which names it takes, what may be selected by, and its rules.
import type { FieldError } from './fields.ts';
import type { NameRule } from './names.ts';
import type { ApiObject, Fields } from './objects.ts';
import type { Attributes } from './rbac.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';

/** What the rules of a kind may know of a request. */
export interface Context {
  readonly now: Date;
  readonly user: User;
  readonly store: Store;
  /** Whether the user may do something else, too. */
  readonly may: (wanted: Partial<Attributes>) => boolean;
}

/** What a kind does with an object that is written. The draft may be changed, what was before may not. */
export interface Rules {
  /** Fills in what was not said. Every writing. */
  readonly defaults?: (draft: ApiObject) => void;
  /** Admission that changes or refuses, before validation. Errors: 403. */
  readonly admit?: (draft: ApiObject, context: Context) => void;
  readonly prepareCreate?: (draft: ApiObject, context: Context) => void;
  readonly prepareUpdate?: (draft: ApiObject, before: ApiObject, context: Context) => void;
  /** Of a change, `before` is what it was. */
  readonly validate?: (object: ApiObject, before?: ApiObject) => readonly FieldError[];
  readonly validateUpdate?: (object: ApiObject, before: ApiObject) => readonly FieldError[];
  /** Admission after validation. Errors: 403. */
  readonly check?: (object: ApiObject, before: ApiObject | undefined, context: Context) => void;
}

export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly namespaced: boolean;
  readonly name: NameRule;
  /** Beside metadata.name and metadata.namespace. */
  readonly fieldLabels: readonly string[];
  /** A PUT without a resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean;
  /** A PUT of what is not there creates it. */
  readonly createOnUpdate: boolean;
  /** A DELETE answers with the object, not with a Status. */
  readonly returnsDeleted: boolean;
  /** Field that a change of makes a new metadata.generation. */
  readonly generation: boolean;
  /** Objects in a list say what they are. */
  readonly typedItems: boolean;
  readonly rules: Rules;
  /** PUT and PATCH of a part, with rules of its own. */
  readonly subresources: Readonly<Record<string, Rules>>;
  /** Where etcd has it, below /registry; the plural when absent. */
  readonly storage?: string;
  /** Columns of `kubectl get`, of custom resources. */
  readonly columns?: readonly Fields[];
}

export const resourceOf = ({ group, plural }: Pick<Kind, 'group' | 'plural'>): string => `${group}/${plural}`;

export const apiVersionOf = ({ group, version }: Pick<Kind, 'group' | 'version'>): string =>
  group === '' ? version : `${group}/${version}`;

type Row = Pick<Kind, 'kind' | 'plural'> & Partial<Kind>;

const plain = {
  group: '',
  version: 'v1',
  namespaced: true,
  name: 'subdomain',
  fieldLabels: [],
  unconditionalUpdate: true,
  createOnUpdate: false,
  returnsDeleted: false,
  generation: false,
  typedItems: false,
  rules: {},
  subresources: {},
} as const;

export const kindOf = (row: Row): Kind => ({ ...plain, ...row });
