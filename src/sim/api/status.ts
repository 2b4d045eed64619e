// metav1.Status: the shape of every refusal, with the texts of apimachinery's api/errors.
import type { Fields } from './objects.ts';

export interface Cause {
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** A refusal as the server sends it. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  /** In a Status's metadata: where a list goes on. */
  readonly continueToken: string | undefined;

  constructor(
    code: number,
    reason: string,
    message: string,
    more: { readonly details?: StatusDetails; readonly continueToken?: string } = {},
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = more.details;
    this.continueToken = more.continueToken;
  }

  toStatus(): Fields {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continueToken === undefined ? {} : { continue: this.continueToken },
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** What an error is about: a resource (`pods`) or, where an object is invalid, a kind (`Pod`). */
export interface About {
  readonly group: string;
  readonly resource: string;
  readonly name?: string;
}

/** `pods`, or `leases.coordination.k8s.io`. */
export const qualified = ({ group, resource }: About): string =>
  group === '' ? resource : `${resource}.${group}`;

const detailsOf = ({ group, resource, name }: About, causes?: readonly Cause[]): StatusDetails => ({
  ...(name === undefined || name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  kind: resource,
  ...(causes === undefined || causes.length === 0 ? {} : { causes }),
});

export const notFound = (about: About): ApiError =>
  new ApiError(404, 'NotFound', `${qualified(about)} "${about.name ?? ''}" not found`, {
    details: detailsOf(about),
  });

export const alreadyExists = (about: About): ApiError =>
  new ApiError(409, 'AlreadyExists', `${qualified(about)} "${about.name ?? ''}" already exists`, {
    details: detailsOf(about),
  });

export const changedMeanwhile =
  'the object has been modified; please apply your changes to the latest version and try again';

export const conflict = (about: About, why: string = changedMeanwhile): ApiError =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(about)} "${about.name ?? ''}": ${why}`,
    { details: detailsOf(about) },
  );

export function forbidden(about: About, why: string, causes?: readonly Cause[]): ApiError {
  const name = about.name === undefined || about.name === '' ? '' : ` "${about.name}"`;
  return new ApiError(403, 'Forbidden', `${qualified(about)}${name} is forbidden: ${why}`, {
    details: detailsOf(about, causes),
  });
}

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message);

export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'Unauthorized');

export const methodNotAllowed = (): ApiError =>
  new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {
    details: {},
  });

export const expired = (message: string, continueToken?: string): ApiError =>
  new ApiError(410, 'Expired', message, continueToken === undefined ? {} : { continueToken });

/** What the real server has no reason for: a plain error of its own. */
export const plainError = (why: string): ApiError => new ApiError(500, '', why);

export const noSuchResource = (): ApiError =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource', { details: {} });
