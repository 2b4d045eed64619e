// The handful of calls that the agent makes to the Kubernetes API: node:https and the projected token, nothing more.
import * as fs from 'node:fs';
import * as https from 'node:https';
import { CertError, describeError } from '../errors.ts';
import { needed, type Environment } from './face.ts';

export interface ApiAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when there is none. */
  readonly body: unknown;
}

/** One call. Errors: Unreachable (the network, TLS, a timeout), Aborted. */
export type Api = (
  call: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: object },
  signal: AbortSignal,
) => Promise<ApiAnswer>;

const tokenDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';
const timeoutMs = 15_000;
const bodyLimit = 1024 * 1024;

/** By the Service's address from the environment, with CA and token from the projected volume: needs no DNS. */
export function inClusterApi(environment: Environment, directory = tokenDirectory): Api {
  const host = needed(environment, 'KUBERNETES_SERVICE_HOST');
  const port = needed(environment, 'KUBERNETES_SERVICE_PORT');
  const ca = fs.readFileSync(`${directory}/ca.crt`);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 4, ca });
  return async ({ method, path, body }, signal) => {
    if (signal.aborted) throw new CertError('Aborted', 'interrupted before a call to the API server');
    // Read each time: the kubelet renews it.
    const token = fs.readFileSync(`${directory}/token`, 'utf8').trim();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      accept: 'application/json',
      authorization: `Bearer ${token}`,
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      return await exchange({ host, port, path, method, headers, agent, signal: limit }, text);
    } catch (error) {
      if (signal.aborted)
        throw new CertError('Aborted', 'interrupted while calling the API server', { cause: error });
      const why = limit.aborted ? `no answer within ${timeoutMs / 1000} s` : describeError(error);
      throw new CertError('Unreachable', `the API server at ${host}:${port} cannot be reached: ${why}`, {
        cause: error,
      });
    }
  };
}

async function exchange(options: https.RequestOptions, text: string | undefined): Promise<ApiAnswer> {
  return await new Promise<ApiAnswer>((resolve, reject) => {
    const sent = https.request(options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= bodyLimit) chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString('utf8')) });
      });
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

/** A load balancer in between may answer with anything. */
function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
