// By real TLS: who has no certificate's trust, no token or no right gets nothing.
import { request, type Server } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeServing, type ServingMaterial } from '../pki/serving.ts';
import { Metrics } from './metrics.ts';
import { serveMetrics } from './metrics-server.ts';
import { ScrapeAccess } from './scrape-access.ts';
import { metricsServing } from './serving-keeper.ts';

const [serverName = ''] = metricsServing.names;
const made = (): ServingMaterial =>
  makeServing({
    commonName: serverName,
    sans: [{ kind: 'dns', value: serverName }],
    now: new Date(),
  });

let stop: AbortController;
let running: Promise<void>;
let questions: string[];
let served: ServingMaterial;
let port: number;
let problems: string[];
let answerOf: (token: string) => Promise<boolean>;

beforeEach(async () => {
  stop = new AbortController();
  [questions, problems, served] = [[], [], made()];
  answerOf = async (token) => token === 'good';
  const ask = async (token: string): Promise<boolean> => {
    questions.push(token);
    return answerOf(token);
  };
  const server = await new Promise<Server>((resolve, reject) => {
    running = serveMetrics(
      {
        host: '127.0.0.1',
        port: 0,
        metrics: new Metrics(),
        access: new ScrapeAccess(ask),
        material: async () => served,
        onError: ({ code }) => problems.push(code),
        onListening: resolve,
      },
      stop.signal,
    );
    running.catch(reject);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  port = address.port;
});

afterEach(async () => {
  stop.abort();
  await running;
});

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

async function get(headers: Record<string, string>, path = '/metrics', method = 'GET'): Promise<Answer> {
  const options = { host: '127.0.0.1', port, path, method, headers, ca: served.ca, servername: serverName };
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
    });
    sent.on('error', reject).end();
  });
}

const good = { authorization: 'Bearer good' };

describe('the metrics’ server', () => {
  it('gives the metrics to whom the API server lets read them', async () => {
    const { status, body } = await get(good);
    expect(status).toBe(200);
    expect(body.toString()).toContain('cert_rotator_leader 0\n');
  });

  it('packs them for who can unpack them', async () => {
    const { body } = await get({ ...good, 'accept-encoding': 'gzip' });
    expect(gunzipSync(body).toString()).toContain('cert_rotator_leader 0\n');
  });

  it.each<[string, number, Record<string, string>]>([
    ['no token', 401, {}],
    ['another scheme', 401, { authorization: 'Basic Z29vZA==' }],
    ['a token with a line break in it', 401, { authorization: 'Bearer a b' }],
    ['a token without the right', 403, { authorization: 'Bearer other' }],
  ])('%s: %i', async (_, wanted, headers) => {
    const { status, body } = await get(headers);
    expect(status).toBe(wanted);
    expect(body).toHaveLength(0);
  });

  it('lets nobody in while the API server cannot be asked', async () => {
    answerOf = async () => Promise.reject(new Error('down'));
    expect((await get(good)).status).toBe(503);
    expect(problems).toEqual(['Io']);
  });

  it('asks once for many scrapes', async () => {
    for (let i = 0; i < 5; i++) await get(good);
    expect(questions).toEqual(['good']);
  });

  it('has nothing else, and takes nothing', async () => {
    expect((await get(good, '/healthz')).status).toBe(404);
    expect((await get(good, '/metrics', 'POST')).status).toBe(405);
  });

  it('is known to who trusts its CA alone', async () => {
    const before = served;
    served = { ...made(), certificate: before.certificate, key: before.key };
    await expect(get(good)).rejects.toThrow(/certificate/);
    served = before;
  });
});

describe('questions to the API server', () => {
  it('are few at once, whoever asks', async () => {
    const waiting: (() => void)[] = [];
    const access = new ScrapeAccess(
      async () =>
        new Promise<boolean>((resolve) => {
          waiting.push(() => resolve(true));
        }),
    );
    const answers = Array.from({ length: 6 }, async (_, i) => access.of(`Bearer t${i}`));
    expect(await Promise.all(answers.slice(4))).toEqual(['busy', 'busy']);
    for (const go of waiting) go();
    expect(await Promise.all(answers.slice(0, 4))).toEqual(Array.from({ length: 4 }, () => 'allowed'));
  });
});
