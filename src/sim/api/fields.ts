// Errors of single fields (apimachinery's util/validation/field), and the 422 that is made of them.
import { ApiError, qualified, type Cause } from './status.ts';

export interface FieldError {
  readonly reason: string;
  readonly field: string;
  /** What stands after the field: type, value and explanation. */
  readonly message: string;
}

const quoted = (value: unknown): string => JSON.stringify(value);
const withDetail = (text: string, detail: string): string => (detail === '' ? text : `${text}: ${detail}`);

export const required = (field: string, detail = ''): FieldError => ({
  reason: 'FieldValueRequired',
  field,
  message: withDetail('Required value', detail),
});

export const invalid = (field: string, value: unknown, detail: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field,
  message: withDetail(`Invalid value: ${quoted(value)}`, detail),
});

export const typeInvalid = (field: string, value: unknown, detail: string): FieldError => ({
  ...invalid(field, value, detail),
  reason: 'FieldValueTypeInvalid',
});

export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  field,
  message: `Unsupported value: ${quoted(value)}: supported values: ${supported.map(quoted).join(', ')}`,
});

export const forbiddenField = (field: string, detail: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field,
  message: withDetail('Forbidden', detail),
});

export const duplicate = (field: string, value: unknown): FieldError => ({
  reason: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${quoted(value)}`,
});

export const tooLong = (field: string, bytes: number): FieldError => ({
  reason: 'FieldValueTooLong',
  field,
  message: `Too long: may not be more than ${bytes} bytes`,
});

/** `spec.nodeName: Required value`. */
export const fieldText = ({ field, message }: FieldError): string => `${field}: ${message}`;

/** The 422 for an object of a kind. */
export function invalidObject(
  about: { readonly group: string; readonly kind: string; readonly name: string },
  errors: readonly FieldError[],
): ApiError {
  const { group, kind, name } = about;
  const texts = [...new Set(errors.map(fieldText))];
  const [only] = texts;
  const list = texts.length === 1 ? only : `[${texts.join(', ')}]`;
  const causes = errors.map(({ reason, message, field }): Cause => ({ reason, message, field }));
  return new ApiError(
    422,
    'Invalid',
    `${qualified({ group, resource: kind })} "${name}" is invalid: ${list}`,
    {
      details: {
        ...(name === '' ? {} : { name }),
        ...(group === '' ? {} : { group }),
        ...(kind === '' ? {} : { kind }),
        causes,
      },
    },
  );
}
