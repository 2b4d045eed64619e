// The one catalogue of errors. A message says what is wrong, with which file or node, and what to do;
// outcomes that are expected (nothing due, gate shut) are values, not errors.

/** Every code that the product can report, with the sentence that documents it. Codes are stable; texts may change. */
export const errorCatalogue = {
  // input that cannot be read as what it should be
  MalformedDer: 'bytes are not the DER that they should be',
  MalformedPem: 'text is not well-formed PEM',
  MalformedYaml: 'text is not the YAML document that it should be',
  Unsupported: 'well-formed, but not something that can be handled or edited with certainty',
  KeyEncrypted: 'a private key is encrypted; keys must be readable without a passphrase',
  KeyMismatch: 'a private key does not belong to its certificate',
  NotACertificateAuthority: 'a certificate given as CA is not one',
  WeakCa: 'a CA uses an algorithm that current verifiers refuse',
  ForeignCertificate: 'a certificate was not signed by the CA in question',
  CaExpired: 'a CA has expired or is not valid yet',
  TargetIsCa: 'a CA certificate was named where only leaves are renewed',
  // files and the node
  NotFound: 'a file or object is missing',
  NotRegularFile: 'a path is a directory, FIFO, device or something else that is not a regular file',
  TooLarge: 'a file or message is larger than anything that is expected there',
  PathEscapes: 'a link leads out of the directories that may be written',
  HardLinked: 'a file has more than one name; replacing it would fork the copies',
  UnsafeDirectory: 'a directory may be written by others than root',
  ReadOnly: 'a file system is mounted read-only',
  NoSpace: 'a file system has no room or no inodes left',
  Immutable: 'a file carries the immutable or append-only flag',
  Conflict: 'something changed a file between reading and writing it',
  Io: 'an input or output operation failed',
  LockHeld: 'another rotation holds the lock of this node',
  JournalForeign: 'a journal on this host belongs to another node, rotation or version',
  // acting and proving
  NotProved: 'the live process does not show the new certificate',
  RestartFailed: 'a component did not come back after its restart',
  SigningRefused: 'the signer refuses a request',
  Denied: 'the Kubernetes API refused a request',
  Unreachable: 'a server cannot be reached',
  // the operator
  Usage: 'a command line cannot be understood',
  BadConfiguration: 'a configuration is not valid',
  Aborted: 'the work was interrupted before its end',
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

/** Where in the world an error belongs; shown to the operator. */
export interface ErrorPlace {
  readonly file?: string;
  readonly node?: string;
  /** 1-based position inside `file`. */
  readonly line?: number;
  readonly column?: number;
}

/** The only error that the product throws on purpose. */
export class CertError extends Error {
  readonly code: ErrorCode;
  readonly place: ErrorPlace;

  constructor(code: ErrorCode, message: string, options: ErrorPlace & { cause?: unknown } = {}) {
    const { cause, ...place } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CertError';
    this.code = code;
    this.place = place;
  }
}

/** What to do follows a semicolon: a message that says it already stays as it is. */
export const withAdvice = (message: string, advice: string): string =>
  message.includes('; ') ? message : `${message}; ${advice}`;

/** One line for people: `file:line:column: message`. */
export function describeError(error: unknown): string {
  if (!(error instanceof CertError)) return error instanceof Error ? error.message : String(error);
  const { file, node, line, column } = error.place;
  const position = line === undefined ? '' : `:${line}${column === undefined ? '' : `:${column}`}`;
  const where = file === undefined ? node : `${file}${position}`;
  return where === undefined || error.message.includes(where) ? error.message : `${where}: ${error.message}`;
}
