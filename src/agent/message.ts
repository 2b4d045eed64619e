// One message out of a container: its termination message, at most 4,096 bytes of ASCII (R7). A value is JSON,
// deflated, base64; a result too large for one container is split over up to three, by its lists, each part complete
// in itself. Whatever comes in is judged as hostile: a node's root can write anything here.
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CertError, errorCatalogue, type ErrorCode } from '../errors.ts';
import { terminationMessageLimit } from './protocol.ts';
import { cutBytes, printable, withPrintableTexts } from '../formats/text.ts';

export { checkers } from './message-shapes.ts';

/** The kubelet gives a Pod 12,288 bytes for all containers: more than three get less than 4,096 each (R7). */
export const maximumParts = 3;

const prefix = 'ccr1';
const inflatedLimit = 1024 * 1024;
/** Bytes: base64 makes a third more of them, and a text need not be compressible. */
const errorTextLimit = 1500;

export interface EncodeOptions {
  /** 0-based part to say, of `parts`. */
  readonly part?: number;
  readonly parts?: number;
  /** Bytes. */
  readonly limit?: number;
}

/** `overflow`: the value needs `parts` containers. `error`: the agent, or whoever wrote the message, has no value. */
export type Decoded<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'overflow'; readonly parts: number }
  | { readonly kind: 'error'; readonly error: { readonly code: ErrorCode; readonly message: string } };

type Lists = Readonly<Record<string, unknown>>;

/**
 * The message of one container: part `part` of `value`. Scalars are in every part, top-level lists are cut into equal
 * runs. When a part would not fit, every container says the same overflow, with the number of parts that suffices.
 */
export function encodeMessage(said: object, options: EncodeOptions = {}): string {
  const value = withPrintableTexts(said);
  const { part = 0, parts = 1, limit = terminationMessageLimit } = options;
  const fits = (count: number): boolean =>
    Array.from({ length: count }, (_, index) => encodePart(value, index, count)).every(
      (message) => message.length <= limit,
    );
  if (fits(parts)) return encodePart(value, part, parts);
  for (let needed = parts + 1; needed <= maximumParts; needed++) {
    if (fits(needed)) return `${prefix} overflow ${needed}`;
  }
  return encodeError(
    new CertError(
      'TooLarge',
      `the result does not fit into ${maximumParts} termination messages of ${limit} bytes; too many certificates or notes on this node`,
    ),
  );
}

/** An error as a message: expected by the controller, so the container still exits 0. */
export function encodeError(error: unknown): string {
  const code: ErrorCode = error instanceof CertError ? error.code : 'Io';
  const text = error instanceof Error ? error.message : String(error);
  const message = cutBytes(printable(text), errorTextLimit);
  return `${prefix} error ${pack({ code, message })}`;
}

/**
 * Reads the messages of one Pod's containers, in any order. Never throws: a message that is not ours, that was cut, or
 * whose parts do not belong together is an error value.
 *
 * @param check judges the shape of the joined value; throws CertError when it is not a T
 */
export function decodeMessages<T>(messages: readonly string[], check: (value: unknown) => T): Decoded<T> {
  try {
    return decode(messages, check);
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return { kind: 'error', error: { code: error.code, message: error.message } };
  }
}

function decode<T>(messages: readonly string[], check: (value: unknown) => T): Decoded<T> {
  const parsed = messages.map(parseMessage);
  const error = parsed.find((message) => message.kind === 'error');
  if (error !== undefined) return error;
  const overflows = parsed.flatMap((message) => (message.kind === 'overflow' ? [message.parts] : []));
  if (overflows.length > 0) return { kind: 'overflow', parts: Math.max(...overflows) };
  const parts = parsed.flatMap((message) => (message.kind === 'part' ? [message] : []));
  return { kind: 'value', value: check(join(parts)) };
}

interface Part {
  readonly kind: 'part';
  readonly part: number;
  readonly parts: number;
  readonly digest: string;
  readonly value: Lists;
}

function parseMessage(message: string): Part | Exclude<Decoded<never>, { kind: 'value' }> {
  const match = /^ccr1 (?:overflow ([23])|error (\S+)|([0-2])\/([1-3]) ([0-9a-f]{16}) (\S+))$/u.exec(
    message.trim(),
  );
  if (match === null) throw foreign('it has another form');
  const [, overflow, error, part, parts, digest, body] = match;
  if (overflow !== undefined) return { kind: 'overflow', parts: Number(overflow) };
  if (error !== undefined) return { kind: 'error', error: errorOf(unpack(error)) };
  const value = unpack(body ?? '');
  if (!isRecord(value)) throw foreign('its content is no object');
  return { kind: 'part', part: Number(part), parts: Number(parts), digest: digest ?? '', value };
}

function join(parts: readonly Part[]): Lists {
  const [first] = parts;
  if (first === undefined) throw foreign('there is none');
  const ordered = parts.toSorted((a, b) => a.part - b.part);
  const complete = ordered.length === first.parts && ordered.every((part, index) => part.part === index);
  if (!complete)
    throw foreign(`of ${first.parts} parts there are only ${ordered.map((part) => part.part).join(', ')}`);
  const joined: Record<string, unknown> = {};
  for (const { value } of ordered) {
    for (const [key, content] of Object.entries(value)) {
      const before = joined[key];
      if (Array.isArray(content)) define(joined, key, [...listOf(before), ...listOf(content)]);
      else if (!Object.hasOwn(joined, key)) define(joined, key, content);
    }
  }
  const digest = digestOf(joined);
  if (ordered.some((part) => part.digest !== digest)) {
    throw new CertError(
      'Conflict',
      'the node changed while its containers read it; the next scan reads it again',
    );
  }
  return joined;
}

function encodePart(value: object, part: number, parts: number): string {
  const slice: Record<string, unknown> = {};
  for (const [key, content] of Object.entries(value)) {
    if (!Array.isArray(content)) define(slice, key, content);
    else
      define(
        slice,
        key,
        content.slice(cut(content.length, part, parts), cut(content.length, part + 1, parts)),
      );
  }
  return `${prefix} ${part}/${parts} ${digestOf(value)} ${pack(slice)}`;
}

const cut = (length: number, part: number, parts: number): number => Math.floor((length * part) / parts);

/** Over the lists alone: the containers of one Pod read the clock at different moments. */
function digestOf(value: object): string {
  const lists = Object.entries(value).filter(([, content]) => Array.isArray(content));
  return createHash('sha256').update(JSON.stringify(lists)).digest('hex').slice(0, 16);
}

function pack(value: unknown): string {
  return deflateRawSync(JSON.stringify(value), { level: 9 }).toString('base64');
}

function unpack(text: string): unknown {
  try {
    return JSON.parse(
      inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: inflatedLimit }).toString('utf8'),
    );
  } catch (error) {
    throw foreign('its content cannot be read', error);
  }
}

function errorOf(value: unknown): { code: ErrorCode; message: string } {
  if (!isRecord(value)) throw foreign('its error is no object');
  const { code, message }: { readonly code?: unknown; readonly message?: unknown } = value;
  if (!isErrorCode(code) || typeof message !== 'string') throw foreign('its error has no known code');
  return { code, message: message.slice(0, errorTextLimit + 1) };
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorCatalogue, value);
}

function isRecord(value: unknown): value is Lists {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A plain assignment of `__proto__` would change the object instead of its keys. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function foreign(why: string, cause?: unknown): CertError {
  return new CertError('Unsupported', `the termination message is not one of the agent’s: ${why}`, { cause });
}
