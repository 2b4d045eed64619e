// What the API server's answers say: an object, or a metav1.Status with a reason.
import { CertError } from '../errors.ts';
import type { HttpAnswer, HttpRequest } from './connection.ts';

/** The body of a 2xx answer. Errors: Unreachable (429, 5xx, cut off), Denied (every other refusal). */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who asks knows what the server sends
export function decode<T>(request: HttpRequest, answer: HttpAnswer): T {
  if (answer.status >= 200 && answer.status < 300) {
    try {
      const value: T = JSON.parse(answer.text);
      return value;
    } catch (cause) {
      throw new CertError(
        'Unreachable',
        `the answer to ${request.method} ${request.path} is cut off or not JSON`,
        {
          cause,
        },
      );
    }
  }
  throw refusal(`${request.method} ${request.path}`, answer);
}

/** The error that an answer other than 2xx stands for. */
export function refusal(what: string, answer: HttpAnswer): CertError {
  const { message } = statusOf(answer);
  const passing = answer.status === 429 || answer.status >= 500;
  return new CertError(
    passing ? 'Unreachable' : 'Denied',
    `${what}: the API server answers ${answer.status}: ${message}`,
  );
}

/** `reason` and `message` of a metav1.Status, or the beginning of what stands in its place. */
export function statusOf(answer: HttpAnswer): { reason: string; message: string } {
  try {
    const status: { reason?: unknown; message?: unknown } | null = JSON.parse(answer.text);
    if (typeof status?.message === 'string') {
      return { reason: typeof status.reason === 'string' ? status.reason : '', message: status.message };
    }
  } catch {
    // Not JSON: a proxy or a server that is starting speaks text; that text is the message.
  }
  return { reason: '', message: answer.text.trim().slice(0, 300) || '(no text)' };
}
