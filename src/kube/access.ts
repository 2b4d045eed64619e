// Whether a caller of ours may do something, by the API server's own word: it is asked with the caller's token and with
// nothing of ours, so neither the caller nor we need a right for it (SelfSubjectAccessReview, granted to everybody who is
// authenticated).
import { Agent } from 'undici';
import { CertError } from '../errors.ts';
import type { Connection } from './connection.ts';

const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const timeout = 10_000;

export class CallerAccess {
  readonly #connection: Pick<Connection, 'server' | 'credentials'>;
  #agent: Agent | undefined;
  #ca: string | undefined;

  constructor(connection: Pick<Connection, 'server' | 'credentials'>) {
    this.#connection = connection;
  }

  /** Whether the token's owner may GET this path of the API server. Errors: Unreachable. */
  async mayGet(url: string, token: string): Promise<boolean> {
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' };
    const spec = { nonResourceAttributes: { path: url, verb: 'get' } };
    const { status, text } = await this.#post(JSON.stringify({ ...body, spec }), token);
    if (status === 401 || status === 403) return false;
    if (status !== 201)
      throw new CertError('Unreachable', `the API server answers ${status} to a question of access`);
    const answer: { readonly status?: { readonly allowed?: boolean } } = JSON.parse(text);
    return answer.status?.allowed === true;
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
  }

  async #post(body: string, token: string): Promise<{ status: number; text: string }> {
    const { server } = this.#connection;
    const agent = await this.#agentOf();
    try {
      const answer = await agent.request({
        origin: new URL(server).origin,
        path: new URL(server).pathname.replace(/\/$/, '') + path,
        method: 'POST',
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'user-agent': 'cluster-cert-rotator',
        },
        body,
        signal: AbortSignal.timeout(timeout),
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    } catch (cause) {
      throw new CertError('Unreachable', 'the API server does not answer a question of access', { cause });
    }
  }

  /** Without a client certificate: with one, the answer would be about ourselves. */
  async #agentOf(): Promise<Agent> {
    const { ca } = await this.#connection.credentials();
    if (this.#agent !== undefined && ca === this.#ca) return this.#agent;
    await this.#agent?.close();
    this.#ca = ca;
    this.#agent = new Agent({ connect: { ...(ca === undefined ? {} : { ca }), timeout: 5000 } });
    return this.#agent;
  }
}
