// A conversation with a server, written down so that two servers can be compared word for word.
import { Agent, request, type RequestOptions } from 'node:https';
import { createAuthority } from '../api/authority.ts';
import { Normalizer } from './normalize.ts';
import type { ContractServer } from './servers.ts';

/** Who speaks: a member of system:masters, a user with groups, nobody, or one with a certificate of a foreign CA. */
export type Speaker =
  'admin' | 'anonymous' | 'stranger' | { readonly user: string; readonly groups?: readonly string[] };

export interface Said {
  readonly as?: Speaker;
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly text?: string;
  readonly type?: string;
  readonly accept?: string;
  readonly token?: string;
  /** As kubectl --as and --as-group. */
  readonly actAs?: { readonly user: string; readonly groups?: readonly string[] };
}

export interface Heard {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** Parsed, when it is JSON. */
  readonly body: Body;
}

export interface Body {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: object;
  readonly status?: { readonly token?: string };
  readonly [field: string]: unknown;
}

export interface Entry {
  readonly said: string;
  readonly status: number;
  readonly type: string;
  readonly answer: unknown;
}

export class Talk {
  readonly entries: Entry[] = [];
  readonly server: ContractServer;
  readonly #agents = new Map<string, Agent>();
  readonly #normalizer = new Normalizer();

  constructor(server: ContractServer) {
    this.server = server;
  }

  /** One request; what comes back is written down. */
  async say(method: string, path: string, said: Said = {}): Promise<Heard> {
    const heard = await this.#send(method, path, said);
    const answer = heard.type.startsWith('application/json') ? JSON.parse(heard.text) : heard.text;
    this.entries.push({
      said: this.#normalizer.text(`${speakerName(said.as)} ${method} ${path}`),
      status: heard.status,
      type: heard.type,
      answer: this.#normalizer.value(answer),
    });
    return heard;
  }

  /** The same, not written down: to prepare. */
  async quietly(method: string, path: string, said: Said = {}): Promise<Heard> {
    return this.#send(method, path, said);
  }

  /** Follows a watch until it has told `count` events or ends, while `meanwhile` happens. Gives the events as they came. */
  async watch(
    path: string,
    count: number,
    meanwhile: () => Promise<unknown> = async () => undefined,
  ): Promise<readonly unknown[]> {
    const events: unknown[] = [];
    const status = await this.#stream(path, count, events, meanwhile);
    this.entries.push({
      said: this.#normalizer.text(`watch ${path}`),
      status,
      type: 'stream',
      answer: events.map((event) => this.#normalizer.event(event)),
    });
    return events;
  }

  /** The server dies and comes back. */
  async restart(): Promise<void> {
    await this.server.kill();
    this.close();
    this.#agents.clear();
    await this.server.start();
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async #send(method: string, path: string, said: Said): Promise<Heard> {
    const text = said.text ?? (said.body === undefined ? undefined : JSON.stringify(said.body));
    const options = await this.#options(method, path, said, text);
    return new Promise((resolve, reject) => {
      const call = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const type = response.headers['content-type'] ?? '';
          const body: Body = type.startsWith('application/json') ? JSON.parse(text) : {};
          resolve({ status: response.statusCode ?? 0, type, text, body });
        });
      });
      call.on('error', reject);
      call.end(text);
    });
  }

  async #stream(
    path: string,
    count: number,
    events: unknown[],
    meanwhile: () => Promise<unknown>,
  ): Promise<number> {
    const options = await this.#options('GET', path, {}, undefined);
    return new Promise((resolve, reject) => {
      const call = request(options, (response) => {
        let rest = '';
        const done = (): void => {
          resolve(response.statusCode ?? 0);
          call.destroy();
        };
        response.on('data', (chunk: Buffer) => {
          const lines = (rest + chunk.toString('utf8')).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) if (events.length < count) events.push(parsed(line));
          if (events.length >= count) done();
        });
        response.on('end', () => {
          if (rest !== '' && events.length < count) events.push(parsed(rest));
          done();
        });
        response.on('error', () => undefined);
        meanwhile().catch(reject);
      });
      call.on('error', reject);
      call.end();
    });
  }

  async #options(
    method: string,
    path: string,
    said: Said,
    text: string | undefined,
  ): Promise<RequestOptions> {
    const { hostname, port } = new URL(this.server.url);
    const plainType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    return {
      host: hostname,
      port,
      method,
      path,
      agent: await this.#agent(said.as ?? 'admin'),
      headers: {
        accept: said.accept ?? 'application/json',
        ...(text === undefined
          ? {}
          : { 'content-type': said.type ?? plainType, 'content-length': Buffer.byteLength(text) }),
        ...(said.actAs === undefined ? {} : { 'impersonate-user': said.actAs.user }),
        ...(said.actAs?.groups === undefined ? {} : { 'impersonate-group': [...said.actAs.groups] }),
        ...(said.token === undefined ? {} : { authorization: `Bearer ${said.token}` }),
      },
    };
  }

  async #agent(speaker: Speaker): Promise<Agent> {
    const name = speakerName(speaker);
    const known = this.#agents.get(name);
    if (known !== undefined) return known;
    const agent = new Agent({
      keepAlive: true,
      ca: this.server.caPem,
      ...(await this.#certificate(speaker)),
    });
    this.#agents.set(name, agent);
    return agent;
  }

  async #certificate(speaker: Speaker): Promise<{ cert?: string; key?: string }> {
    if (speaker === 'anonymous') return {};
    if (speaker === 'admin') return this.server.clientCertificate('kubernetes-admin', ['system:masters']);
    if (speaker === 'stranger') {
      const foreign = createAuthority('elsewhere');
      return foreign.issue({ commonName: 'mallory', organizations: ['system:masters'], usage: 'clientAuth' });
    }
    return this.server.clientCertificate(speaker.user, speaker.groups ?? []);
  }
}

function parsed(line: string): unknown {
  return line.startsWith('{') ? JSON.parse(line) : line;
}

const speakerName = (speaker: Speaker = 'admin'): string =>
  typeof speaker === 'string' ? speaker : [speaker.user, ...(speaker.groups ?? [])].join('+');
