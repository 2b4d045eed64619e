// ValidatingAdmissionPolicies: their defaults, and their judgement on what is written.
import { celValue, evaluate } from './cel.ts';
import type { Context, Kind, Rules } from './kinds.ts';
import { resourceOf } from './kinds.ts';
import { fieldsOf, isFields, listOf, textOf, textsOf, type ApiObject, type Fields } from './objects.ts';
import { forbidden, ApiError } from './status.ts';

const admissionGroup = 'admissionregistration.k8s.io';

export const policies: Rules = {
  defaults: (draft) => {
    const constraints = fieldsOf(draft.spec?.['matchConstraints']);
    draft.spec = {
      failurePolicy: 'Fail',
      ...draft.spec,
      matchConstraints: {
        namespaceSelector: {},
        objectSelector: {},
        matchPolicy: 'Equivalent',
        ...constraints,
        resourceRules: listOf(constraints['resourceRules']).map((rule) => ({
          scope: '*',
          ...fieldsOf(rule),
        })),
      },
    };
  },
  prepareCreate: (draft) => {
    draft.status = {};
  },
  prepareUpdate: (draft, before) => {
    draft.status = before.status ?? {};
  },
};

/** What is about to be done to an object. */
export interface Operation {
  readonly kind: Kind;
  readonly subresource: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly object: ApiObject | undefined;
  readonly before: ApiObject | undefined;
}

/** Errors: 403 (or the validation's own reason) in the words of the real server, from the first policy that denies. */
export function admit(operation: Operation, context: Context): void {
  const { store } = context;
  const bindings = store.list(`${admissionGroup}/validatingadmissionpolicybindings`);
  for (const binding of bindings) {
    if (!textsOf(binding.spec?.['validationActions']).includes('Deny')) continue;
    const name = textOf(binding.spec?.['policyName']);
    const policy = store.get(`${admissionGroup}/validatingadmissionpolicies`, name);
    if (policy === undefined || !concerns(policy, operation, context)) continue;
    judge(policy, binding, operation, context);
  }
}

function concerns(policy: ApiObject, operation: Operation, { store }: Context): boolean {
  const constraints = fieldsOf(policy.spec?.['matchConstraints']);
  const rules = listOf(constraints['resourceRules']).map(fieldsOf);
  if (!rules.some((rule) => ruleMatches(rule, operation))) return false;
  const target = operation.object ?? operation.before;
  const { namespace } = target?.metadata ?? {};
  const own = namespace === undefined ? undefined : store.get('/namespaces', namespace);
  return selects(fieldsOf(constraints['namespaceSelector']), own?.metadata.labels);
}

function ruleMatches(rule: Fields, { kind, subresource, operation }: Operation): boolean {
  const resource = subresource === '' ? kind.plural : `${kind.plural}/${subresource}`;
  const has = (field: string, value: string): boolean => {
    const list = textsOf(rule[field]);
    return list.includes('*') || list.includes(value);
  };
  return (
    has('apiGroups', kind.group) &&
    has('apiVersions', kind.version) &&
    has('operations', operation) &&
    (textsOf(rule['resources']).includes(resource) ||
      (subresource === '' && textsOf(rule['resources']).includes('*')))
  );
}

/** metav1.LabelSelector. */
function selects(selector: Fields, labels: Readonly<Record<string, string>> = {}): boolean {
  const equal = Object.entries(fieldsOf(selector['matchLabels'])).every(
    ([key, value]) => labels[key] === value,
  );
  return (
    equal &&
    listOf(selector['matchExpressions']).every((one) => {
      const { key, operator, values } = fieldsOf(one);
      const value = labels[textOf(key)];
      const isIn = value !== undefined && textsOf(values).includes(value);
      switch (operator) {
        case 'In':
          return isIn;
        case 'NotIn':
          return !isIn;
        case 'Exists':
          return value !== undefined;
        default:
          return value === undefined;
      }
    })
  );
}

function judge(policy: ApiObject, binding: ApiObject, operation: Operation, context: Context): void {
  const spec = policy.spec ?? {};
  const variables = variablesFor(operation, context);
  const ask = (expression: unknown): unknown => evaluate(textOf(expression), variables);
  const refuse = (text: string, reason: string): never => {
    const where = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`;
    throw denied(operation, `${where} denied request: ${text}`, reason);
  };
  try {
    if (!listOf(spec['matchConditions']).every((one) => ask(fieldsOf(one)['expression']) === true)) return;
    const own: Fields = {};
    variables['variables'] = own;
    for (const one of listOf(spec['variables']).map(fieldsOf))
      lazily(own, textOf(one['name']), () => ask(one['expression']));
    for (const one of listOf(spec['validations']).map(fieldsOf)) {
      if (ask(one['expression']) === true) continue;
      const message = one['messageExpression'] === undefined ? one['message'] : ask(one['messageExpression']);
      refuse(textOf(message) || `failed expression: ${textOf(one['expression'])}`, textOf(one['reason']));
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    // failurePolicy Fail: what cannot be judged is refused.
    if (spec['failurePolicy'] !== 'Ignore') refuse(String(error), '');
  }
}

function lazily(target: Fields, name: string, value: () => unknown): void {
  let known: { value: unknown } | undefined;
  Object.defineProperty(target, name, {
    enumerable: true,
    get: () => (known ??= { value: value() }).value,
  });
}

function variablesFor({ kind, subresource, operation, object, before }: Operation, context: Context): Fields {
  const { user, store } = context;
  const { namespace = '', name = '' } = (object ?? before)?.metadata ?? {};
  const own =
    namespace === '' ? undefined : store.get(resourceOf({ group: '', plural: 'namespaces' }), namespace);
  return {
    object: celValue(object ?? null),
    oldObject: celValue(before ?? null),
    namespaceObject: celValue(own ?? null),
    request: celValue({
      operation,
      name,
      namespace,
      subResource: subresource,
      kind: { group: kind.group, version: kind.version, kind: kind.kind },
      resource: { group: kind.group, version: kind.version, resource: kind.plural },
      userInfo: { username: user.name, uid: user.uid ?? '', groups: user.groups, extra: user.extra },
    }),
  };
}

const codes: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  Invalid: 422,
  RequestEntityTooLarge: 413,
};

function denied({ kind, object, before }: Operation, text: string, reason: string): ApiError {
  const name = (object ?? before)?.metadata.name ?? '';
  const about = { group: kind.group, resource: kind.plural, name };
  const base = forbidden(about, text);
  const why = reason === '' ? 'Invalid' : reason;
  const details = isFields(base.details) ? { ...base.details, causes: [{ message: text }] } : {};
  return new ApiError(codes[why] ?? 422, why, base.message, { details });
}
