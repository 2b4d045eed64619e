// Structural schemas of custom resources: prune, default, validate (apiextensions-apiserver), with the server's words.
// No JSON-schema library: pruning, list types and the texts are what clients see, and no library has them.
import {
  duplicate,
  invalid,
  notSupported,
  required,
  tooLong,
  typeInvalid,
  type FieldError,
} from './fields.ts';
import { fieldsOf, isFields, listOf, sameJson, textOf, textsOf, type Fields } from './objects.ts';

const propertiesOf = (schema: Fields): Fields => fieldsOf(schema['properties']);

/** Without the fields that the schema does not know. */
export function prune(schema: Fields, value: unknown): unknown {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return value;
  if (Array.isArray(value)) return value.map((item) => prune(fieldsOf(schema['items']), item));
  if (!isFields(value)) return value;
  const properties = propertiesOf(schema);
  const others = schema['additionalProperties'];
  const known = Object.entries(value).filter(([name]) => name in properties || isFields(others));
  return Object.fromEntries(
    known.map(([name, inner]) => [name, prune(fieldsOf(properties[name] ?? others), inner)]),
  );
}

/** With the defaults of the schema. */
export function withDefaults(schema: Fields, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withDefaults(fieldsOf(schema['items']), item));
  if (!isFields(value)) return value;
  const filled: Fields = { ...value };
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    const inner = fieldsOf(property);
    const given = filled[name] ?? structuredClone(inner['default']);
    if (given !== undefined) filled[name] = withDefaults(inner, given);
  }
  return filled;
}

const typeName = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

const fits = (wanted: string, actual: string): boolean =>
  wanted === actual || (wanted === 'number' && actual === 'integer');

const dateTime = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** Where a value stands: in the object, and in the words of the validator, which begins at what it was given. */
export interface Spot {
  readonly field: string;
  readonly said: string;
}

const below = (spot: Spot, part: string): Spot => {
  const join = (path: string): string =>
    path === '' || part.startsWith('[') ? path + part : `${path}.${part}`;
  return { field: join(spot.field), said: join(spot.said) };
};

/** Go's name of what cannot be a date. */
const dateType = (value: unknown): string => (typeName(value) === 'integer' ? 'int64' : typeName(value));

/** Everything that is wrong with a value. */
export function schemaErrors(schema: Fields, value: unknown, spot: Spot): FieldError[] {
  const type = textOf(schema['type']);
  const actual = typeName(value);
  const { field, said } = spot;
  if (type !== '' && !fits(type, actual)) {
    const isDate = schema['format'] === 'date-time';
    const [wanted, found] = isDate ? ['date-time', dateType(value)] : [type, actual];
    return [typeInvalid(field, found, `${said} in body must be of type ${wanted}: "${found}"`)];
  }
  const supported = schema['enum'];
  const wrong =
    Array.isArray(supported) && !supported.some((one) => sameJson(one, value))
      ? [notSupported(field, value, textsOf(supported))]
      : [];
  if (typeof value === 'string') return [...stringErrors(schema, value, spot), ...wrong];
  if (typeof value === 'number') return [...numberErrors(schema, value, spot), ...wrong];
  if (Array.isArray(value)) return [...arrayErrors(schema, value, spot), ...wrong];
  return isFields(value) ? [...objectErrors(schema, value, spot), ...wrong] : wrong;
}

function stringErrors(schema: Fields, value: string, { field, said }: Spot): FieldError[] {
  const { minLength, maxLength, format, pattern } = schema;
  const length = Array.from(value).length;
  return [
    ...(typeof maxLength === 'number' && length > maxLength ? [tooLong(field, maxLength)] : []),
    ...(typeof minLength === 'number' && length < minLength
      ? [invalid(field, value, `${said} in body should be at least ${minLength} chars long`)]
      : []),
    ...(typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)
      ? [invalid(field, value, `${said} in body should match '${pattern}'`)]
      : []),
    ...(format === 'date-time' && !dateTime.test(value)
      ? [typeInvalid(field, value, `${said} in body must be of type date-time: ${JSON.stringify(value)}`)]
      : []),
  ];
}

function numberErrors({ minimum, maximum }: Fields, value: number, { field, said }: Spot): FieldError[] {
  return [
    ...(typeof minimum === 'number' && value < minimum
      ? [invalid(field, value, `${said} in body should be greater than or equal to ${minimum}`)]
      : []),
    ...(typeof maximum === 'number' && value > maximum
      ? [invalid(field, value, `${said} in body should be less than or equal to ${maximum}`)]
      : []),
  ];
}

function arrayErrors(schema: Fields, value: readonly unknown[], spot: Spot): FieldError[] {
  const { minItems, maxItems, items } = schema;
  const { field, said } = spot;
  return [
    ...value.flatMap((item, i) => schemaErrors(fieldsOf(items), item, below(spot, `[${i}]`))),
    ...(typeof minItems === 'number' && value.length < minItems
      ? [invalid(field, value.length, `${said} in body should have at least ${minItems} items`)]
      : []),
    ...(typeof maxItems === 'number' && value.length > maxItems
      ? [tooMany(field, value.length, maxItems)]
      : []),
  ];
}

const tooMany = (field: string, actual: number, most: number): FieldError => ({
  reason: 'FieldValueTooMany',
  field,
  message: `Too many: ${actual}: must have at most ${most} items`,
});

function objectErrors(schema: Fields, value: Fields, spot: Spot): FieldError[] {
  const properties = propertiesOf(schema);
  return [
    ...textsOf(schema['required'])
      .filter((name) => value[name] === undefined)
      .map((name) => required(below(spot, name).field)),
    ...Object.entries(value).flatMap(([name, inner]) => {
      const property = properties[name] ?? schema['additionalProperties'];
      return isFields(property) ? schemaErrors(property, inner, below(spot, name)) : [];
    }),
  ];
}

/** Errors with which no rule is asked any more, and what is said of that. */
const blocking = new Set(
  ['Required', 'NotSupported', 'TooLong', 'TooMany', 'TypeInvalid'].map((reason) => `FieldValue${reason}`),
);
export const notAsked: FieldError = invalid(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);
export const blocksRules = (errors: readonly FieldError[]): boolean =>
  errors.some(({ reason }) => blocking.has(reason));

/** Items of sets and keys of maps that are there twice. */
export function listTypeErrors(schema: Fields, value: unknown, path: string): FieldError[] {
  if (isFields(value)) {
    const properties = propertiesOf(schema);
    return Object.entries(value).flatMap(([name, inner]) =>
      listTypeErrors(fieldsOf(properties[name]), inner, path === '' ? name : `${path}.${name}`),
    );
  }
  if (!Array.isArray(value)) return [];
  const identities = identitiesOf(schema, value);
  // Each once, however often it is there.
  const reported: unknown[] = [];
  return identities.flatMap((identity, i) => {
    const isSecond = identities.findIndex((other) => sameJson(other, identity)) < i;
    if (!isSecond || reported.some((other) => sameJson(other, identity))) return [];
    reported.push(identity);
    return [duplicate(`${path}[${i}]`, identity)];
  });
}

function identitiesOf(schema: Fields, value: readonly unknown[]): readonly unknown[] {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') return value;
  if (type !== 'map') return [];
  const keys = textsOf(schema['x-kubernetes-list-map-keys']);
  return value.map((item) => Object.fromEntries(keys.map((key) => [key, fieldsOf(item)[key]])));
}

/** Every rule of `x-kubernetes-validations`, with the part that it stands at. */
export function rulesOf(schema: Fields, path = ''): { path: string; rule: string; message: string }[] {
  const own = listOf(schema['x-kubernetes-validations']).map(fieldsOf);
  return [
    ...own.map((one) => ({ path, rule: textOf(one['rule']), message: textOf(one['message']) })),
    ...Object.entries(propertiesOf(schema)).flatMap(([name, inner]) =>
      rulesOf(fieldsOf(inner), path === '' ? name : `${path}.${name}`),
    ),
  ];
}
