// CustomResourceDefinitions, and the kinds that they define.
import { ruleHolds } from './cel.ts';
import { invalid, required, type FieldError } from './fields.ts';
import { kindOf, type Kind, type Rules } from './kinds.ts';
import {
  fieldsOf,
  isFields,
  listOf,
  textOf,
  textsOf,
  timeText,
  valueAt,
  type ApiObject,
  type Fields,
} from './objects.ts';
import {
  blocksRules,
  listTypeErrors,
  notAsked,
  prune,
  rulesOf,
  schemaErrors,
  withDefaults,
  type Spot,
} from './schema.ts';

const names = (draft: ApiObject): Fields => fieldsOf(draft.spec?.['names']);

/** The definitions themselves. */
export const definitions: Rules = {
  defaults: (draft) => {
    const own = names(draft);
    const kind = textOf(own['kind']);
    draft.spec = {
      conversion: { strategy: 'None' },
      ...draft.spec,
      names: { listKind: `${kind}List`, singular: kind.toLowerCase(), ...own },
    };
  },
  prepareCreate: (draft, { now }) => {
    draft.status = statusOf(draft, now);
  },
  prepareUpdate: (draft, before) => {
    if (before.status !== undefined) draft.status = before.status;
  },
  validate: (object) => {
    const { group } = object.spec ?? {};
    const expected = `${textOf(names(object)['plural'])}.${textOf(group)}`;
    const { name = '' } = object.metadata;
    return name === expected
      ? []
      : [invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group')];
  },
};

/** Names are taken and the kind is served at once, where the real server takes a moment. */
function statusOf(draft: ApiObject, now: Date): Fields {
  const lastTransitionTime = timeText(now);
  const condition = (type: string, reason: string, message: string): Fields => ({
    type,
    status: 'True',
    lastTransitionTime,
    reason,
    message,
  });
  return {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: names(draft),
    storedVersions: listOf(draft.spec?.['versions'])
      .map(fieldsOf)
      .filter(({ storage }) => storage === true)
      .map(({ name }) => name),
  };
}

/** The kinds of a definition, one for each version that is served. */
export function definedKinds(definition: ApiObject): Kind[] {
  const { spec = {} } = definition;
  const own = names(definition);
  return listOf(spec['versions'])
    .map(fieldsOf)
    .filter(({ served }) => served === true)
    .map((version) => {
      const schema = fieldsOf(valueAt(version, 'schema.openAPIV3Schema'));
      const hasStatus = isFields(valueAt(version, 'subresources.status'));
      return kindOf({
        group: textOf(spec['group']),
        version: textOf(version['name']),
        kind: textOf(own['kind']),
        plural: textOf(own['plural']),
        shortNames: textsOf(own['shortNames']),
        namespaced: spec['scope'] === 'Namespaced',
        unconditionalUpdate: false,
        generation: true,
        typedItems: true,
        rules: customRules(schema, hasStatus),
        subresources: hasStatus ? { status: customStatusRules(schema) } : {},
        columns: listOf(version['additionalPrinterColumns']).map(fieldsOf),
      });
    });
}

function shaped(schema: Fields, draft: ApiObject): void {
  const { apiVersion, kind, metadata, ...content } = draft;
  for (const field of Object.keys(content)) delete draft[field];
  Object.assign(draft, withDefaults(schema, prune(schema, content)));
  Object.assign(draft, { apiVersion, kind, metadata });
}

const whole: Spot = { field: '', said: '' };

/** Schema, list types, and the rules where the object is sound enough to ask them. */
function customErrors(schema: Fields, object: ApiObject, before: ApiObject | undefined): FieldError[] {
  const { metadata: _, ...content } = object;
  const errors = [
    ...schemaErrors(schema, { ...content, metadata: {} }, whole),
    ...listTypeErrors(schema, content, ''),
  ];
  if (rulesOf(schema).length > 0 && blocksRules(errors)) return [...errors, notAsked];
  return [...errors, ...(before === undefined ? [] : ruleErrors(schema, object, before))];
}

/** Of the status alone. */
function statusErrors(schema: Fields, { status }: ApiObject): FieldError[] {
  const part = fieldsOf(fieldsOf(schema['properties'])['status']);
  if (status === undefined) return [];
  const errors = [
    ...schemaErrors(part, status, { field: 'status', said: '' }),
    ...listTypeErrors(part, status, 'status'),
  ];
  return rulesOf(schema).length > 0 && blocksRules(errors) ? [...errors, notAsked] : errors;
}

function customRules(schema: Fields, hasStatus: boolean): Rules {
  return {
    defaults: (draft) => shaped(schema, draft),
    prepareCreate: (draft) => {
      if (hasStatus) delete draft.status;
    },
    prepareUpdate: (draft, before) => {
      if (!hasStatus) return;
      if (before.status === undefined) delete draft.status;
      else draft.status = before.status;
    },
    validate: (object, before) => customErrors(schema, object, before),
  };
}

function customStatusRules(schema: Fields): Rules {
  return {
    defaults: (draft) => shaped(schema, draft),
    prepareUpdate: (draft, before) => {
      const { status: _1, metadata: _2, ...rest } = before;
      for (const field of Object.keys(draft))
        if (field !== 'status' && field !== 'metadata') delete draft[field];
      Object.assign(draft, rest);
      // Labels, owners and the rest are not the status's to change.
      draft.metadata = { ...before.metadata, ...versionOf(draft) };
    },
    validate: (object) => statusErrors(schema, object),
  };
}

const versionOf = ({ metadata }: ApiObject): { resourceVersion?: string } =>
  metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion };

/** Rules that compare with what was before (KEP-2876); the values are valid by now. */
function ruleErrors(schema: Fields, object: ApiObject, before: ApiObject): FieldError[] {
  return rulesOf(schema).flatMap(({ path, rule, message }) => {
    const [self, oldSelf] = [valueAt(object, path), valueAt(before, path)];
    if (self === undefined || oldSelf === undefined || ruleHolds(rule, { self, oldSelf })) return [];
    const text = message === '' ? `failed rule: ${rule}` : message;
    return [path === '' ? required(path, text) : invalid(path, 'object', text)];
  });
}
