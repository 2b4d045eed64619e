// What holds for the metadata of every kind: what the server itself sets, and what is valid (apimachinery's validation).
import { randomInt, randomUUID } from 'node:crypto';
import { forbiddenField, invalid, required, tooLong, type FieldError } from './fields.ts';
import { keyProblems, labelValueProblems, nameProblems } from './names.ts';
import { fieldsOf, sameJson, textOf, timeText, type ApiObject, type Meta } from './objects.ts';
import type { Kind } from './kinds.ts';

const letters = 'bcdfghjklmnpqrstvwxz2456789';

/** Five characters behind a generateName. */
export const nameSuffix = (): string =>
  Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join('');

/** Metadata of a new object: what only the server may say is its own. */
export function newMeta(meta: Meta, now: Date): Meta {
  const { deletionTimestamp: _1, deletionGracePeriodSeconds: _2, ...rest } = meta;
  const name =
    (meta.name ?? '') === '' && (meta.generateName ?? '') !== ''
      ? `${meta.generateName?.slice(0, 58)}${nameSuffix()}`
      : meta.name;
  return {
    ...rest,
    ...(name === undefined ? {} : { name }),
    uid: randomUUID(),
    creationTimestamp: timeText(now),
  };
}

/** Metadata of a changed object: what only the server may say stays. */
export function keptMeta(meta: Meta, before: Meta): Meta {
  const { deletionTimestamp: _1, deletionGracePeriodSeconds: _2, generation: _3, ...rest } = meta;
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation } = before;
  const own = { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation };
  const kept: Meta = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return { ...rest, ...kept };
}

const mostAnnotations = 256 * 1024;

export function metaErrors(kind: Kind, { metadata }: ApiObject): FieldError[] {
  return [
    ...nameErrors(kind, metadata),
    ...Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => [
      ...keyProblems(key).map((problem) => invalid('metadata.labels', key, problem)),
      ...labelValueProblems(value).map((problem) => invalid('metadata.labels', value, problem)),
    ]),
    ...annotationErrors(metadata),
    ...ownerErrors(metadata),
    ...(metadata.finalizers ?? []).flatMap((finalizer) => finalizerErrors(finalizer)),
  ];
}

function nameErrors({ name: rule }: Kind, { name = '', generateName = '' }: Meta): FieldError[] {
  if (name === '' && generateName === '') {
    return [required('metadata.name', 'name or generateName is required')];
  }
  return nameProblems(rule, name).map((problem) => invalid('metadata.name', name, problem));
}

function annotationErrors({ annotations = {} }: Meta): FieldError[] {
  const keys = Object.keys(annotations).flatMap((key) =>
    keyProblems(key.toLowerCase()).map((problem) => invalid('metadata.annotations', key, problem)),
  );
  const size = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return size > mostAnnotations ? [...keys, tooLong('metadata.annotations', mostAnnotations)] : keys;
}

function ownerErrors({ ownerReferences = [] }: Meta): FieldError[] {
  const errors = ownerReferences.flatMap((owner) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((field) => textOf(owner[field]) === '')
      .map((field) => ownerError(field, owner[field])),
  );
  const controllers = ownerReferences.filter(({ controller }) => controller === true);
  if (controllers.length < 2) return errors;
  const [first, second] = controllers;
  const message =
    `Only one reference can have Controller set to true. Found "true" in references for ` +
    `${first?.kind}/${first?.name} and ${second?.kind}/${second?.name}`;
  return [...errors, invalid('metadata.ownerReferences', ownerReferences, message)];
}

function ownerError(field: string, value: unknown): FieldError {
  const path = `metadata.ownerReferences.${field}`;
  return invalid(
    path,
    value ?? '',
    field === 'apiVersion' ? 'version must not be empty' : 'must not be empty',
  );
}

const plainFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

function finalizerErrors(finalizer: string): FieldError[] {
  const problems = keyProblems(finalizer).map((problem) =>
    invalid('metadata.finalizers', finalizer, problem),
  );
  if (problems.length > 0 || finalizer.includes('/') || plainFinalizers.has(finalizer)) return problems;
  return [
    invalid(
      'metadata.finalizers',
      finalizer,
      'name is neither a standard finalizer name nor is it fully qualified',
    ),
  ];
}

/**
 * What may not change once an object is there; `asked` is its metadata as the writer has it. Twice, as the real server
 * says it: once for all kinds, once for this one.
 */
export function metaUpdateErrors(asked: Meta, before: ApiObject): FieldError[] {
  const errors = [...uidErrors(asked, before), ...lateFinalizers(asked, before)];
  return [...errors, ...errors];
}

function uidErrors({ uid = '' }: Meta, before: ApiObject): FieldError[] {
  const same = uid === '' || uid === before.metadata.uid;
  return same ? [] : [invalid('metadata.uid', uid, 'field is immutable')];
}

function lateFinalizers({ finalizers = [] }: Meta, before: ApiObject): FieldError[] {
  const old = new Set(before.metadata.finalizers);
  const added = finalizers.filter((one) => !old.has(one));
  if (before.metadata.deletionTimestamp === undefined || added.length === 0) return [];
  const list = `[]string{${added.map((one) => JSON.stringify(one)).join(', ')}}`;
  const message = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
  return [forbiddenField('metadata.finalizers', message)];
}

/** The next generation, when anything but metadata and status differs. */
export function withGeneration(kind: Kind, object: ApiObject, before: ApiObject | undefined): ApiObject {
  if (!kind.generation) return object;
  const last = before?.metadata.generation ?? 0;
  const same = before !== undefined && sameJson(contentOf(object), contentOf(before));
  return { ...object, metadata: { ...object.metadata, generation: same ? last : last + 1 } };
}

const contentOf = ({ metadata: _1, status: _2, ...content }: ApiObject): unknown => fieldsOf(content);
